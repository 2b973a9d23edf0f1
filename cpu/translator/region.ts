/**
 * Which code is translated together.
 *
 * A region is what control can reach from one hot address without knowing register values, cut into basic
 * blocks: branches both ways, direct calls, and the returns from them; where a jump goes through a table, the
 * addresses in it. It may lie on several pages.
 *
 * Rules:
 * - Addresses are linear. A region is valid in every VM that maps its pages to the same frames, which all
 *   VMs of an image do; `pages` and `frames` say which.
 * - `wanted` decides whether code at an address is worth it: code that hardly runs stays outside.
 * - An instruction that is entered in its middle is decoded again from there and overlaps the other reading.
 * - What the region cannot know is only guessed: a return goes to one of the calls seen here, a table jump to
 *   one of the table's addresses. Generated code compares before it believes.
 */

import { isLengthy } from "../effort.ts";
import type { Instruction } from "../instruction.ts";
import { NO_REGISTER } from "../instruction.ts";
import type { Expression, Program, Statement } from "../ir.ts";
import type { Binding } from "../operation.ts";
import { programOf } from "../semantics/table.ts";
import { literalForm } from "../shape.ts";
import { type Call, linkCalls } from "./calls.ts";
import type { CodeWindow } from "./code_window.ts";

/** At most this many instructions make a region, on at most so many pages. */
export const MAXIMUM_INSTRUCTIONS = 1000, MAXIMUM_PAGES = 16;
/** Instructions from which on a region leaves what another one can be entered for to that one. */
const SHARE_FROM = 50;
const MAXIMUM_BLOCKS = 300, MAXIMUM_IN_BLOCK = 256;
/** Instructions that are found in one step. */
const STEP = 150;
/** Words of a jump table that are looked at, and how far from the jump its targets may lie. */
const TABLE_WORDS = 256, TABLE_REACH = 0x8000;

export interface RegionInstruction {
  /** Address of its first byte and of the byte behind it. */
  readonly start: number;
  readonly end: number;
  readonly mnemonic: string;
  readonly program: Program;
  readonly binding: Binding | null;
}

export interface RegionBlock {
  readonly start: number;
  readonly instructions: readonly RegionInstruction[];
  /** Where control goes on when the last instruction is no terminator. */
  readonly end: number;
  /** For each way that leads on from here, in the order of the jumps: the address, inside or outside. */
  readonly targets: readonly number[];
  /** Addresses in the region that a computed jump at the end of this block probably goes to. */
  readonly guesses: readonly number[];
  /** Control also goes where only a register or memory says. */
  readonly computed: boolean;
}

export interface Region {
  /** The hot addresses. */
  readonly starts: readonly number[];
  /** The first one is at the first of `starts`, unless only the evaluator can run what stands there. */
  readonly blocks: readonly RegionBlock[];
  /** Addresses of blocks that control may come to from outside or by a computed jump; also `starts`. */
  readonly entries: readonly number[];
  readonly pages: readonly number[];
  readonly frames: readonly number[];
}

/** By the address of an instruction with a computed target: where it has often gone. */
export type Habits = ReadonlyMap<number, readonly number[]>;

const NO_HABITS: Habits = new Map();

/** The region around the code at `starts`. */
export function findRegion(window: CodeWindow, starts: readonly number[]): Region {
  const search = searchRegion(window, starts);
  for (;;) {
    const step = search.next();
    if (step.done) return step.value;
  }
}

/** The same in steps, of at most `limit` instructions; yields how many have been found since the last step. */
export function* searchRegion(
  window: CodeWindow,
  starts: readonly number[],
  wanted: (address: number) => boolean = () => true,
  limit: number = MAXIMUM_INSTRUCTIONS,
  habits: Habits = NO_HABITS,
  known: (address: number) => boolean = () => false,
): Generator<number, Region> {
  const search = new Search(window, wanted, limit, habits, known);
  let told = 0;
  const leaders = new Set(starts);
  // Breadth first from the hot place: what the limits cut off is far away from it. A function that is called comes
  // after the rest of its caller: half of it would be of no use.
  do {
    for (const leader of leaders) {
      if (search.full) break;
      search.walk(leader, leaders);
      const found = search.found - told;
      if (found < STEP) continue;
      told += found;
      yield found;
    }
  } while (search.enterCalls(leaders));
  const blocks: RegionBlock[] = [];
  for (const leader of leaders) {
    const block = search.cut(leader, leaders);
    if (block !== null) blocks.push(block);
    if (block?.instructions.length === MAXIMUM_IN_BLOCK) leaders.add(block.end);
  }
  const linked = linkCalls(blocks, search.calls);
  return {
    starts,
    blocks: linked.blocks,
    entries: [...new Set([...starts, ...linked.entries, ...search.tableTargets])].filter((entry) =>
      linked.blocks.some((block) => block.start === entry)
    ),
    pages: [...window.frames.keys()],
    frames: [...window.frames.values()],
  };
}

class Search {
  /** Calls by the address of the instruction. */
  readonly calls = new Map<number, Call>();
  readonly tableTargets = new Set<number>();
  private readonly decoded = new Map<number, RegionInstruction>();
  private called: number[] = [];

