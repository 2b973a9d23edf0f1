/**
 * Which call a return in a region comes back from.
 *
 * A return goes where the stack says. When the call was made in the same region, there is little choice: the
 * address behind it. So a return is guessed to go behind one of the calls that can have led to it, which makes
 * a function that is called in a loop part of the loop.
 */

import type { RegionBlock } from "./region.ts";

export interface Call {
  /** Addresses of the functions that it calls, as far as they are known. */
  readonly callees: readonly number[];
  /** The address behind the call. */
  readonly back: number;
}

/** Of a function: whether all of it is in the region, and its blocks that return. */
interface Body {
  readonly complete: boolean;
  readonly returns: readonly number[];
}

/**
 * Completes what the blocks guess, and leaves out what is not in the region. `calls` are by the address of the
 * instruction. `entries` are the addresses behind calls of what is not all in the region: control comes back from outside.
 */
export function linkCalls(
  blocks: readonly RegionBlock[],
  calls: ReadonlyMap<number, Call>,
): { blocks: RegionBlock[]; entries: number[] } {
  const byStart = new Map(blocks.map((block) => [block.start, block]));
  const guesses = new Map(blocks.map(({ start, guesses }) => [start, new Set(guesses)]));
  const entries: number[] = [];
  const callOf = (block: RegionBlock) =>
    calls.get(block.instructions[block.instructions.length - 1].start);
  const bodies = new Map<number, Body>();
  const bodyOf = (callee: number): Body => {
    const known = bodies.get(callee);
    if (known !== undefined) return known;
    let complete = true;
    const returns: number[] = [];
    // The blocks of the function: calls in them are stepped over.
    const body = new Set([callee]);
    for (const start of body) {
      const inside = byStart.get(start);
      if (inside === undefined) {
        complete = false;
        continue;
      }
      if (isReturn(inside)) returns.push(start);
      const inner = callOf(inside);
      for (const next of inner === undefined ? inside.targets : [inner.back]) body.add(next);
    }
    const found = { complete, returns };
    bodies.set(callee, found);
    return found;
  };
  for (const block of blocks) {
    const call = callOf(block);
    if (call === undefined || !byStart.has(call.back)) continue;
    const callees = call.callees.filter((callee) => byStart.has(callee)).map(bodyOf);
    for (const { returns } of callees) {
      for (const start of returns) guesses.get(start)?.add(call.back);
    }
    if (callees.length === 0 || callees.some(({ complete }) => !complete)) entries.push(call.back);
  }
  const known = (start: number) =>
    [...guesses.get(start) ?? []].filter((address) => byStart.has(address));
  return { blocks: blocks.map((block) => ({ ...block, guesses: known(block.start) })), entries };
}

function isReturn(block: RegionBlock): boolean {
  return block.instructions[block.instructions.length - 1].mnemonic === "ret";
}
