/**
 * Runs sequences on an engine, in the memory of layout.ts, and gives results in the form of the native half.
 *
 * A case's `style` makes life harder for the engine, which must not be visible in the result:
 *
 *     1  runs of one to three instructions
 *     2  pages are absent at first: the access has to wait and is repeated
 *     4  pages go away again now and then, between runs
 */

import { createPool } from "../../cpu/flat_space.ts";
import {
  type AddressSpace,
  type Engine,
  type EngineOptions,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_WAIT,
  PRESENT,
  RESOLVE_FAULT,
  RESOLVE_WAIT,
  X86_BP,
  X86_PF,
} from "../../cpu/engine.ts";
import { readFlags, writeFlags } from "../../cpu/flags.ts";
import {
  CpuState,
  EIP,
  EXIT_ADDRESS,
  EXIT_ERROR,
  EXIT_VECTOR,
  FPU_BYTE,
  FPU_CONTROL,
  FPU_DP,
  FPU_IP,
  FPU_STATUS,
  FPU_TAG,
  FS_BASE as FS_BASE_WORD,
  FS_SELECTOR as FS_SELECTOR_WORD,
  GS_BASE as GS_BASE_WORD,
  GS_SELECTOR as GS_SELECTOR_WORD,
  MXCSR,
  XMM_BYTE,
} from "../../cpu/state.ts";
import type { Batch } from "./batch.ts";
import {
  FIRST_CODE_PAGE,
  FS_BASE,
  FS_SELECTOR,
  GS_BASE,
  GS_SELECTOR,
  hashPage,
  IMAGE_BYTES,
  LEAVE,
  OUT_ADDRESS,
  OUT_CHANGED,
  OUT_EFLAGS,
  OUT_EIP,
  OUT_ERROR,
  OUT_FX_BYTE,
  OUT_REGISTERS,
  OUT_VECTOR,
  OUTPUT_BYTES,
  PAGE,
  PAGES,
  READ_ONLY_PAGE,
} from "./layout.ts";
import type { Sequence } from "./sequence.ts";

/** OUT_VECTOR of a case that did not end with an exception: this, less the reason of the exit. */
export const NO_EXCEPTION = -1;

/** More than any sequence that ends should need. */
const BUDGET = 4000;

const STYLE_PIECES = 1, STYLE_WAIT = 2, STYLE_EVICT = 4;

/** Frame of each page: not in order, so that an access that straddles pages cannot go on in the pool. */
const FRAMES = [3, 1, 6, 5, 2, 7];

class TestSpace implements AddressSpace {
  readonly readTable = new Int32Array(1 << 20);
  readonly writeTable = new Int32Array(1 << 20);
  readonly pageIndex = new Int8Array(1 << 20).fill(-1);
  /** Pages that may have been written, a bit for each. */
  dirty = 0;
  style = 0;
  private noise = 1;

  constructor(private readonly drop: (frame: number) => void) {
    PAGES.forEach((address, index) => this.pageIndex[address >>> 12] = index);
  }

  /** Makes all pages absent. */
  reset(style: number, noise: number): void {
    for (const address of PAGES) this.evict(address >>> 12);
    this.dirty = 0;
    this.style = style;
    this.noise = noise | 1;
  }

  private evict(page: number): void {
    this.readTable[page] = this.writeTable[page] = 0;
  }

  /** Between two runs: takes a page away, sometimes. */
  betweenRuns(): void {
    if ((this.style & STYLE_EVICT) === 0 || (this.random() & 3) !== 0) return;
    this.evict(PAGES[this.random() % PAGES.length] >>> 12);
  }

  private random(): number {
    this.noise = Math.imul(this.noise, 1664525) + 1013904223 | 0;
    return this.noise >>> 16;
  }

  resolve(page: number, write: boolean): number {
    const index = this.pageIndex[page];
    if (index < 0 || (write && index === READ_ONLY_PAGE)) return RESOLVE_FAULT;
    if ((this.style & STYLE_WAIT) !== 0 && (this.random() & 1) !== 0) return RESOLVE_WAIT;
    const entry = FRAMES[index] * PAGE | PRESENT;
    this.readTable[page] = entry;
    if (write) {
      this.dirty |= 1 << index;
      this.drop(FRAMES[index] * PAGE);
      this.writeTable[page] = entry;
    }
    return entry;
  }

  protectCode(page: number): void {
    this.writeTable[page] = 0;
  }
}

export class EngineUnderTest {
  private readonly pool = createPool(8 * PAGE);
  private readonly engine: Engine;
  private readonly space: TestSpace;
  private readonly cpu = new CpuState();
  private memory: Int32Array = new Int32Array(0);
  private readonly images: CpuState[] = [];

