/**
 * Finds the instructions of an image that Denali does not virtualise, before the image ever runs.
 *
 * Not virtualised is an instruction whose meaning here is nothing but #UD or #GP (docs/QUIRKS.md), or one
 * that loads DS, ES or SS, which raises #GP for all selectors but one. UD0, UD1 and UD2, made to raise
 * #UD, do what they always do and are no finding.
 *
 * The walk starts at the roots and follows what the bytes say: it falls through, and takes both ways of a
 * conditional branch and of a call. It stops behind RET, IRET, terminate, indirect jumps and encodings
 * that no processor knows. Behind other findings it goes on, to show all of them at once. An indirect
 * branch cannot be followed, hence every function is a root. What the walk did not reach inside a
 * function's extent is swept from low to high addresses, and what is found there is marked: it can be
 * code behind an indirect branch, dead code or data.
 *
 * This is a tool for whoever builds images, no wall: code that a guest writes at run time is not seen here,
 * and raises its exception when it runs.
 *
 * The image is not trusted. Each byte is decoded at most twice, memory is one byte of marks for a byte of
 * the file, and `limit` bounds the time.
 */

import { branchTarget, disassemble } from "./disassembler.ts";
import { decode } from "./decoder.ts";
import { DATA_SELECTOR, X86_GP, X86_UD } from "./engine.ts";
import type { Instruction } from "./instruction.ts";
import { createOutcomes, NO_FAULT, type Outcome } from "./outcome.ts";
import { MAXIMUM_LENGTH } from "./scan.ts";

/** Bytes of the file at their address. Regions do not overlap. */
export interface CodeRegion {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A function's bytes, for the sweep. */
export interface Extent {
  readonly address: number;
  /** Address behind it. */
  readonly end: number;
}

export interface Subject {
  /** In order of their addresses. */
  readonly regions: readonly CodeRegion[];
  /** Addresses where control can arrive by itself: the entry point, functions. */
  readonly roots: readonly number[];
  /** In order of their addresses; they may overlap. */
  readonly extents: readonly Extent[];
}

export interface Finding {
  readonly address: number;
  /** Intel syntax, without columns. */
  readonly text: string;
  readonly exception: "#UD" | "#GP";
  /** When it does not raise the exception, or "". */
  readonly unless: string;
  /** The walk came here; otherwise only the sweep did. */
  readonly reachable: boolean;
}

export interface Verdict {
  /** In order of their addresses; at most FINDINGS_MAXIMUM, the reachable ones first. */
  readonly findings: readonly Finding[];
  /** Findings that are not listed. */
  readonly omitted: number;
  readonly reachableFindings: number;
  /** Instructions that the walk reached, and that the sweep found behind it. */
  readonly reached: number;
  readonly swept: number;
  /** False if the limit ended the walk or the sweep. */
  readonly complete: boolean;
}

export const FINDINGS_MAXIMUM = 1000;
/** Most instructions that are looked at unless the caller says otherwise. */
export const INSTRUCTIONS_MAXIMUM = 32_000_000;

/** Marks of a byte: an instruction was reached that starts at it, or goes over it; it is on the worklist. */
const START = 1, COVERED = 2, QUEUED = 4;

/** Far branches that would not come back, if they were virtualised. */
const FAR_BRANCHES = new Set(["jmpf", "retf", "sysexit", "sysret"]);
/** Instructions that exist to raise #UD. */
const UNDEFINED = new Set(["ud0", "ud1", "ud2"]);

/** Verifies an image; `limit` is the most instructions to look at. */
export function verify(subject: Subject, limit = INSTRUCTIONS_MAXIMUM): Verdict {
  const map = new MarkedRegions(subject.regions);
  const findings = new Findings();
  const outcomes = createOutcomes();
  const reached = walk(map, subject.roots, limit, outcomes, findings);
  const swept = sweep(map, subject.extents, limit - reached, outcomes, findings);
  return {
    findings: findings.listed.toSorted((a, b) => a.address - b.address),
    omitted: findings.total - findings.listed.length,
    reachableFindings: findings.reachable,
    reached,
    swept,
    complete: reached + swept < limit,
  };
}

/** Follows control from the roots; returns how many instructions it reached. */
function walk(
  map: MarkedRegions,
  roots: readonly number[],
  limit: number,
  outcomes: (instruction: Instruction) => Outcome,
  findings: Findings,
): number {
  const waiting: number[] = [];
  const enqueue = (address: number) => {
    if (map.mark(address, QUEUED)) waiting.push(address);
  };
  let count = 0;
  // From the end, so that the walk begins at the first root.
  for (const root of roots.toReversed()) enqueue(root);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (let address = next; count < limit;) {
      const instruction = map.mark(address, START) ? map.decode(address) : null;
      if (instruction === null) break;
      count++;
      for (let i = 0; i < instruction.length; i++) map.mark(address + i, COVERED);
      const outcome = outcomes(instruction);
      findings.add(instruction, outcome, address, true);
      if (outcome.branches) enqueue(branchTarget(instruction.operands[0], instruction, address));
      if (!goesOn(instruction, outcome)) break;
      address += instruction.length;
    }
  }
  return count;
}