  constructor(
    private readonly window: CodeWindow,
    private readonly wanted: (address: number) => boolean,
    private readonly limit: number,
    private readonly habits: Habits,
    private readonly known: (address: number) => boolean,
  ) {}

  get found(): number {
    return this.decoded.size;
  }

  get full(): boolean {
    return this.found >= this.limit;
  }

  /** Decodes from `start` to the next branch or to what is known already. */
  walk(start: number, leaders: Set<number>): void {
    const { decoded } = this;
    for (let address = start; !decoded.has(address) && !this.full;) {
      const instruction = this.window.decode(address);
      if (instruction === null) return;
      const form = literalForm(instruction, address);
      const program = programOf(form);
      if (needsEvaluator(program.body)) return;
      const end = (address + instruction.length) | 0;
      const { mnemonic } = instruction;
      decoded.set(address, { start: address, end, mnemonic, program, binding: form.binding });
      if (program.terminator) return this.follow(address, instruction, program, leaders);
      if (program.body.some(({ op }) => op === "raise")) return;
      address = end;
    }
  }

  private follow(
    address: number,
    instruction: Instruction,
    program: Program,
    leaders: Set<number>,
  ): void {
    const { targets } = targetsOf(program.body);
    const likely = [...targets, ...this.habits.get(address) ?? []];
    if (instruction.mnemonic !== "call") { for (const target of likely) this.add(target, leaders); }
    if (instruction.mnemonic === "call") {
      this.called.push(...likely);
      const back = (address + instruction.length) | 0;
      this.add(back, leaders);
      this.calls.set(address, { callees: likely, back });
    } else if (instruction.mnemonic === "jmp" && targets.length === 0) {
      this.addTable(address, instruction, leaders);
    }
  }

  /** Goes on with the functions that were called; false if there are none. */
  enterCalls(leaders: Set<number>): boolean {
    const { called } = this;
    if (this.full || called.length === 0) return false;
    this.called = [];
    for (const target of called) this.add(target, leaders);
    return true;
  }

  private add(address: number, leaders: Set<number>): void {
    if (leaders.size >= MAXIMUM_BLOCKS || !this.wanted(address)) return;
    if (this.decoded.size < SHARE_FROM || !this.known(address)) {
      leaders.add(address);
    }
  }

  /** `jmp [table + register*4]`: the addresses in the table, as far as it looks like one. */
  private addTable(address: number, instruction: Instruction, leaders: Set<number>): void {
    const [operand] = instruction.operands;
    if (operand.kind !== "mem" || operand.index === NO_REGISTER || operand.shift !== 2) return;
    if (operand.base !== NO_REGISTER) return;
    for (let i = 0; i < TABLE_WORDS; i++) {
      const target = this.window.word((operand.value + 4 * i) | 0);
      if (target === null || Math.abs(target - address) > TABLE_REACH) return;
      if (this.window.place(target) < 0 || !this.wanted(target)) continue;
      if (leaders.size >= MAXIMUM_BLOCKS) return;
      leaders.add(target);
      this.tableTargets.add(target);
    }
  }

  /** The block at `start`, or null if nothing there can be translated. */
  cut(start: number, leaders: ReadonlySet<number>): RegionBlock | null {
    const instructions: RegionInstruction[] = [];
    let address = start;
    while (instructions.length < MAXIMUM_IN_BLOCK) {
      const instruction = this.decoded.get(address);
      if (instruction === undefined) break;
      instructions.push(instruction);
      address = instruction.end;
      if (instruction.program.terminator || leaders.has(address)) break;
    }
    if (instructions.length === 0) return null;
    const { program, start: last } = instructions[instructions.length - 1];
    const { targets, computed } = targetsOf(program.body);
    if (!program.terminator) targets.push(address);
    const guesses = this.habits.get(last) ?? [];
    return { start, instructions, end: address, targets, guesses, computed };
  }
}

/** For what takes long see effort.ts. */
function needsEvaluator(body: readonly Statement[]): boolean {
  return body.some((s) => s.op === "operation" && isLengthy(s.operation));
}

/** The address that a jump goes to, if it is in the program. */
export function knownTarget(
  target: Expression,
  addresses: ReadonlyMap<number, number>,
): number | undefined {
  if (target.op === "const") return target.value;
  return target.op === "temp" ? addresses.get(target.id) : undefined;
}

/** Where the jumps of a program go. */
function targetsOf(body: readonly Statement[]): { targets: number[]; computed: boolean } {
  const addresses = new Map<number, number>();
  const targets: number[] = [];
  let computed = false;
  const visit = (statements: readonly Statement[]): void => {
    for (const s of statements) {
      if (s.op === "getEip" && s.offset.op === "const") addresses.set(s.temp.id, s.offset.value);
      else if (s.op === "let" && s.value.op === "temp") {
        const address = addresses.get(s.value.id);
        if (address !== undefined) addresses.set(s.temp.id, address);
      } else if (s.op === "if") {
        visit(s.then);
        visit(s.else);
      } else if (s.op === "loop") visit(s.body);
      else if (s.op === "jump") {
        const target = knownTarget(s.target, addresses);
        if (target === undefined) computed = true;
        else targets.push(target);
      }
    }
  };
  visit(body);
  return { targets, computed };
}