  constructor(createEngine: (options: EngineOptions) => Engine) {
    this.engine = createEngine({ pool: this.pool, timestamp: (cpu) => cpu.retired });
    this.space = new TestSpace((frame) => this.engine.dropFrame(frame));
  }

  /** Prepares for the cases of a batch. */
  begin(batch: Batch): void {
    const { memory, images } = batch;
    this.memory = new Int32Array(memory.buffer, memory.byteOffset, memory.length >> 2);
    PAGES.forEach((_, index) => this.restore(index));
    const count = images.length / IMAGE_BYTES;
    for (let i = 0; i < count; i++) {
      this.images[i] ??= new CpuState();
      loadImage(this.images[i], images.subarray(i * IMAGE_BYTES, (i + 1) * IMAGE_BYTES));
    }
  }

  private restore(index: number): void {
    const words = PAGE >> 2;
    const page = this.memory.subarray(index * words, (index + 1) * words);
    this.pool.i32.set(page, FRAMES[index] * words);
  }

  private isChanged(index: number): boolean {
    const a = index * (PAGE >> 2), b = FRAMES[index] * (PAGE >> 2);
    const { memory } = this, { i32 } = this.pool;
    for (let i = 0; i < PAGE >> 2; i++) if (memory[a + i] !== i32[b + i]) return true;
    return false;
  }

  private offset(address: number): number {
    return FRAMES[this.space.pageIndex[address >>> 12]] * PAGE + (address & PAGE - 1);
  }

  /** Runs a case; writes its result to `words` from `at` on. Memory stays as it is until `clean`. */
  run(one: Sequence, words: Int32Array, at: number): void {
    const { cpu, space } = this;
    space.reset(one.style, one.eip ^ one.eflags);
    this.putCode(one);
    const { pokes } = one;
    for (let i = 0; i < pokes.length; i += 2) this.poke(pokes[i], pokes[i + 1]);
    cpu.i32.set(this.images[one.image].i32);
    cpu.i32.set(one.registers);
    cpu.i32[EIP] = one.eip;
    cpu.i32[FS_BASE_WORD] = FS_BASE;
    cpu.i32[GS_BASE_WORD] = GS_BASE;
    cpu.i32[FS_SELECTOR_WORD] = FS_SELECTOR;
    cpu.i32[GS_SELECTOR_WORD] = GS_SELECTOR;
    writeFlags(cpu, one.eflags);
    const reason = this.execute(one.style);
    for (let i = 0; i < 8; i++) words[at + OUT_REGISTERS + i] = cpu.i32[i];
    words[at + OUT_VECTOR] = reason === EXIT_EXCEPTION
      ? cpu.i32[EXIT_VECTOR]
      : NO_EXCEPTION - reason;
    words[at + OUT_ERROR] = reason === EXIT_EXCEPTION ? cpu.i32[EXIT_ERROR] : 0;
    words[at + OUT_ADDRESS] = cpu.i32[EXIT_VECTOR] === X86_PF ? cpu.i32[EXIT_ADDRESS] : 0;
    words[at + OUT_EIP] = cpu.i32[EIP];
    words[at + OUT_EFLAGS] = readFlags(cpu);
    storeImage(cpu, words, at + (OUT_FX_BYTE >> 2));
    // There is nothing at LEAVE here: the case is at its end.
    if (words[at + OUT_VECTOR] === X86_PF && cpu.i32[EIP] === LEAVE) {
      words[at + OUT_VECTOR] = X86_BP;
      words[at + OUT_ERROR] = words[at + OUT_ADDRESS] = 0;
    }
    if (one.scrub !== 0) this.poke(one.scrub, 0);
  }

  private execute(style: number): number {
    const { engine, cpu, space } = this;
    let left = BUDGET;
    for (let number = 0; left > 0; number++) {
      const budget = (style & STYLE_PIECES) !== 0 ? 1 + number % 3 : left;
      const before = cpu.retired;
      const reason = engine.run(cpu, space, budget);
      // A wait costs something, so that this ends.
      left -= Math.max(1, cpu.retired - before);
      if (reason !== EXIT_BUDGET && reason !== EXIT_WAIT) return reason;
      space.betweenRuns();
    }
    return EXIT_BUDGET;
  }

  private putCode(one: Sequence): void {
    const { code } = one;
    for (let i = 0; i < code.length; i++) {
      this.pool.u8[this.offset(one.eip + i)] = code[i];
    }
    this.forgetCode(one);
  }

  private forgetCode(one: Sequence): void {
    const first = this.offset(one.eip) & -PAGE;
    const last = this.offset(one.eip + one.code.length - 1) & -PAGE;
    this.engine.dropFrame(first);
    if (last !== first) this.engine.dropFrame(last);
  }

