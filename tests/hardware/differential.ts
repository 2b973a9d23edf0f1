/**
 * The differential test: sequences on the host's processor and on an engine, batch by batch.
 *
 * The engine goes first. A case that does not end there, or that would touch the memory of the native half,
 * is not given to the host.
 */

import { decode } from "../../cpu/decoder.ts";
import { disassemble } from "../../cpu/disassembler.ts";
import { type Engine, type EngineOptions, X86_BP, X86_PF } from "../../cpu/engine.ts";
import { type Batch, createImages, createMemory } from "./batch.ts";
import { reasonToLeaveOut } from "./comparable.ts";
import type { InstructionForm } from "./encodings.ts";
import { EngineUnderTest, RESULT_WORDS } from "./engine_under_test.ts";
import {
  BATCH,
  FIRST_CODE_PAGE,
  IMAGE_BYTES,
  isHostMemory,
  OUT_ADDRESS,
  OUT_CHANGED,
  OUT_EIP,
  OUT_VECTOR,
  PAGE,
  PAGES,
} from "./layout.ts";
import { Random } from "./random.ts";
import { type Sequence, SequenceMaker } from "./sequence.ts";
import { differences, hex, reasonToIgnore } from "./difference.ts";
import { Oracle } from "./oracle.ts";

export type EngineFactory = (options: EngineOptions) => Engine;

export interface Mismatch {
  readonly batch: number;
  /** All that is needed to reproduce it. */
  readonly report: string;
  /** Of the instruction that is to blame, as far as that could be found out. */
  readonly mnemonic: string;
}

export interface Counts {
  /** Compared, and how many instructions they had. */
  sequences: number;
  instructions: number;
  /** Not compared, and why. */
  readonly ignored: Map<string, number>;
}

/** Chooses the forms of the next sequence, or null when there are no more. */
export type Chooser = (random: Random) => readonly InstructionForm[] | null;

export class Differential {
  readonly counts: Counts = { sequences: 0, instructions: 0, ignored: new Map() };
  readonly mismatches: Mismatch[] = [];
  private readonly engine: EngineUnderTest;
  private readonly results = new Int32Array(BATCH * RESULT_WORDS);

  constructor(
    private readonly oracle: Oracle,
    createEngine: EngineFactory,
    private readonly seed: number,
    /** Called for each compared sequence. */
    private readonly onCompared: (one: Sequence) => void = () => {},
  ) {
    this.engine = new EngineUnderTest(createEngine);
  }

  /** Runs batch `number`; false if the chooser had nothing. */
  async run(number: number, choose: Chooser): Promise<boolean> {
    const random = new Random(this.seed + Math.imul(number, 0x10001));
    const maker = new SequenceMaker(random);
    const memory = createMemory(random), images = createImages(random);
    const { engine, results } = this;
    engine.begin({ memory, images, cases: [] });
    const cases: Sequence[] = [];
    for (let attempts = 0; cases.length < BATCH && attempts < 4 * BATCH; attempts++) {
      const forms = choose(random);
      if (forms === null) break;
      const one = maker.make(forms);
      if (one === null) continue;
      const at = cases.length * RESULT_WORDS;
      engine.run(one, results, at);
      engine.clean(one, results, at);
      const reason = reasonToSkip(one, results, at);
      if (reason === "") cases.push(one);
      else this.ignore(reason);
    }
    if (cases.length === 0) return false;
    const batch = { memory, images, cases };
    const { words: host } = await this.oracle.run(batch);
    for (let i = 0; i < cases.length; i++) {
      const at = i * RESULT_WORDS;
      const reason = reasonToIgnore(cases[i], host, at);
      if (reason !== "") {
        this.ignore(reason);
        continue;
      }
      this.counts.sequences++;
      this.counts.instructions += cases[i].instructions.length;
      this.onCompared(cases[i]);
      const found = differences(cases[i], host, at, results, at);
      if (found.length > 0) await this.examine(number, batch, cases[i], found);
    }
    return true;
  }

  private ignore(reason: string): void {
    const { ignored } = this.counts;
    ignored.set(reason, (ignored.get(reason) ?? 0) + 1);
  }

  /** Runs one case by itself on both sides; returns what differs. */
  private async single(batch: Batch, one: Sequence): Promise<string[]> {
    const { engine } = this;
    const alone = { ...batch, cases: [one] };
    const words = new Int32Array(RESULT_WORDS);
    engine.begin(alone);
    engine.run(one, words, 0);
    const dump = engine.dump();
    engine.clean(one, words, 0);
    if (reasonToSkip(one, words, 0) !== "") return [];
    const { words: host, dumps } = await this.oracle.run(alone, 1);
    if (reasonToIgnore(one, host, 0) !== "") return [];
    const lines = differences(one, host, 0, words, 0);
    const torn = lines.length > 0 && !lines.some((line) => line.startsWith("contents"));
    return torn ? lines : [...lines, ...memoryDifferences(dump, dumps)];
  }

