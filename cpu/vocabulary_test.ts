/** Guests that try to get their bytes into the JavaScript that is made from them. */

import { assert, assertEquals } from "@std/assert";
import { FORMS } from "../tests/hardware/encodings.ts";
import { Random } from "../tests/hardware/random.ts";
import { decode } from "./decoder.ts";
import { PAGE_SIZE } from "./engine.ts";
import { createPool, FlatSpace } from "./flat_space.ts";
import { createEnvironment } from "./runtime.ts";
import { CpuState, EIP, ESP } from "./state.ts";
import { Translator } from "./translator/translator.ts";
import { Vocabulary } from "./vocabulary.ts";

const NAMES = Object.keys(createEnvironment(createPool(PAGE_SIZE), 16));
const vocabulary = new Vocabulary(NAMES);
const STRICT = '"use strict";';

const CODE = 0x4000, PAGES = 8;

/** Runs an engine that translates everything at once over a page of bytes, from each of the offsets. */
function translate(
  page: Uint8Array,
  offsets: readonly number[],
): { sources: string[]; regions: number } {
  const sources: string[] = [];
  const pool = createPool(PAGES * PAGE_SIZE);
  const space = new FlatSpace(PAGES);
  const engine = new Translator({
    pool,
    timestamp: (cpu) => cpu.retired,
    translateAfter: 0,
    codeWords: 4096,
    emitted: (source) => {
      sources.push(source);
      assert(source.startsWith(STRICT));
      assertEquals(vocabulary.check(source.slice(STRICT.length)), "");
    },
  });
  space.codeCache = engine;
  for (const offset of offsets) {
    pool.u8.set(page, CODE);
    engine.dropFrame(CODE);
    const cpu = new CpuState();
    cpu.i32[ESP] = 0x7800;
    cpu.i32[EIP] = CODE + offset;
    engine.preparation = 0;
    engine.run(cpu, space, 30);
  }
  const { refused, translations } = engine.stats();
  assertEquals(refused, 0);
  return { sources, regions: translations };
}

Deno.test("pages of one byte, of random bytes and of JavaScript become nothing but the emitter's words", () => {
  const pages: Uint8Array[] = [];
  for (let byte = 0; byte < 256; byte++) pages.push(new Uint8Array(PAGE_SIZE).fill(byte));
  const random = new Random(4);
  for (let i = 0; i < 20; i++) {
    pages.push(Uint8Array.from({ length: PAGE_SIZE }, () => random.next()));
  }
  const texts = [
    '";Deno.exit(1);//',
    "`${globalThis.constructor.constructor('return 1')()}`",
    "*/}});eval(atob('MQ=='));({a:()=>{/*",
    "\u2028\u2029\u00a0\\u0061lert(1)",
    "\n};import('data:text/javascript,1');{\n",
    "__proto__ constructor prototype arguments this new Function",
    "=1;X.leave=0;R[8]=0;",
  ];
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text);
    for (const opcode of [[], [0x68], [0xb8], [0x05], [0xa1], [0xe8], [0xc7, 0x05], [0x81, 0x80]]) {
      const piece = [...opcode, ...bytes];
      pages.push(Uint8Array.from({ length: PAGE_SIZE }, (_, at) => piece[at % piece.length]));
    }
  }
  let regions = 0;
  for (const page of pages) {
    // Enough for a region of some blocks; the rest is UD2, so that it does not get very long.
    for (let at = 48; at < PAGE_SIZE - 6; at += 2) page.set([0x0f, 0x0b], at);
    const result = translate(page, [0, 1, 2, 3, PAGE_SIZE - 5]);
    regions += result.regions;
  }
  assert(regions > pages.length, `${regions} regions`);
});

/** Displacements and immediates: edges, and four characters that would mean something in JavaScript. */
const EXTREMES = [
  ...[0, -1, 0x7fffffff, -0x80000000, 0x22222222, 0x27272727, 0x60606060, 0x5c5c5c5c, 0x2f2a2f2a],
];

