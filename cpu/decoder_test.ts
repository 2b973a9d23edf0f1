/**
 * Two witnesses: GNU objdump for lengths and for what is an instruction at all, and the Intel SDM, by
 * hand, for what objdump does not show (LOCK, prefixes, limits, operands).
 */

import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../tests/tools.ts";
import { decode } from "./decoder.ts";
import { CS, DS, FS, GS, type Instruction, NO_REGISTER, SS } from "./instruction.ts";
import { OPCODE_MAPS, opcodeEntries } from "./opcodes.ts";
import { hex, listEach, type Listing, padded } from "./testing/objdump.ts";

const hasObjdump = await hasTool("objdump", "it is the witness for instruction lengths");

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function decodeHex(text: string): Instruction {
  const bytes = bytesOf(text);
  const instruction = decode(bytes, 0, bytes.length);
  if (instruction === null) throw new Error(`${text}: expected a whole instruction, got a part`);
  return instruction;
}

const NO_PREFIX = new RegExp(
  "\\b(data16|repn?z) .*\\b(encl[vsu]|xgetbv|xsetbv|pconfig|xend|xtest|vmfunc|clac|stac|serialize|" +
    "rdpkru|wrpkru|rdrand|rdseed|fxsave|fxrstor|ldmxcsr|stmxcsr|xsave\\w*|xrstor\\w*|vmread|vmwrite|" +
    "pmovmskb|sfence)\\b",
);