  /** Confirms a difference, replaces by NOPs what has nothing to do with it, and reports it. */
  private async examine(
    number: number,
    batch: Batch,
    one: Sequence,
    first: readonly string[],
  ): Promise<void> {
    let smallest = one, lines = await this.single(batch, one);
    if (lines.length === 0) {
      // What a case before it left behind, on one of the two sides.
      const report = `seed ${this.seed} batch ${number}, not by itself: ${
        describe(batch, one)
      }\n  ${first.join("\n  ")}`;
      this.mismatches.push({ batch: number, mnemonic: "", report });
      return;
    }
    for (let i = 0; i < one.instructions.length; i++) {
      const smaller = withoutInstruction(smallest, i);
      const found = await this.single(batch, smaller);
      if (found.length > 0) [smallest, lines] = [smaller, found];
    }
    for (const style of [0, 1, 2, 4]) {
      const plain = { ...smallest, style };
      const found = smallest.style === 0 ? [] : await this.single(batch, plain);
      if (found.length > 0) {
        [smallest, lines] = [plain, found];
        break;
      }
    }
    const rest = decodeAll(smallest).filter(({ mnemonic }) => mnemonic !== "nop");
    this.mismatches.push({
      batch: number,
      mnemonic: rest.at(-1)?.mnemonic ?? "nop",
      report: `seed ${this.seed} batch ${number}: ${describe(batch, smallest)}\n  ${
        lines.slice(0, 24).join("\n  ")
      }`,
    });
  }
}

/** Bytes: FXSAVE. */
const LARGEST_ACCESS = 512;

/** Why a case that ended so on the engine cannot be given to the host, or "". */
function reasonToSkip(one: Sequence, results: Int32Array, at: number): string {
  const vector = results[at + OUT_VECTOR];
  if (vector < 0) return vector === -1 ? "did not end" : "ended with a request to the kernel";
  if (vector === X86_PF && isHostMemory(results[at + OUT_ADDRESS])) return "would hit the host";
  // Processors may wrap around or raise #GP (Intel SDM vol. 3, 5.3).
  if (
    vector === X86_PF && results[at + OUT_ADDRESS] >= -LARGEST_ACCESS &&
    results[at + OUT_ADDRESS] < 0
  ) {
    return "crosses the end of the address space";
  }
  const codeChanged = results[at + OUT_CHANGED + FIRST_CODE_PAGE] !== 0 ||
    results[at + OUT_CHANGED + FIRST_CODE_PAGE + 1] !== 0;
  if (codeChanged && vector !== X86_BP) return "faulted in code that it had changed";
  const offset = results[at + OUT_EIP] - one.eip;
  if (offset < 0 || offset >= one.code.length) return "";
  // A branch may have led between the instructions that were made.
  const padded = new Uint8Array(32).fill(0xcc);
  padded.set(one.code.subarray(offset, offset + 32));
  const instruction = decode(padded, 0, padded.length);
  return instruction === null || reasonToLeaveOut(instruction) === "" ? "" : "ended in between";
}

/** The same with NOPs in place of instruction `index`. */
function withoutInstruction(one: Sequence, index: number): Sequence {
  const code = one.code.slice();
  code.fill(0x90, one.offsets[index], one.offsets[index + 1]);
  // It may have been what set a flag again: none that was undefined counts any more.
  return { ...one, code, loops: true };
}

function decodeAll(one: Sequence) {
  const padded = new Uint8Array(one.code.length + 16).fill(0xcc);
  padded.set(one.code);
  return one.offsets.slice(0, -1).map((offset) => decode(padded, offset, padded.length)!);
}

function describe(batch: Batch, one: Sequence): string {
  const image = batch.images.subarray(one.image * IMAGE_BYTES, one.image * IMAGE_BYTES + 288);
  const view = new DataView(image.buffer, image.byteOffset);
  const bytes = (array: Uint8Array) =>
    [...array].map((b) => b.toString(16).padStart(2, "0")).join("");
  const listing = decodeAll(one).map((instruction, i) => {
    const [start, end] = [one.offsets[i], one.offsets[i + 1]];
    return `  ${hex(one.eip + start)}: ${bytes(one.code.subarray(start, end)).padEnd(24)} ${
      disassemble(instruction, one.eip + start)
    }`;
  }).filter((line) => !line.endsWith(" nop"));
  const pokes = one.pokes.map(hex).join(" ");
  const st = Array.from({ length: 8 }, (_, i) => {
    const at = 32 + 16 * i;
    return `${bytes(image.slice(at + 8, at + 10).reverse())}:${
      bytes(image.slice(at, at + 8).reverse())
    }`;
  });
  return `style ${one.style}\n${listing.join("\n")}\n  registers ${
    [...one.registers].map(hex).join(" ")
  } eflags ${hex(one.eflags)}${pokes === "" ? "" : ` memory ${pokes}`}\n  x87 control ${
    hex(view.getUint16(0, true))
  } status ${hex(view.getUint16(2, true))} tags ${hex(image[4])} mxcsr ${
    hex(view.getUint32(24, true))
  }\n  st ${st.join(" ")}`;
}

/** Which doublewords of memory differ. */
function memoryDifferences(engine: Uint8Array, host: Uint8Array): string[] {
  const lines: string[] = [];
  for (let i = 0; i < engine.length && lines.length < 16; i += 4) {
    const address = PAGES[Math.floor(i / PAGE)] + i % PAGE;
    const a = new DataView(host.buffer, host.byteOffset).getUint32(i, true);
    const b = new DataView(engine.buffer).getUint32(i, true);
    if (a !== b) lines.push(`memory ${hex(address)}: silicon ${hex(a)}, engine ${hex(b)}`);
  }
  return lines;
}