function goesOn(instruction: Instruction, outcome: Outcome): boolean {
  return outcome.continues && !instruction.invalid && !FAR_BRANCHES.has(instruction.mnemonic);
}

/** Decodes what the walk left out of the extents; returns how many instructions it found. */
function sweep(
  map: MarkedRegions,
  extents: readonly Extent[],
  limit: number,
  outcomes: (instruction: Instruction) => Outcome,
  findings: Findings,
): number {
  let count = 0, address = 0;
  for (const extent of extents) {
    address = Math.max(address, extent.address);
    while (address < extent.end && count < limit) {
      const instruction = map.mark(address, COVERED) ? map.decode(address) : null;
      if (instruction === null) {
        address = map.nextUncovered(address, extent.end);
        continue;
      }
      count++;
      findings.add(instruction, outcomes(instruction), address, false);
      address += instruction.length;
    }
  }
  return count;
}

/** The image's bytes with a byte of marks for each. */
class MarkedRegions {
  readonly #marks: readonly Uint8Array[];
  /** The region that was asked for last: the next question is nearly always about the same. */
  #index = 0;

  constructor(readonly regions: readonly CodeRegion[]) {
    this.#marks = regions.map(({ bytes }) => new Uint8Array(bytes.length));
  }

  /** Sets a mark; false if it was set before, or if no byte of the file lies there. */
  mark(address: number, mark: number): boolean {
    if (!this.#find(address)) return false;
    const marks = this.#marks[this.#index];
    const offset = address - this.regions[this.#index].address;
    if ((marks[offset] & mark) !== 0) return false;
    marks[offset] |= mark;
    return true;
  }

  /** The instruction at an address in a region, or null if it goes on behind the bytes of the file. */
  decode(address: number): Instruction | null {
    if (!this.#find(address)) return null;
    const { address: start, bytes } = this.regions[this.#index];
    return decode(bytes, address - start, bytes.length) ?? this.#decodeAcross(address);
  }

  /** The next address behind `address` that bears no COVERED mark, or `end`. */
  nextUncovered(address: number, end: number): number {
    let next = address + 1;
    while (next < end) {
      if (!this.#find(next)) {
        // To the next region, however far it is.
        const region = this.regions.find((candidate) => candidate.address > next);
        next = Math.min(end, region?.address ?? end);
        continue;
      }
      if ((this.#marks[this.#index][next - this.regions[this.#index].address] & COVERED) === 0) {
        return next;
      }
      next++;
    }
    return end;
  }

  /** For an instruction that begins at the end of one region and goes on in the next. */
  #decodeAcross(address: number): Instruction | null {
    const window = new Uint8Array(MAXIMUM_LENGTH);
    let length = 0;
    while (length < MAXIMUM_LENGTH && this.#find(address + length)) {
      const { address: start, bytes } = this.regions[this.#index];
      window[length] = bytes[address + length - start];
      length++;
    }
    return decode(window, 0, length);
  }

  #find(address: number): boolean {
    if (this.#holds(this.#index, address)) return true;
    const index = this.regions.findIndex((_, candidate) => this.#holds(candidate, address));
    if (index >= 0) this.#index = index;
    return index >= 0;
  }

  #holds(index: number, address: number): boolean {
    const region = this.regions[index];
    return region !== undefined && address >= region.address &&
      address < region.address + region.bytes.length;
  }
}

/** Counts all findings and keeps the first ones. */
class Findings {
  readonly listed: Finding[] = [];
  total = 0;
  reachable = 0;

  add(instruction: Instruction, outcome: Outcome, address: number, reachable: boolean): void {
    const { fault, selectorFault } = outcome;
    const never = fault === X86_UD || fault === X86_GP;
    const loadsSegment = fault === NO_FAULT && selectorFault;
    if (!never && !loadsSegment || UNDEFINED.has(instruction.mnemonic)) return;
    this.total++;
    if (reachable) this.reachable++;
    if (this.listed.length === FINDINGS_MAXIMUM) return;
    this.listed.push({
      address,
      text: disassemble(instruction, address).replace(/ +/, " "),
      exception: fault === X86_UD ? "#UD" : "#GP",
      unless: loadsSegment ? `the selector is 0x${DATA_SELECTOR.toString(16)}` : "",
      reachable,
    });
  }
}