/** An instruction of each form with the doubleword everywhere behind its ModRM byte, then UD2. */
function* instructions(value: number): Generator<Uint8Array> {
  for (const { entry, encodings } of FORMS) {
    const { opcode, prefix, modrm, suffix } = encodings[0];
    // Memory by a displacement alone and by a register with one; a register.
    const wanted = [5, 0x80, 0xc1].map((shape) => modrm.find((byte) => (byte & 0xc7) === shape));
    for (const byte of modrm.length === 0 ? [-1] : wanted) {
      if (byte === undefined) continue;
      const code = new Uint8Array(24);
      const view = new DataView(code.buffer);
      const head = [...(prefix === 0 ? [] : [prefix]), ...opcode, ...(byte < 0 ? [] : [byte])];
      code.set(head);
      for (let at = head.length; at + 4 <= code.length; at += 4) view.setInt32(at, value, true);
      if (suffix >= 0) code[head.length + 4] = suffix;
      const instruction = decode(code, 0, code.length);
      if (instruction === null) throw new Error(`${entry.mnemonic}: expected an instruction`);
      code.set([0x0f, 0x0b], instruction.length);
      yield code.slice(0, instruction.length + 2);
    }
  }
}

/** Those that go on behind themselves: a branch with another displacement meets other code. */
function* straight(value: number): Generator<Uint8Array> {
  for (const code of instructions(value)) {
    const { operands } = decode(code, 0, code.length)!;
    if (!operands.some(({ kind }) => kind === "rel" || kind === "far")) yield code;
  }
}

/** As many of the instructions as fit into a page, and where each begins. */
function* pagesOf(codes: Iterable<Uint8Array>): Generator<{ page: Uint8Array; offsets: number[] }> {
  let page = new Uint8Array(PAGE_SIZE), offsets: number[] = [], next = 0;
  for (const code of codes) {
    if (next + code.length > PAGE_SIZE) {
      yield { page, offsets };
      page = new Uint8Array(PAGE_SIZE);
      offsets = [];
      next = 0;
    }
    page.set(code, next);
    offsets.push(next);
    next += code.length;
  }
  yield { page, offsets };
}

Deno.test("every form of instruction with extreme numbers becomes nothing but the emitter's words", () => {
  for (const value of EXTREMES) {
    for (const { page, offsets } of pagesOf(instructions(value))) {
      translate(page, offsets);
    }
  }
});

Deno.test("two guests that differ in numbers get the same text but for integers", () => {
  const withoutIntegers = (value: number) =>
    [...pagesOf(straight(value))].flatMap(({ page, offsets }) =>
      translate(page, offsets).sources.map((source) => source.replace(/(?<![\w$])-?\d+/g, "#"))
    );
  // Of the same sign in each of their bytes, and with no bits that give an instruction another meaning.
  const [a, b] = [0x12345672, 0x36545472].map(withoutIntegers);
  assertEquals(a.length, b.length);
  // Not by assertEquals, whose comparison of long texts takes very long.
  a.forEach((source, index) => assert(source === b[index], `${source}\n\n${b[index]}`));
});

Deno.test("whatever is not in the vocabulary is refused", () => {
  const refused = [
    ...["'a'", '"a"', "`a`", "`${a}`", "/a/", "a=/a/", "//a", "a/*a*/", "#a", "@a", "\\u0061"],
    ...[
      "eval",
      "Function",
      "globalThis",
      "this",
      "new",
      "import",
      "constructor",
      "arguments",
      "Deno",
    ],
    ...[
      "R.constructor",
      "X.constructor",
      "X.space",
      "a.fault",
      "X[`a`]",
      "X . __proto__",
      "é",
      "\u2028",
    ],
    ...[
      "0x10",
      "1e9",
      "1.5",
      "1n",
      "4294967296",
      "00000000001",
      "1_000",
      "t1_x",
      "r1x",
      "$",
      "\t",
      "\r",
    ],
    ...["while", "var", "throw", "async", "yield", "class", "with", "delete", "typeof", "a?.fault"],
  ];
  for (const text of refused) assert(vocabulary.check(text) !== "", text);
  const accepted = [
    "",
    "const {R,X,imul}=environment;",
    "let t1_2=(r0+(-4)|0);{const a=t1_2;}",
    "if((e&1)!==0)t1_0=M32[(e&-4096|a&4095)>>2];",
    "return s|X.fault;",
    "x=a/4294967295;x=(a)/R[2]/3;",
  ];
  for (const text of accepted) assertEquals(vocabulary.check(text), "");
});