// What objdump 2.40 knows and Denali's processor does not: it must raise #UD.
const NOT_IN_DENALI: readonly (readonly [why: string, text: RegExp])[] = [
  ["AVX and AVX-512 do not exist", /\bv[a-z]|\{|\bk(mov|and|or|x|not|test|add|shift|unpck)/],
  [
    "XOP, TBM, LWP, BMI, CMPccXADD are VEX or XOP",
    /^(bl|t1mskc|tzmsk|llwpcb|slwpcb|lwp|andn|be?xtr)/,
  ],
  [
    "BMI2 and AMX do not exist",
    /^(pext|pdep|bzhi|mulx|rorx|sarx|shlx|shrx|bls|tile|ldtile|sttile|tdp)/,
  ],
  ["Key Locker", /(wide)?(128|256)kl|encodekey|loadiwkey/],
  ["RAO-INT, HRESET, TSXLDTRK, PREFETCHI", /\b(aadd|aand|aor|axor|hreset|xsusldtrk|xresldtrk)\b/],
  ["SEV", /\b(vmgexit|pvalidate|rmpadjust|rmpupdate|psmash)\b/],
  ["user interrupts, CET, FRED", /\b(uiret|testui|clui|stui|senduipi|erets|eretu|lkgs|seamcall)\b/],
  ["64-bit mode only", /\b(swapgs|rdfsbase|rdgsbase|wrfsbase|wrgsbase)\b/],
  ["VIA PadLock", /\b(montmul|xsha\w+|xstore\S*|xcrypt\S*)\b/],
  ["test registers went with the 486", /\btr\d/],
  ["CR1 and CR5 to CR15 do not exist in 32-bit mode", /\bcr([15-9]|1\d)/],
  ["MOV does not load CS; segment registers 6 and 7 do not exist", /\bmov +cs,|\?/],
  ["always #UD, by definition", /\bud[012]\b/],
  ["NP: 66, F2 and F3 are not allowed (SDM vol. 2, 3.1.1.2)", NO_PREFIX],
  ["80287 only", /frstpm/],
  ["SSE4a EXTRQ has no memory form", /extrq|insertq/],
  ["LOCK is legal only with a lockable memory destination", /^(.* )?lock\b/],
];

// What objdump 2.40 calls bad and processors execute. By our mnemonic.
const EXECUTED: readonly (readonly [why: string, mnemonics: readonly string[]])[] = [
  ["undocumented, in every processor", ["salc"]],
  ["undocumented aliases", ["fcom", "fcomp", "fxch", "fstp", "fstpnce"]],
  ["the rm field of fences is ignored (SDM, LFENCE)", ["lfence", "mfence", "sfence"]],
  ["a prefix is ignored", [
    "wbinvd",
    "monitorx",
    "mwaitx",
    "clzero",
    "rdpru",
    "invlpgb",
    "tlbsync",
  ]],
  ["a prefix is ignored", [
    "vmmcall",
    "vmrun",
    "vmload",
    "vmsave",
    "stgi",
    "clgi",
    "skinit",
    "invlpga",
  ]],
  ["a prefix is ignored", [
    "monitor",
    "mwait",
    "vmcall",
    "vmlaunch",
    "vmresume",
    "vmxoff",
    "rdtscp",
  ]],
  ["a prefix is ignored", ["cmpxchg8b", "bsf", "bsr"]],
  ["reserved hints are NOPs", ["nop"]],
];

/** Why the two may differ on this instruction, or undefined. */
function excuse(listing: Listing, instruction: Instruction): string | undefined {
  if (instruction.invalid) return NOT_IN_DENALI.find(([, text]) => text.test(listing.text))?.[0];
  const isBad = listing.text.includes("(bad)");
  if (!isBad) return undefined;
  return EXECUTED.find(([, mnemonics]) => mnemonics.includes(instruction.mnemonic))?.[0];
}

function difference(string: Uint8Array, listing: Listing): string | undefined {
  const instruction = decode(padded(string), 0, 32);
  if (instruction === null) return `${hex(string)}: decode wants more than 32 bytes`;
  const isBad = listing.text.includes("(bad)");
  if (instruction.mnemonic === "toolong") return undefined;
  if (instruction.invalid && isBad) return undefined;
  if (isBad === instruction.invalid && listing.bytes.length === instruction.length) {
    return undefined;
  }
  if (excuse(listing, instruction)) return undefined;
  const ours = `${instruction.length} ${
    instruction.invalid ? "invalid " : ""
  }${instruction.mnemonic}`;
  return `${hex(string)}: objdump ${listing.bytes.length} ${listing.text}, we ${ours}`;
}

async function assertAgrees(strings: readonly Uint8Array[]): Promise<void> {
  const listings = await listEach(strings);
  assertEquals(listings.length, strings.length);
  const wrong = strings.map((string, i) => difference(string, listings[i])).filter((text) => text);
  assertEquals(wrong.slice(0, 20), [], `${wrong.length} differences`);
}

const ESCAPES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const PREFIXES = [[], [0x66], [0xf2], [0xf3], [0x67], [0xf0], [0xf3, 0x66]];
/** Each shape of address, and the registers 0 and 5. */
const MODRM_SHAPES = [0x00, 0x04, 0x05, 0x44, 0x82, 0xc0, 0xc5];
const TAILS = [
  bytesOf("25 78 56 34 12 9a bc de f0"),
  bytesOf("88 81 82 83 84 85 86 87 88"),
];

/** Prefixes and escapes, and what has another meaning for objdump: FWAIT (a prefix), 0F 0A (reserved). */
function isOpcode(escape: readonly number[], opcode: number): boolean {
  if (escape.length === 1) return ![0x0a, 0x38, 0x3a].includes(opcode);
  if (escape.length > 1) return true;
  const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
  return ![0x0f, 0x9b, ...prefixes].includes(opcode);
}

function* systematic(prefix: readonly number[]): Generator<Uint8Array> {
  for (const escape of ESCAPES) {
    for (let opcode = 0; opcode < 256; opcode++) {
      if (!isOpcode(escape, opcode)) continue;
      for (let i = 0; i < 8 * MODRM_SHAPES.length; i++) {
        const modrm = MODRM_SHAPES[i >> 3] | (i & 7) << 3;
        yield Uint8Array.from([...prefix, ...escape, opcode, modrm, ...TAILS[i & 1]]);
      }
    }
  }
}

for (const prefix of PREFIXES) {
  const name = prefix.length === 0 ? "no prefix" : `prefix ${hex(Uint8Array.from(prefix))}`;
  Deno.test({
    name: `every opcode with every shape of ModRM and ${name} has the length objdump says`,
    ignore: !hasObjdump,
    fn: () => assertAgrees([...systematic(prefix)]),
  });
}

/** Numerical Recipes' linear congruential generator: the same strings on every machine. */
function* random(count: number, seed: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(12);
    for (let j = 0; j < bytes.length; j++) {
      seed = Math.imul(seed, 1664525) + 1013904223 | 0;
      bytes[j] = seed >>> 24;
    }
    yield bytes;
  }
}