  private poke(address: number, value: number): void {
    this.space.dirty |= 1 << this.space.pageIndex[address >>> 12];
    this.space.dirty |= 1 << this.space.pageIndex[address + 3 >>> 12];
    for (let i = 0; i < 4; i++) this.pool.u8[this.offset(address + i)] = value >>> (8 * i);
  }

  /** Writes the hashes of changed pages to the result and makes memory as it was before. */
  clean(one: Sequence, words: Int32Array, at: number): void {
    const code = this.space.dirty & (3 << FIRST_CODE_PAGE);
    // The batch's pages have INT3 where the code was; changes are relative to the code.
    const expected = new Uint8Array(this.memory.buffer, this.memory.byteOffset);
    if (code !== 0) this.setExpectedCode(one, expected, false);
    for (let index = 0; index < PAGES.length - 1; index++) {
      const changed = (this.space.dirty >> index & 1) !== 0 && this.isChanged(index);
      words[at + OUT_CHANGED + index] = changed
        ? hashPage(this.pool.i32, FRAMES[index] * (PAGE >> 2))
        : 0;
      if (changed) {
        this.restore(index);
        this.engine.dropFrame(FRAMES[index] * PAGE);
      }
    }
    words[at + OUT_CHANGED + READ_ONLY_PAGE] = 0;
    if (code !== 0) this.setExpectedCode(one, expected, true);
    for (let i = 0; i < one.code.length; i++) this.pool.u8[this.offset(one.eip + i)] = 0xcc;
    this.forgetCode(one);
  }

  private setExpectedCode(one: Sequence, expected: Uint8Array, clear: boolean): void {
    for (let i = 0; i < one.code.length; i++) {
      const address = one.eip + i;
      const at = this.space.pageIndex[address >>> 12] * PAGE + (address & PAGE - 1);
      expected[at] = clear ? 0xcc : one.code[i];
    }
  }

  /** The pages as they are, in the order of PAGES. */
  dump(): Uint8Array {
    const bytes = new Uint8Array(PAGES.length * PAGE);
    PAGES.forEach((_, index) => {
      const from = FRAMES[index] * PAGE;
      bytes.set(this.pool.u8.subarray(from, from + PAGE), index * PAGE);
    });
    return bytes;
  }
}

export const RESULT_WORDS: number = OUTPUT_BYTES >> 2;

/** An FXSAVE image (Intel SDM vol. 1, table 10-2) to the state. */
function loadImage(cpu: CpuState, image: Uint8Array): void {
  const view = new DataView(image.buffer, image.byteOffset);
  cpu.reset();
  const status = view.getUint16(2, true);
  cpu.i32[FPU_CONTROL] = view.getUint16(0, true);
  // The processor computes ES and B from flags and masks.
  const error = (status & ~cpu.i32[FPU_CONTROL] & 0x3f) !== 0;
  cpu.i32[FPU_STATUS] = error ? status | 0x8080 : status & ~0x8080;
  let tags = 0;
  for (let i = 0; i < 8; i++) if ((image[4] >> i & 1) === 0) tags |= 3 << 2 * i;
  cpu.i32[FPU_TAG] = tags;
  cpu.i32[MXCSR] = view.getUint32(24, true);
  const top = status >> 11 & 7;
  for (let i = 0; i < 8; i++) {
    const register = FPU_BYTE + 16 * (top + i & 7);
    cpu.u8.set(image.subarray(32 + 16 * i, 42 + 16 * i), register);
    cpu.u8.set(image.subarray(160 + 16 * i, 176 + 16 * i), XMM_BYTE + 16 * i);
  }
}

/** The state as FXSAVE would give it. */
function storeImage(cpu: CpuState, words: Int32Array, at: number): void {
  const { i32 } = cpu;
  let valid = 0;
  for (let i = 0; i < 8; i++) if ((i32[FPU_TAG] >> 2 * i & 3) !== 3) valid |= 1 << i;
  words[at] = (i32[FPU_CONTROL] & 0xffff) | i32[FPU_STATUS] << 16;
  words[at + 1] = valid;
  words[at + 2] = i32[FPU_IP];
  words[at + 3] = 0;
  words[at + 4] = i32[FPU_DP];
  words[at + 5] = 0;
  words[at + 6] = i32[MXCSR];
  words[at + 7] = 0;
  const top = i32[FPU_STATUS] >> 11;
  for (let i = 0; i < 8; i++) {
    const from = (FPU_BYTE >> 2) + 4 * (top + i & 7), to = at + 8 + 4 * i;
    words[to] = i32[from];
    words[to + 1] = i32[from + 1];
    words[to + 2] = i32[from + 2] & 0xffff;
    words[to + 3] = 0;
  }
  for (let i = 0; i < 32; i++) words[at + 40 + i] = i32[(XMM_BYTE >> 2) + i];
}
