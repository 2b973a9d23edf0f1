/**
 * Prints where control goes from an instruction of a region: on to another block, out of the region, or nowhere yet.
 *
 * What these ways look like, region_printer.ts says, which extends this.
 */

import { analyseFlow, type Flow, goesBack } from "./flow.ts";
import type { Region } from "./region.ts";
import { lookingBlocks } from "./region_flags.ts";
import { FIRST_SITE } from "./slow_access.ts";
import type { PrinterState } from "./instruction_printer.ts";
import { VectorPrinter } from "./vector_printer.ts";

/** In generated text. */
const OPERATOR = /[=!<>]=+|[-+*|&^/%<>?]+|[[(.]/g;

/** Bytes between the first and the last entry. */
const MAXIMUM_SPAN = 1 << 16;

export interface Entry {
  readonly address: number;
  /** Instructions that control may run before it asks for the budget. */
  readonly need: number;
}

/** A block that is printed later, and with it all that it dominates. */
interface Part {
  readonly node: number;
  readonly top: number;
  /** What is known there; null: nothing. */
  readonly state: PrinterState | null;
  /** Its text, and where that becomes a line. */
  readonly lines: string[];
  readonly within: string[];
  readonly at: number;
}

export abstract class WayPrinter extends VectorPrinter {
  /** Number of each block by its address. */
  protected readonly numbers = new Map<number, number>();
  protected readonly flow: Flow;
  private readonly looking: ReadonlySet<number>;
  /** Number of each entry in the switch, from 1, by the number of its block. */
  protected readonly cases = new Map<number, number>();
  protected readonly bails: [number, number][] = [];
  protected readonly sites: number[] = [];
  /** The block that is printed, and the entry inside of which it stands. */
  protected current = 0;
  protected top = 0;
  /** The line in front of the branch that is printed, or -1, and its number. */
  private branch = { line: -1, number: 0 };
  private branches = 0;
  /** What is printed later, in the order in which that happens, and how far it has come. */
  private readonly parts: Part[] = [];
  private next = 0;
  /** What is printed: instructions, and operators, indices and calls of the text. */
  instructions = 0;
  operators = 0;
  /** Addresses that temporaries of the instruction hold. */
  protected addresses = new Map<number, number>();

  constructor(protected readonly region: Region) {
    super();
    const { blocks } = region;
    blocks.forEach(({ start }, number) => this.numbers.set(start, number));
    this.looking = lookingBlocks(blocks);
    const nodes = blocks.map(({ instructions, targets, guesses }) => ({
      weight: instructions.length,
      successors: [...targets, ...guesses].flatMap((way) => this.numbers.get(way) ?? []),
    }));
    this.flow = analyseFlow(nodes, region.entries.map((entry) => this.numbers.get(entry)!));
    this.flow.entries.forEach((node, index) => this.cases.set(node, index + 1));
  }

  /** Prints a block and what surrounds it; what it dominates is left for later. All of it ends with a jump. */
  protected abstract printNode(node: number): void;

  /** The text of `node` and all that it dominates will stand here. */
  protected later(node: number, state: PrinterState | null): void {
    const { lines, top } = this;
    this.parts.push({ node, top, state, lines: [], within: lines, at: lines.push("") - 1 });
  }

  /** Prints what was left for later, about so many instructions of it; false if nothing is left. */
  advance(instructions: number): boolean {
    const end = this.instructions + instructions;
    for (; this.instructions < end && this.next < this.parts.length; this.next++) {
      const { node, top, state, lines } = this.parts[this.next];
      this.lines = lines;
      this.top = top;
      if (state !== null) this.state = state;
      else {
        this.forget();
        this.completed = 0;
      }
      this.printNode(node);
      this.instructions += this.region.blocks[node].instructions.length;
      for (const line of lines) this.operators += line.match(OPERATOR)?.length ?? 0;
    }
    return this.next < this.parts.length;
  }

  /** Puts all parts into their places. */
  protected assemble(): void {
    // Each part is younger than the one that it stands in.
    for (const { lines, within, at } of this.parts.reverse()) within[at] = lines.join("\n");
  }

  // Ways out.

  /** Leaves at `address`, after `done` instructions. */
  protected leave(address: number | string, done: number): void {
    this.storeFlags();
    this.lines.push(`x=${address};d=${done};break out;`);
  }

  /** The instruction is complete; if it changed this code, control goes on at `address` from outside. */
  protected override leaveIfStopped(address: number | string): void {
    const { pending, completed } = this;
    this.lines.push(
      `if(${this.use("stopped")}()){${pending}x=${address};d=${completed + 1};break out;}`,
    );
  }

  protected override bail(condition: string): void {
    this.lines.push(`if(${condition}){${this.pending}x=${this.bails.length};break bail;}`);
    this.bails.push([this.instruction.start, this.completed]);
  }

  // Ways on. The instruction is complete: it counts as done.

  protected goTo(address: number): void {
    const { flow, lines } = this;
    const node = this.numbers.get(address);
    const done = this.completed + 1;
    if (this.unsure) this.leaveIfStopped(address);
    if (node === undefined) return this.leave(address, done);
    const entry = this.cases.get(node);
    const back = node === this.top ||
      (entry === undefined && goesBack(flow.order, this.current, node));
    if (back) this.checked(node, `continue L${node};`, done);
    else if (entry !== undefined) this.checked(node, `block=${entry};continue entry;`, done);
    else if (flow.isMerge[node]) {
      if (this.looking.has(address)) this.storeFlags();
      lines.push(`left=${this.rest(done)};break B${node};`);
    } else this.inline(node, done);
  }

  /** Goes on only if the budget suffices. */
  private checked(node: number, jump: string, done: number): void {
    const { start } = this.region.blocks[node];
    if (this.looking.has(start)) this.storeFlags();
    const rest = this.rest(done);
    this.lines.push(
      `left=${rest};`,
      `if(${this.asked(rest, this.flow.need[node])}){${this.pending}x=${start};break out;}${jump}`,
    );
  }

  /**
   * What the ways on from here need is computed in front of the branch, so that a way itself consists of copies: V8
   * drops optimised code when it meets an operation that has never run, as the first one on a rare way would be.
   */
  protected enterBranch(): void {
    if (this.branch.line < 0) {
      this.branch = { line: this.lines.push("") - 1, number: this.branches++ };
    }
  }

  /** The next instruction has a branch of its own, or none. */
  protected leaveBranch(): void {
    this.branch = { line: -1, number: 0 };
  }

  /** The name of what remains of the budget. */
  private rest(done: number): string {
    this.enterBranch();
    const { lines, branch: { line, number } } = this;
    const name = `u${number}`;
    if (lines[line] === "") lines[line] = `const ${name}=left-${done}|0;`;
    return name;
  }

  /** The name of whether that is less than `need`. */
  private asked(rest: string, need: number): string {
    const { lines, branch: { line, number } } = this;
    const name = `c${number}_${need}`;
    const definition = `const ${name}=${rest}<${need};`;
    if (!lines[line].includes(definition)) lines[line] += definition;
    return name;
  }

  /** The block stands here: nothing else leads to it. */
  private inline(node: number, done: number): void {
    const { state } = this;
    this.completed = done;
    if (this.flow.isLoop[node]) {
      // Its header is reached from two sides, so nothing is left open in front of it.
      if (this.looking.has(this.region.blocks[node].start)) this.storeFlags();
      this.lines.push(`left=${this.rest(done)};`);
      this.completed = 0;
    }
    this.later(node, this.state);
    this.state = state;
  }

  /** Goes to an address that is computed: perhaps in this region. */
  protected goToComputed(target: string): void {
    const { lines } = this;
    const done = this.completed + 1;
    if (this.unsure) this.leaveIfStopped(target);
    const to = `${this.prefix}to`;
    lines.push(`const ${to}=${target};`);
    this.enterBranch();
    for (const way of this.region.blocks[this.current].guesses) {
      lines.push(`if(${to}===${way}){`);
      const { state } = this;
      this.goTo(way);
      this.state = state;
      lines.push("}");
    }
    // Who left says where: `y` tells the translator which computed jump went somewhere else.
    this.storeFlags();
    const left = `y=${FIRST_SITE + this.sites.length};break out;`;
    this.sites.push(this.instruction.start);
    if (this.flow.entries.length === 1) {
      lines.push(`x=${to};d=${done};${left}`);
      return;
    }
    const { first, span } = entrySpan(this.entries);
    lines.push(
      `left=${this.rest(done)};x=${to};`,
      `if((x-${first}>>>0)<${span}&&(block=${this.use("E")}[x-${first}|0])!==0&&left>=${
        this.use("K")
      }[block])continue entry;`,
      left,
    );
  }

  protected get entries(): Entry[] {
    const { flow, region } = this;
    return flow.entries.map((node) => ({
      address: region.blocks[node].start,
      need: flow.need[node],
    }));
  }
}

/** The lowest address of an entry, and how many addresses from there on a table covers. */
export function entrySpan(entries: readonly Entry[]): { first: number; span: number } {
  const addresses = entries.map(({ address }) => address);
  const first = Math.min(...addresses);
  return { first, span: Math.min(Math.max(...addresses) - first + 1, MAXIMUM_SPAN) };
}