/** objdump prints FWAIT, and what follows a doubled prefix, in its own way. */
function isPlain(bytes: Uint8Array): boolean {
  const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
  const opcode = bytes.findIndex((byte) => !prefixes.includes(byte));
  const seen = bytes.subarray(0, opcode);
  if (new Set(seen).size !== seen.length || bytes[opcode] === 0x9b) return false;
  return !(bytes[opcode] === 0x0f && bytes[opcode + 1] === 0x0a);
}

Deno.test({
  name: "random byte strings have the length objdump says",
  ignore: !hasObjdump,
  fn: () => assertAgrees([...random(100_000, 42)].filter(isPlain)),
});

Deno.test("no prefix of an instruction's bytes is taken for the whole", () => {
  for (const string of random(20_000, 7)) {
    const whole = decode(string, 0, string.length);
    if (whole === null) continue;
    for (let limit = 0; limit < whole.length; limit++) {
      assertEquals(decode(string, 0, limit), null, `${hex(string)} cut after ${limit} bytes`);
    }
    assertEquals(decode(string, 0, whole.length), whole);
  }
});

Deno.test("bytes before the offset and beyond the length do not matter", () => {
  const bytes = bytesOf("f0 66 8b 44 24 08 ff ff");
  assertEquals(decode(bytes, 2, bytes.length), decodeHex("8b 44 24 08"));
});

Deno.test("an instruction of 15 bytes is whole, one of 16 is too long", () => {
  assertEquals(decodeHex("66".repeat(14) + "90").length, 15);
  const long = bytesOf("66".repeat(15) + "90");
  assertEquals(decode(long, 0, 16)?.mnemonic, "toolong");
  assertEquals(decode(long, 0, 16)?.length, 15);
  assertEquals(decode(long, 0, 15)?.mnemonic, "toolong");
  assertEquals(decode(long, 0, 14), null);
  assertEquals(decodeHex("2e".repeat(10) + "b8 44332211").length, 15);
  assertEquals(decodeHex("2e".repeat(11) + "b8 44332211").mnemonic, "toolong");
});

Deno.test("the escape 0F 0A holds idle and terminate and nothing else", () => {
  assertEquals(decodeHex("0f 0a 00").mnemonic, "idle");
  assertEquals(decodeHex("0f 0a 01").mnemonic, "terminate");
  for (let code = 2; code < 256; code++) {
    const instruction = decode(Uint8Array.from([0x0f, 0x0a, code]), 0, 3);
    assertEquals([instruction?.invalid, instruction?.length], [true, 3]);
  }
  assert(decodeHex("f0 0f 0a 00").invalid);
  assertEquals(decode(bytesOf("0f 0a"), 0, 2), null);
});

/** Intel SDM vol. 2, LOCK: "The LOCK prefix can be prepended only to the following instructions". */
const LOCKABLE =
  "add adc and btc btr bts cmpxchg cmpxchg8b dec inc neg not or sbb sub xor xadd xchg";

