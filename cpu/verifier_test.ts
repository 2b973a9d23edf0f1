/** The verifier over code made by the host's assembler: what it must reach, and what it must not. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { readExecutable } from "../kernel/elf.ts";
import { SymbolTable } from "../kernel/symbols.ts";
import { assemble } from "../kernel/testing/assemble.ts";
import { hasTool } from "../tests/tools.ts";
import { FINDINGS_MAXIMUM, type Subject, type Verdict, verify } from "./verifier.ts";

const hasCompiler = await hasTool("gcc", "it assembles the code to verify");

/** A function for the assembler, with type and size as a compiler writes them. */
function fn(name: string, body: string): string {
  return `.type ${name}, @function\n${name}:\n${body}\n.size ${name}, . - ${name}\n`;
}

interface Checked {
  readonly verdict: Verdict;
  /** `symbol+0x1 text exception` of each finding; in brackets if the walk did not reach it. */
  readonly found: string[];
}

async function check(source: string): Promise<Checked> {
  const file = await assemble(source);
  const { entry, segments, functions } = readExecutable(file);
  const symbols = new SymbolTable(functions);
  const sized = symbols.functions.filter(({ isFunction }) => isFunction);
  const verdict = verify({
    regions: segments.map(({ address, offset, fileBytes }) => ({
      address,
      bytes: file.subarray(offset, offset + fileBytes),
    })),
    roots: [entry, ...sized.map(({ address }) => address)],
    extents: sized.map(({ address, size }) => ({ address, end: address + size })),
  });
  const found = verdict.findings.map(({ address, text, exception, reachable }) => {
    const line = `${symbols.describe(address)} ${text} ${exception}`;
    return reachable ? line : `[${line}]`;
  });
  return { verdict, found };
}

/** Code at 0x1000 without symbols. */
function raw(bytes: ArrayLike<number>, more: Partial<Subject> = {}): Subject {
  const regions = [{ address: 0x1000, bytes: Uint8Array.from(bytes) }];
  return { regions, roots: [0x1000], extents: [], ...more };
}

const CASES: readonly [what: string, source: string, found: string[]][] = [
  ["code without such instructions is clean", fn("_start", "mov eax, 1\nterminate"), []],
  [
    "cli behind a call and a conditional jump is reachable",
    fn("_start", "call work\nterminate") + "work: test eax, eax\njz 1f\nret\n1: nop\ncli\nret",
    ["work+0x6 cli #GP"],
  ],
  [
    "what follows a return is not reachable",
    fn("_start", "call work\nterminate") + fn("work", "ret\ncli\nhlt"),
    ["[work+0x1 cli #GP]", "[work+0x2 hlt #GP]"],
  ],
  [
    "what follows terminate, ud2, iret and indirect jumps is not reachable",
    fn("_start", "jz 1f\njs 2f\njp 3f\nterminate\ncli\n1: ud2\ncli\n2: iret\ncli\n3: jmp eax\ncli"),
    [0x09, 0x0c, 0x0e, 0x11].map((offset) => `[_start+0x${offset.toString(16)} cli #GP]`),
  ],
  [
    "data that is jumped over is no code",
    fn("_start", `jmp 1f\n.ascii "\\xfa\\xf4 strings"\n1: terminate`).replace(".size", "#"),
    [],
  ],
  [
    "data in a function's bytes is marked as perhaps not reached",
    fn("_start", "jmp 1f\n.byte 0xfa, 0xf4\n1: terminate"),
    ["[_start+0x2 cli #GP]", "[_start+0x3 hlt #GP]"],
  ],
  [
    "an instruction that hides in the bytes of another is found where a jump leads to it",
    fn("_start", "jz 1f + 1\n1: mov eax, 0x90f490fa\nterminate"),
    ["_start+0x3 cli #GP", "_start+0x5 hlt #GP"],
  ],
  [
    "a function that nobody calls directly counts as reachable",
    fn("_start", "call [eax]\nterminate") + fn("hidden", "lgdt [eax]\nret"),
    ["hidden+0x0 lgdt FWORD PTR [eax] #GP"],
  ],
  [
    "a label without the type of a function does not",
    fn("_start", "call [eax]\nterminate") + "hidden: cli\nret",
    [],
  ],
  [
    "loops without an end are walked once",
    fn("_start", "1: jmp 2f\n2: jmp 1b") + fn("spin", "cli\njmp spin"),
    ["spin+0x0 cli #GP"],
  ],
  [
    "loading DS, ES or SS is a finding; FS, GS and reading are not",
    fn("_start", "mov ds, eax\npop es\nmov gs, eax\npop fs\nmov eax, ds\npush ss\nterminate"),
    ["_start+0x0 mov ds,eax #GP", "_start+0x2 pop es #GP"],
  ],
  [
    "what talks to the kernel is virtualised",
    fn("_start", "in eax, 0x10\nout dx, eax\nrep insb\nrep outsb\nidle\nint3\npushf\npopf\niret"),
    [],
  ],
  [
    "what is left out raises #UD: VERR, LAR, POPCNT, SSE4",
    fn("_start", "verr ax\nlar eax, ebx\npopcnt eax, ebx\nptest xmm0, xmm1\nterminate"),
    [
      "_start+0x0 verr ax #UD",
      "_start+0x3 lar eax,bx #UD",
      "_start+0x6 popcnt eax,ebx #UD",
      "_start+0xa ptest xmm0,xmm1 #UD",
    ],
  ],
  [
    "what needs rings or tables raises #GP, each kind of it",
    fn(
      "_start",
      "sti\nmov eax, cr0\nmov dr7, eax\nsidt [eax]\nrdmsr\nint 0x80\nlds eax, [ebx]\nretf",
    ),
    [
      "_start+0x0 sti #GP",
      "_start+0x1 mov eax,cr0 #GP",
      "_start+0x4 mov dr7,eax #GP",
      "_start+0x7 sidt FWORD PTR [eax] #GP",
      "_start+0xa rdmsr #GP",
      "_start+0xc int 0x80 #GP",
      "_start+0xe lds eax,FWORD PTR [ebx] #GP",
      "_start+0x10 retf #GP",
    ],
  ],
  [
    "an encoding that no processor knows is a finding, and ends the walk",
    fn("_start", "jz 1f\nud2\n1: .byte 0xf0, 0x01, 0xc0\ncli"),
    ["_start+0x4 (bad) #UD", "[_start+0x7 cli #GP]"],
  ],
  [
    "more than 15 bytes raise #GP",
    fn("_start", ".fill 14, 1, 0x66\nadd eax, ebx\nterminate"),
    ["_start+0x0 (bad) #GP"],
  ],
];

