/**
 * Prints a region as one JavaScript function.
 *
 *     function region(block,left){
 *     const {R,X,M32}=environment,{S,slowLoad32}=own;
 *     const RT=X.nearRead,WT=X.nearWrite,h=S[5];
 *     let r0=R[0],...,r7=R[7],fk=R[10],...,e=0,x=0,y=0,d=0,s=0;
 *     out:{bail:{
 *     ...
 *     L1:for(;;){                                  // a loop of three instructions
 *     const t1_0=r0; ... r0=t1_2; ...
 *     const u7=left-3|0;const c7_3=u7<3;
 *     if(t3_0){left=u7;if(c7_3){x=65540;break out;}continue L1;}
 *     ...
 *     }
 *     ...
 *     }y=1;}
 *     left=left-d|0;R[0]=r0;...R[8]=x;S[3]=y;S[4]=left;return s|X.fault;
 *     }
 *
 * - Control flow is nested blocks and loops as flow.ts finds them. If there are several entries they are
 *   cases of a `switch(block)` in a loop, and `E` and `K` give number and need of each.
 * - `left` is what remains of the budget. It is reduced where the text leaves a line of nested blocks; until
 *   then the printer counts what is `done`. It is checked where control goes back or to an entry, against
 *   the longest way to the next check, so every exit is exact.
 * - Ways out set x (address of the next instruction), d (what is done) and s (EXIT_* or 0). Those that give up
 *   an instruction go through `bail`, with x a number into `bails`.
 * - V8 compiles accesses to arrays it knows: the free names are locals of the function, because those of its
 *   context it knows too late.
 * - V8 throws optimised code away when it meets an operation that has never run, so that ways out, which hardly
 *   ever run, are nothing but constants and jumps.
 *
 * Text: this file's vocabulary, those of instruction_printer.ts and cpu/printer.ts, and integers.
 */

import type { Statement } from "../ir.ts";
import { EIP } from "../state.ts";
import type { Operation } from "../operation.ts";
import { analyseFlow, type Flow, goesBack } from "./flow.ts";
import { changesFlags } from "./instruction_printer.ts";
import { GENERAL } from "./register_printer.ts";
import { knownTarget, type Region, type RegionBlock } from "./region.ts";
import { FLAG_LOCALS, lookingBlocks } from "./region_flags.ts";
import { ENDED, FIRST_SITE, GAVE_UP, HIDDEN, LEFT } from "./slow_access.ts";
import { VectorPrinter } from "./vector_printer.ts";

/** Bytes between the first and the last entry. */
const MAXIMUM_SPAN = 1 << 16;

export interface Entry {
  readonly address: number;
  /** Instructions that control may run before it asks for the budget. */
  readonly need: number;
}

export interface PrintedRegion {
  /** The body of a function of `block` (number of the entry, from 1) and `left`. */
  readonly body: string;
  readonly names: readonly string[];
  readonly operations: readonly Operation[];
  readonly entries: readonly Entry[];
  /** The address, and what was done before it, of each way to give up an instruction. */
  readonly bails: readonly (readonly [address: number, done: number])[];
  /** Addresses of the instructions that left for a computed target, by the number that they leave. */
  readonly sites: readonly number[];
}

export function printRegion(region: Region): PrintedRegion {
  return new RegionPrinter(region).printRegion();
}

class RegionPrinter extends VectorPrinter {
  /** Number of each block by its address. */
  private readonly numbers = new Map<number, number>();
  private readonly flow: Flow;
  private readonly looking: ReadonlySet<number>;
  /** Number of each entry in the switch, from 1, by the number of its block. */
  private readonly cases = new Map<number, number>();
  private readonly bails: [number, number][] = [];
  private readonly sites: number[] = [];
  /** The block that is printed, and the entry inside of which it stands. */
  private current = 0;
  private top = 0;
  /** The line in front of the branch that is printed, and its number. */
  private branch = { line: 0, number: 0 };
  private branches = 0;
  /** Addresses that temporaries of the instruction hold. */
  private addresses = new Map<number, number>();