Deno.test("LOCK is legal on the instructions the SDM lists and on no other", () => {
  const lockable = [...opcodeEntries()].filter((entry) => entry.lock).map((entry) =>
    entry.mnemonic
  );
  assertEquals([...new Set(lockable)].sort(), LOCKABLE.split(" ").sort());
});

Deno.test("LOCK needs memory as the destination", () => {
  assertEquals(decodeHex("f0 01 00").invalid, false);
  assertEquals(decodeHex("f0 01 c0").invalid, true);
  assertEquals(decodeHex("f0 03 00").invalid, true, "add eax,[eax]");
  assertEquals(decodeHex("f0 87 00").invalid, false);
  assertEquals(decodeHex("f0 38 00").invalid, true, "cmp writes nothing");
  assertEquals(decodeHex("f0 0f ba 20 01").invalid, true, "bt writes nothing");
  assertEquals(decodeHex("f0 0f ba 28 01").invalid, false);
  assertEquals(decodeHex("f0 f7 18").lock, true);
  assertEquals(decodeHex("f0 90").invalid, true);
});

Deno.test("the last of F2 and F3 selects an SSE instruction, and 66 only without them", () => {
  assertEquals(decodeHex("f2 f3 0f 58 c1").mnemonic, "addss");
  assertEquals(decodeHex("f3 f2 0f 58 c1").mnemonic, "addsd");
  assertEquals(decodeHex("66 f3 0f 58 c1").mnemonic, "addss");
  assertEquals(decodeHex("f3 66 0f 58 c1").mnemonic, "addss");
  assertEquals(decodeHex("66 0f 58 c1").mnemonic, "addpd");
  assertEquals(decodeHex("0f 58 c1").mnemonic, "addps");
  assertEquals(decodeHex("f3 0f 14 c1").invalid, true, "there is no unpcklss");
});

Deno.test("a prefix that selects is not a repeat prefix, one that does not is", () => {
  assertEquals(decodeHex("f3 0f 58 c1").repeat, "");
  assertEquals(decodeHex("f3 90").repeat, "");
  assertEquals(decodeHex("f3 0f bc c1").repeat, "");
  assertEquals(decodeHex("f3 a4").repeat, "rep");
  assertEquals(decodeHex("f2 a6").repeat, "repne");
  assertEquals(decodeHex("f3 c3").repeat, "rep");
});

Deno.test("the forms of an address are those of SDM tables 2-1 to 2-3", () => {
  const cases: [string, number, number, number, number, number][] = [
    // bytes, base, index, shift, displacement, segment
    ["8b 00", 0, NO_REGISTER, 0, 0, DS],
    ["8b 45 fc", 5, NO_REGISTER, 0, -4, SS],
    ["8b 04 24", 4, NO_REGISTER, 0, 0, SS],
    ["8b 44 24 80", 4, NO_REGISTER, 0, -128, SS],
    ["8b 05 44332211", NO_REGISTER, NO_REGISTER, 0, 0x11223344, DS],
    ["8b 04 25 44332211", NO_REGISTER, NO_REGISTER, 0, 0x11223344, DS],
    ["8b 04 ad 44332291", NO_REGISTER, 5, 2, 0x91223344 | 0, DS],
    ["8b 44 a8 04", 0, 5, 2, 4, DS],
    ["8b 04 e5 00000000", NO_REGISTER, NO_REGISTER, 0, 0, DS],
    ["8b 44 cd 00", 5, 1, 3, 0, SS],
    ["64 8b 45 00", 5, NO_REGISTER, 0, 0, FS],
    ["2e 65 8b 00", 0, NO_REGISTER, 0, 0, GS],
    ["65 2e 8b 00", 0, NO_REGISTER, 0, 0, CS],
    ["a1 44332211", NO_REGISTER, NO_REGISTER, 0, 0x11223344, DS],
    ["67 a1 3491", NO_REGISTER, NO_REGISTER, 0, 0x9134, DS],
    ["67 8b 00", 3, 6, 0, 0, DS],
    ["67 8b 02", 5, 6, 0, 0, SS],
    ["67 8b 06 3491", NO_REGISTER, NO_REGISTER, 0, 0x9134, DS],
    ["67 8b 46 ff", 5, NO_REGISTER, 0, -1, SS],
    ["67 8b 87 0080", 3, NO_REGISTER, 0, -0x8000, DS],
  ];
  for (const [text, base, index, shift, value, segment] of cases) {
    const memory = decodeHex(text).operands[1];
    assertEquals(
      [memory.kind, memory.base, memory.index, memory.shift, memory.value, memory.segment],
      ["mem", base, index, shift, value, segment],
      text,
    );
  }
});

