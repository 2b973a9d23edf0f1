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
 * Text: this file's vocabulary, those of the files that it extends and of cpu/printer.ts, and integers.
 */

import type { Statement } from "../ir.ts";
import { EIP } from "../state.ts";
import type { Operation } from "../operation.ts";
import { changesFlags } from "./instruction_printer.ts";
import { GENERAL } from "./register_printer.ts";
import { knownTarget, type Region, type RegionBlock } from "./region.ts";
import { FLAG_LOCALS } from "./region_flags.ts";
import { ENDED, GAVE_UP, HIDDEN, LEFT } from "./slow_access.ts";
import { type Entry, WayPrinter } from "./way_printer.ts";

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
  const printer = new RegionPrinter(region);
  while (printer.advance(region.blocks.length));
  return printer.printed();
}

export class RegionPrinter extends WayPrinter {
  private readonly outer = this.lines;
  private head = 0;

  constructor(region: Region) {
    super(region);
    this.begin();
  }

  private begin(): void {
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
    this.head = lines.length - 1;
    // Parameters can be anything: without this, V8 would keep them as tagged values or doubles in all loops.
    lines.push("block=block|0;left=left|0;", "out:{bail:{");
    const several = flow.entries.length > 1;
    if (several) lines.push("entry:for(;;)switch(block){");
    for (const node of flow.entries) {
      if (several) lines.push(`case ${this.cases.get(node)}:{`);
      this.top = node;
      this.later(node, null);
      if (several) lines.push("}");
    }
    if (several) lines.push("}");
    lines.push(
      `}y=${GAVE_UP};}`,
      "left=left-d|0;",
      GENERAL.map((n) => `R[${n}]=r${n};`).join(""),
      FLAG_LOCALS.map(([word, local]) => `R[${word}]=${local};`).join(""),
      `R[${EIP}]=x;${this.use("S")}[${ENDED}]=y;S[${LEFT}]=left;return s|X.fault;`,
    );
  }

  /** Once all is printed. */
  printed(): PrintedRegion {
    this.assemble();
    this.outer[this.head] = `${this.tagDefinitions()}${this.vectorDefinitions()};`;
    return {
      body: this.outer.join("\n"),
      names: [...this.names],
      operations: this.operations,
      entries: this.entries,
      bails: this.bails,
      sites: this.sites,
    };
  }

  protected override printNode(node: number): void {
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
      this.later(merge, null);
    }
    if (flow.isLoop[node]) lines.push("}");
  }

  private printBlock(node: number): void {
    const block: RegionBlock = this.region.blocks[node];
    this.current = node;
    this.inLoop = this.flow.inLoop[node];
    for (const instruction of block.instructions) {
      this.addresses = new Map();
      this.leaveBranch();
      this.printInstruction(instruction);
      if (this.unsure && !instruction.program.terminator) this.leaveIfStopped(instruction.end);
      this.completed++;
    }
    const last = block.instructions[block.instructions.length - 1];
    if (!last.program.terminator) {
      this.unsure = false;
      this.completed--;
      this.goTo(block.end);
    }
  }

  protected override control(s: Statement): void {
    const { lines, instruction } = this;
    switch (s.op) {
      case "if":
        if (instruction.program.terminator) this.enterBranch();
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
