/** What differs between the two results of a case. */

import { ARITHMETIC_FLAGS, IF } from "../../cpu/flags.ts";
import { X86_BP, X86_GP, X86_PF } from "../../cpu/engine.ts";
import {
  CODE,
  CODE_PAGES,
  DATA,
  LOST,
  LOW,
  OUT_ADDRESS,
  OUT_CHANGED,
  OUT_EFLAGS,
  OUT_EIP,
  OUT_ERROR,
  OUT_FX_BYTE,
  OUT_REGISTERS,
  OUT_VECTOR,
  PAGE,
  PAGES,
} from "./layout.ts";
import type { Sequence } from "./sequence.ts";

/** Of a page fault's error code, W and U: P and I tell about protection that a VM's memory does not have. */
const PAGE_FAULT_ERROR = 6, FETCH_ERROR = 0x10;
/** #SS: an operand by way of SS goes on past its limit. There are no limits here. */
const STACK_FAULT = 12;
/** RF and IF are not the program's. */
const EFLAGS_MASK = ~(1 << 16 | IF);
/** C1 tells how a result was rounded. */
const C1 = 0x200 << 16;

/**
 * Many accesses: processors differ in their order, and leave memory or registers half changed when one of
 * them faults (Denali never does).
 */
const TORN = /^(enter|pusha|popa|fnsave|fnstenv|fxsave|frstor|fldenv|fxrstor|bound|call|maskmovq)$/;

const REGISTERS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];

/** Why the two results of a case say nothing about each other, or "". */
export function reasonToIgnore(one: Sequence, host: Int32Array, h: number): string {
  const vector = host[h + OUT_VECTOR];
  if (vector === LOST) return "hit the process that runs it";
  // Data pages are executable in a VM, so what happens after a jump there is not comparable.
  const fetch = vector === X86_PF && (host[h + OUT_ERROR] & FETCH_ERROR) !== 0;
  if (fetch && isData(host[h + OUT_ADDRESS])) return "jumped into data";
  if ((host[h + (OUT_FX_BYTE >> 2) + 6] & ~0xffff) !== 0) return "set what only AMD has in MXCSR";
  if ((vector === X86_GP || vector === STACK_FAULT) && pastLimit(one, host, h)) {
    return "crosses the limit of a segment";
  }
  return "";
}

/** Whether it faulted at an instruction whose operand goes on past offset 2^32 (Intel SDM vol. 3, 5.3). */
function pastLimit(one: Sequence, host: Int32Array, h: number): boolean {
  const position = one.offsets.indexOf(host[h + OUT_EIP] - one.eip);
  const memory = one.instructions[position]?.operands.find(({ kind }) => kind === "mem");
  if (memory === undefined) return false;
  const register = (number: number) => number < 0 ? 0 : host[h + OUT_REGISTERS + number];
  const offset = register(memory.base) + (register(memory.index) << memory.shift) + memory.value |
    0;
  return offset < 0 && offset >= -memory.size;
}

function isData(address: number): boolean {
  return (address >= DATA && address < DATA + 3 * PAGE) || (address >= LOW && address < LOW + PAGE);
}

/** Lines that say what differs; none: nothing does. `h` and `e`: where the results stand. */
export function differences(
  one: Sequence,
  host: Int32Array,
  h: number,
  engine: Int32Array,
  e: number,
): string[] {
  const lines: string[] = [];
  const check = (name: string, a: number, b: number) => {
    if (a !== b) lines.push(`${name}: silicon ${hex(a)}, engine ${hex(b)}`);
  };
  const vector = host[h + OUT_VECTOR];
  const position = one.offsets.indexOf(host[h + OUT_EIP] - one.eip);
  const ended = vector === X86_BP;
  check("vector", vector, engine[e + OUT_VECTOR]);
  check("eip", host[h + OUT_EIP], engine[e + OUT_EIP]);
  const torn = !ended && position >= 0 && position < one.instructions.length &&
    TORN.test(one.instructions[position].mnemonic);
  if (vector === X86_PF) {
    if (!torn) check("fault address", host[h + OUT_ADDRESS], engine[e + OUT_ADDRESS]);
    const mask = torn ? 0 : PAGE_FAULT_ERROR;
    check("error code", host[h + OUT_ERROR] & mask, engine[e + OUT_ERROR] & mask);
  } else if (!ended) {
    check("error code", host[h + OUT_ERROR], engine[e + OUT_ERROR]);
  }
  const flags = EFLAGS_MASK & ~undefinedFlags(one, host[h + OUT_EIP] - one.eip, ended);
  check("eflags", host[h + OUT_EFLAGS] & flags, engine[e + OUT_EFLAGS] & flags);
  if (torn) return lines;
  for (let i = 0; i < 8; i++) {
    check(REGISTERS[i], host[h + OUT_REGISTERS + i], engine[e + OUT_REGISTERS + i]);
  }
  compareImages(one, host, h + (OUT_FX_BYTE >> 2), engine, e + (OUT_FX_BYTE >> 2), check);
  for (let i = 0; i < PAGES.length - 1; i++) {
    const name = `contents of page ${hex(PAGES[i])}, hash`;
    check(name, host[h + OUT_CHANGED + i], engine[e + OUT_CHANGED + i]);
  }
  return lines;
}