Deno.test("immediates have the size of their destination and are unsigned below 4 bytes", () => {
  const immediateOf = (text: string) => {
    const { size, value } = decodeHex(text).operands.at(-1)!;
    return [size, value];
  };
  assertEquals(immediateOf("83 c0 ff"), [4, -1]);
  assertEquals(immediateOf("66 83 c0 ff"), [2, 0xffff]);
  assertEquals(immediateOf("04 ff"), [1, 0xff]);
  assertEquals(immediateOf("6a 80"), [4, -128]);
  assertEquals(immediateOf("c1 e0 1f"), [1, 31]);
  assertEquals(immediateOf("c2 fcff"), [2, 0xfffc]);
  assertEquals(immediateOf("66 05 0180"), [2, 0x8001]);
  assertEquals(immediateOf("b8 ffffffff"), [4, -1]);
});

Deno.test("memory operands have the size of the access", () => {
  const sizeOf = (text: string) => decodeHex(text).operands.find((o) => o.kind === "mem")?.size;
  const cases: [string, number][] = [
    ["8d 00", 0],
    ["8c 18", 2],
    ["0f b7 00", 2],
    ["ff 18", 6],
    ["66 ff 18", 4],
    ["62 00", 8],
    ["dd 00", 8],
    ["db 28", 10],
    ["d9 30", 28],
    ["66 d9 30", 14],
    ["dd 30", 108],
    ["66 dd 30", 94],
    ["0f ae 00", 512],
    ["f2 0f 10 00", 8],
    ["f3 0f 10 00", 4],
    ["0f 10 00", 16],
    ["0f 60 00", 4],
    ["66 0f 60 00", 16],
    ["0f 0f 00 9e", 8],
  ];
  for (const [text, size] of cases) assertEquals(sizeOf(text), size, text);
});

Deno.test("what only a newer or older processor knows is invalid here", () => {
  const cases = {
    "c4 c0": 2, // VEX
    "c5 c0": 2,
    "62 c0": 2, // EVEX
    "8f c8": 2, // XOP
    "0f 04": 2,
    "0f 20 c8": 3, // CR1
    "0f 24 c0": 2, // test register
    "8e c8": 2, // mov cs
    "8c f0": 2, // no such segment register
    "0f c7 08": 3, // cmpxchg8b, which is valid
    "0f c7 c8": 3, // and needs memory
    "8d c0": 2,
    "ff f8": 2,
    "fe 10": 2,
    "0f 0b": 2,
    "0f b9 00": 3,
    "0f ff 40 01": 4,
  };
  for (const [text, length] of Object.entries(cases)) {
    const instruction = decodeHex(text);
    assertEquals([instruction.invalid, instruction.length], [text !== "0f c7 08", length], text);
  }
  assertEquals(decodeHex("0f 0b").mnemonic, "ud2");
});

Deno.test("every map has 256 slots, and the reserved entry never selects by accident", () => {
  for (const map of Object.values(OPCODE_MAPS)) assertEquals(map.length, 256);
  for (const entry of opcodeEntries()) {
    assert(/^[a-z][a-z0-9]*$/.test(entry.mnemonic), entry.mnemonic);
  }
});