for (const [what, source, found] of CASES) {
  Deno.test({
    name: `verifier: ${what}`,
    ignore: !hasCompiler,
    fn: async () => {
      const checked = await check(source);
      assertEquals(checked.found, found);
      const reachable = found.filter((line) => !line.startsWith("[")).length;
      assertEquals(checked.verdict.reachableFindings, reachable);
      assert(checked.verdict.complete);
    },
  });
}

Deno.test("verifier: branches out of the image, and code that runs off its end, end the walk", () => {
  const bytes = [0xe8, 0xff, 0xff, 0xff, 0x7f, 0x74, 0x80, 0xeb, 0xfe - 9, 0x0f];
  assertEquals(verify(raw(bytes)).findings, []);
  assertEquals(verify(raw([0x90, 0xb8, 0x01])).reached, 1);
  assertEquals(verify(raw([0x90], { roots: [0, 0x1000, 0xffff_ffff] })).reached, 1);
  assertEquals(verify({ regions: [], roots: [5], extents: [{ address: 0, end: 9 }] }).reached, 0);
});

Deno.test("verifier: an instruction that goes on in the next region is whole", () => {
  const regions = [[0x1000, [0x90, 0x0f]], [0x1002, [0x01, 0x10, 0xc3]]] as const;
  const verdict = verify({
    regions: regions.map(([address, bytes]) => ({ address, bytes: Uint8Array.from(bytes) })),
    roots: [0x1000],
    extents: [],
  });
  assertEquals(verdict.findings.map(({ address, text }) => [address, text]), [[
    0x1001,
    "lgdt FWORD PTR [eax]",
  ]]);
  assertEquals(verdict.reached, 3);
});

Deno.test("verifier: findings beyond the maximum are counted, not listed", () => {
  const verdict = verify(raw(new Uint8Array(FINDINGS_MAXIMUM + 50).fill(0xfa)));
  assertEquals([verdict.findings.length, verdict.omitted], [FINDINGS_MAXIMUM, 50]);
  assertEquals(verdict.reachableFindings, FINDINGS_MAXIMUM + 50);
});

Deno.test("verifier: a limit ends the work, and the verdict says so", () => {
  const verdict = verify(raw(new Uint8Array(1000).fill(0x90)), 100);
  assertEquals([verdict.reached, verdict.complete], [100, false]);
  const sweep = raw(new Uint8Array(1000).fill(0x90), {
    roots: [],
    extents: [{ address: 0x1000, end: 0x13e8 }],
  });
  assertEquals([verify(sweep, 100).swept, verify(sweep, 100).complete], [100, false]);
  assertEquals([verify(sweep).swept, verify(sweep).complete], [1000, true]);
});

Deno.test("verifier: extents over each other and over gigabytes cost their bytes once", () => {
  const extents = Array.from({ length: 50_000 }, () => ({ address: 0, end: 0x4000_0000 }));
  assertEquals(verify(raw([0x90, 0xc3, 0x90, 0xfa], { extents })).swept, 2);
});

Deno.test("verifier: random bytes are looked at in bounded work, each byte at most twice", () => {
  let seed = 1;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 16 & 0xff;
  for (let round = 0; round < 20; round++) {
    const bytes = Uint8Array.from({ length: 4096 }, random);
    const extents = [{ address: 0x1000, end: 0x2000 }];
    const roots = Array.from({ length: 64 }, (_, i) => 0x1000 + 64 * i);
    const verdict = verify(raw(bytes, { roots, extents }));
    assert(verdict.complete);
    assertLess(verdict.reached, 4097);
    assertLess(verdict.swept, 4097);
  }
});