/** `offset`: of EIP at the end. INT3 leaves it behind itself. */
function undefinedFlags(one: Sequence, offset: number, ended: boolean): number {
  const atBreakpoint = ended ? one.offsets.indexOf(offset - 1) : -1;
  const position = atBreakpoint >= 0 ? atBreakpoint : one.offsets.indexOf(offset);
  if (!one.loops && position >= 0) return one.undefined[position];
  if (!one.loops && ended) return one.undefined[one.undefined.length - 1];
  return one.undefined.reduce((all, flags) => all | flags, 0) & ARITHMETIC_FLAGS;
}

type Check = (name: string, a: number, b: number) => void;

/** FXSAVE images: x87 control, status, tags, pointers, MXCSR, then registers of 4 words. */
function compareImages(
  one: Sequence,
  host: Int32Array,
  h: number,
  engine: Int32Array,
  e: number,
  check: Check,
): void {
  const rounding = one.tolerance === "ulp" ? ~C1 : -1;
  check("x87 status and control", host[h] & rounding, engine[e] & rounding);
  check("x87 tags", host[h + 1] & 0xff, engine[e + 1] & 0xff);
  // AMD's processors save them only with an exception pending.
  if ((host[h] & 0x80 << 16) !== 0) {
    check("x87 instruction pointer", host[h + 2], engine[e + 2]);
    check("x87 data pointer", host[h + 4], engine[e + 4]);
  }
  check("mxcsr", host[h + 6], engine[e + 6]);
  for (let i = 0; i < 8; i++) {
    const a = h + 8 + 4 * i, b = e + 8 + 4 * i;
    if (one.tolerance === "ulp" && isNear(host, a, engine, b)) continue;
    check(`st(${i}) low`, host[a], engine[b]);
    check(`st(${i}) high`, host[a + 1], engine[b + 1]);
    check(`st(${i}) exponent`, host[a + 2] & 0xffff, engine[b + 2] & 0xffff);
  }
  for (let i = 0; i < 32; i++) {
    const a = host[h + 40 + i], b = engine[e + 40 + i];
    if (a === b || (one.tolerance === "approximate" && isApproximate(a, b))) continue;
    check(`xmm${i >> 2} word ${i & 3}`, a, b);
  }
}

/** Neighbours among the extended values. */
function isNear(host: Int32Array, a: number, engine: Int32Array, b: number): boolean {
  const position = (words: Int32Array, at: number) =>
    BigInt(words[at + 2] & 0x7fff) << 63n | BigInt(words[at + 1] & 0x7fffffff) << 32n |
    BigInt(words[at] >>> 0);
  if (((host[a + 2] ^ engine[b + 2]) & 0x8000) !== 0) return false;
  const difference = position(host, a) - position(engine, b);
  return difference >= -1n && difference <= 1n;
}

const bits = new Int32Array(2), floats = new Float32Array(bits.buffer);

/** Both within 1.5 * 2^-12 of the exact value (Intel SDM vol. 2, RCPPS). */
function isApproximate(a: number, b: number): boolean {
  bits[0] = a;
  bits[1] = b;
  const [x, y] = floats;
  if (Number.isNaN(x) || Number.isNaN(y)) return false;
  // What comes out below the least normal number is 0.
  const least = 2 ** -126 * (1 + 2 ** -11);
  if (Math.abs(x) <= least && Math.abs(y) <= least) return (a ^ b) >= 0;
  return Math.abs(x - y) <= Math.abs(x) * 3 * 2 ** -12;
}

export function hex(value: number): string {
  return (value >>> 0).toString(16);
}

export function isCode(address: number): boolean {
  return address >= CODE && address < CODE + CODE_PAGES * PAGE;
}
