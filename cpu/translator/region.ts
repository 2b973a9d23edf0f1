/**
 * Which code is translated together.
 *
 * A region is what direct branches reach from one hot place within its page, cut into basic blocks. It is
 * found by walking over the bytes, so an instruction that is entered in its middle is decoded again from
 * there and overlaps the other reading.
 *
 * Rules:
 * - Offsets count from the first byte of the page; a region knows its frame and no linear address, so
 *   every VM that maps the frame can run it.
 * - A region never reads beyond its page. Where a block cannot go on (the next page, an instruction that
 *   only the evaluator runs, the limits below) control leaves the region.
 * - The address behind a call begins a block, although no branch leads there: the return comes back to it.
 */

import { decode } from "../decoder.ts";
import { PAGE_MASK, PAGE_SIZE } from "../engine.ts";
import type { Program, Statement } from "../ir.ts";
import type { Binding } from "../operation.ts";
import { programOf } from "../semantics/table.ts";
import { literalForm } from "../shape.ts";

/** At most this many instructions make a region. */
export const MAXIMUM_INSTRUCTIONS = 320;
const MAXIMUM_BLOCKS = 64, MAXIMUM_IN_BLOCK = 256;

export interface RegionInstruction {
  /** Offset in the page of its first byte and of the byte behind it. */
  readonly start: number;
  readonly end: number;
  readonly program: Program;
  readonly binding: Binding | null;
}

export interface RegionBlock {
  readonly start: number;
  readonly instructions: readonly RegionInstruction[];
  /** Where control goes on when the last instruction is no terminator. */
  readonly end: number;
}

export interface Region {
  /** Byte offset of the frame in the pool. */
  readonly frame: number;
  /** In the order of their offsets. Empty: only the evaluator can run what stands there. */
  readonly blocks: readonly RegionBlock[];
}

/** The region around the code at pool address `place`, of at most `limit` instructions. */
export function findRegion(
  bytes: Uint8Array,
  place: number,
  limit: number = MAXIMUM_INSTRUCTIONS,
): Region {
  const frame = place & ~PAGE_MASK;
  const decoded = new Map<number, RegionInstruction>();
  const leaders = new Set([place & PAGE_MASK]);
  // Breadth first from the hot place: what the limits cut off is far away from it.
  for (const start of leaders) {
    if (decoded.size >= limit) break;
    walk(bytes, frame, start, limit, decoded, leaders);
  }
  const blocks: RegionBlock[] = [];
  for (const start of leaders) {
    const block = cut(start, decoded, leaders);
    if (block.instructions.length > 0) blocks.push(block);
    if (block.instructions.length === MAXIMUM_IN_BLOCK) leaders.add(block.end);
  }
  return { frame, blocks: blocks.sort((a, b) => a.start - b.start) };
}

/** Decodes from `start` to the next branch or to what is known already. */
function walk(
  bytes: Uint8Array,
  frame: number,
  start: number,
  limit: number,
  decoded: Map<number, RegionInstruction>,
  leaders: Set<number>,
): void {
  for (let offset = start; !decoded.has(offset) && decoded.size < limit;) {
    const instruction = decode(bytes, frame + offset, frame + PAGE_SIZE);
    if (instruction === null) return;
    const form = literalForm(instruction, offset);
    const program = programOf(form);
    if (needsEvaluator(program.body)) return;
    const end = offset + instruction.length;
    decoded.set(offset, { start: offset, end, program, binding: form.binding });
    if (program.terminator) return addTargets(program.body, leaders);
    if (program.body.some(({ op }) => op === "raise")) return;
    offset = end;
  }
}

/** RDTSC asks for the exact number of retired instructions. */
function needsEvaluator(body: readonly Statement[]): boolean {
  return body.some((statement) => statement.op === "call" && statement.helper === "timestamp");
}

/** Every address that a branch computes is a place where control may come. */
function addTargets(body: readonly Statement[], leaders: Set<number>): void {
  for (const statement of body) {
    if (statement.op === "getEip" && statement.offset.op === "const") {
      const { value } = statement.offset;
      if (value >= 0 && value < PAGE_SIZE && leaders.size < MAXIMUM_BLOCKS) leaders.add(value);
    } else if (statement.op === "if") {
      addTargets(statement.then, leaders);
      addTargets(statement.else, leaders);
    } else if (statement.op === "loop") {
      addTargets(statement.body, leaders);
    }
  }
}

function cut(
  start: number,
  decoded: ReadonlyMap<number, RegionInstruction>,
  leaders: ReadonlySet<number>,
): RegionBlock {
  const instructions: RegionInstruction[] = [];
  let offset = start;
  while (instructions.length < MAXIMUM_IN_BLOCK) {
    const instruction = decoded.get(offset);
    if (instruction === undefined) break;
    instructions.push(instruction);
    offset = instruction.end;
    if (instruction.program.terminator || leaders.has(offset)) break;
  }
  return { start, instructions, end: offset };
}