  constructor(private readonly region: Region) {
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

  printRegion(): PrintedRegion {
    const { flow, lines } = this;
    this.use("R");
    this.use("X");
    lines.push(
      `const RT=X.nearRead,WT=X.nearWrite,h=${this.use("S")}[${HIDDEN}];`,
      `let ${GENERAL.map((n) => `r${n}=R[${n}]`).join(",")},${
        FLAG_LOCALS.map(([word, local]) => `${local}=R[${word}]`).join(",")
      },e=0,x=0,y=0,d=0,s=0`,
      "",
    );
    const head = lines.length - 1;
    // Parameters can be anything: without this, V8 would keep them as tagged values or doubles in all loops.
    lines.push("block=block|0;left=left|0;", "out:{bail:{");
    const several = flow.entries.length > 1;
    if (several) lines.push("entry:for(;;)switch(block){");
    for (const node of flow.entries) {
      if (several) lines.push(`case ${this.cases.get(node)}:{`);
      this.top = node;
      this.forget();
      this.completed = 0;
      this.printTree(node);
      if (several) lines.push("}");
    }
    if (several) lines.push("}");
    lines[head] = `${this.tagDefinitions()}${this.vectorDefinitions()};`;
    lines.push(
      `}y=${GAVE_UP};}`,
      "left=left-d|0;",
      GENERAL.map((n) => `R[${n}]=r${n};`).join(""),
      FLAG_LOCALS.map(([word, local]) => `R[${word}]=${local};`).join(""),
      `R[${EIP}]=x;${this.use("S")}[${ENDED}]=y;S[${LEFT}]=left;return s|X.fault;`,
    );
    return {
      body: lines.join("\n"),
      names: [...this.names],
      operations: this.operations,
      entries: this.entries,
      bails: this.bails,
      sites: this.sites,
    };
  }

  /** Prints a block and everything that it dominates. All of it ends with a jump. */
  private printTree(node: number): void {
    const { lines, flow } = this;
    // The last one in the order of control stands behind all others.
    const merges = flow.children[node].filter((child) => flow.isMerge[child])
      .sort((a, b) => flow.order[b] - flow.order[a]);
    if (flow.isLoop[node]) {
      lines.push(`L${node}:for(;;){`);
      this.forget();
    }
    for (const merge of merges) lines.push(`B${merge}:{`);
    this.printBlock(node);
    for (const merge of merges.reverse()) {
      lines.push("}");
      this.forget();
      this.completed = 0;
      this.printTree(merge);
    }
    if (flow.isLoop[node]) lines.push("}");
  }

  private printBlock(node: number): void {
    const block: RegionBlock = this.region.blocks[node];
    this.current = node;
    this.inLoop = this.flow.inLoop[node];
    for (const instruction of block.instructions) {
      this.addresses = new Map();
      if (instruction.program.terminator) this.branchAt();
      this.printInstruction(instruction);
      if (this.unsure && !instruction.program.terminator) this.leaveIfStopped(instruction.end);
      this.completed++;
    }
    const last = block.instructions[block.instructions.length - 1];
    if (!last.program.terminator) {
      this.unsure = false;
      this.completed--;
      this.branchAt();
      this.goTo(block.end);
    }
  }

  // Ways out.

  /** Leaves at `address`, after `done` instructions. */
  private leave(address: number | string, done: number): void {
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

  private goTo(address: number): void {
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
  private branchAt(): void {
    this.branch = { line: this.lines.push("") - 1, number: this.branches++ };
  }

  /** The name of what remains of the budget. */
  private rest(done: number): string {
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

  /** Prints the block here: nothing else leads to it. */
  private inline(node: number, done: number): void {
    const { state, current, instruction, prefix, addresses, unsure, inLoop, cursor, branch } = this;
    this.completed = done;
    if (this.flow.isLoop[node]) {
      // Its header is reached from two sides, so nothing is left open in front of it.
      if (this.looking.has(this.region.blocks[node].start)) this.storeFlags();
      this.lines.push(`left=${this.rest(done)};`);
      this.completed = 0;
    }
    this.printTree(node);
    this.state = state;
    this.current = current;
    this.instruction = instruction;
    this.prefix = prefix;
    this.addresses = addresses;
    this.unsure = unsure;
    this.inLoop = inLoop;
    this.cursor = cursor;
    this.branch = branch;
  }

  /** Goes to an address that is computed: perhaps in this region. */
  private goToComputed(target: string): void {
    const { lines } = this;
    const done = this.completed + 1;
    if (this.unsure) this.leaveIfStopped(target);
    const to = `${this.prefix}to`;
    lines.push(`const ${to}=${target};`);
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

  private get entries(): Entry[] {
    const { flow, region } = this;
    return flow.entries.map((node) => ({
      address: region.blocks[node].start,
      need: flow.need[node],
    }));
  }

  protected override control(s: Statement): void {
    const { lines, instruction } = this;
    switch (s.op) {
      case "if":
        this.decide(s);
        break;
      case "loop":
        this.beforeBranches(s.body);
        this.changingFlags(() => {
          lines.push("for(;;){");
          this.flags = null;
          this.forgetBytes();
          this.cursor.isLast = false;
          this.block(s.body);
          this.forgetBytes();
          lines.push("}");
        });
        break;
      case "jump": {
        const known = knownTarget(s.target, this.addresses);
        if (known === undefined) this.goToComputed(this.expression(s.target));
        else this.goTo(known);
        break;
      }
      case "getEip":
        if (s.offset.op === "const") this.addresses.set(s.temp.id, s.offset.value);
        this.setConstant(s.temp.id, this.expression(s.offset));
        break;
      case "raise":
        lines.push(
          `s=${this.use("raise")}(${this.expression(s.vector)},${this.expression(s.error)});`,
        );
        if (s.trap) this.leave(instruction.end, this.completed + 1);
        else this.leave(instruction.start, this.completed);
        break;
      case "exit":
        lines.push(`s=${s.reason};`);
        if (s.after) this.leave(instruction.end, this.completed + 1);
        else this.leave(instruction.start, this.completed);
        break;
      default:
        super.control(s);
    }
  }

  protected override statement(s: Statement): void {
    if (s.op === "let") {
      const address = knownTarget(s.value, this.addresses);
      if (address !== undefined && s.value.op === "temp") this.addresses.set(s.temp.id, address);
    }
    super.statement(s);
  }

  private decide(s: Extract<Statement, { op: "if" }>): void {
    if (this.deferFlags(s)) return;
    if (changesFlags(s.then) || changesFlags(s.else)) {
      this.changingFlags(() => this.sides(s));
    } else this.sides(s);
  }

  private sides(s: Extract<Statement, { op: "if" }>): void {
    this.beforeBranches([...s.then, ...s.else]);
    this.lines.push(`if(${this.expression(s.condition)}){`);
    this.side(s.then);
    this.lines.push("}");
    if (s.else.length === 0) return this.forgetBytes();
    // Behind a side that ends with a jump no `else` is needed.
    const flat = s.then[s.then.length - 1]?.op === "jump";
    if (flat) return this.side(s.else);
    this.lines.push("else{");
    this.side(s.else);
    this.lines.push("}");
    this.forgetBytes();
  }

  private side(statements: readonly Statement[]): void {
    const { state } = this;
    this.block(statements);
    this.state = state;
  }
}

/** The lowest address of an entry, and how many addresses from there on a table covers. */
export function entrySpan(entries: readonly Entry[]): { first: number; span: number } {
  const addresses = entries.map(({ address }) => address);
  const first = Math.min(...addresses);
  return { first, span: Math.min(Math.max(...addresses) - first + 1, MAXIMUM_SPAN) };
}
