/**
 * Translations that are being made, a step at a time.
 *
 * Finding, printing and compiling a large region takes tens of milliseconds, in which no other VM could run. So it
 * is done in steps of a few hundred microseconds, by the runs of the VM that it was begun for: each step costs
 * `preparation`, which ends a run early when there is too much of it. The VM goes on in the evaluator meanwhile.
 *
 * A translation is given up if a frame that it is made from is dropped.
 */

import type { AddressSpace } from "../engine.ts";
import type { CompiledRegion } from "./region_cache.ts";

/** VMs that can have an unfinished translation; when there are more, the oldest one is given up. */
const MAXIMUM_UNFINISHED = 32;

export interface Unfinished {
  /** Yields after each step what it has cost, as Engine.preparation. */
  readonly steps: Iterator<number>;
  /** What it begins with, or -1, and regions that it will replace. */
  readonly place: number;
  readonly replaces: readonly CompiledRegion[];
  /** What it is made from. */
  frames: readonly number[];
  isGivenUp: boolean;
}

export class UnfinishedTranslations {
  /** By the VM whose runs make it. */
  private readonly bySpace = new Map<AddressSpace, Unfinished>();

  /** That of a VM, if it has one. */
  of(space: AddressSpace): Unfinished | null {
    return this.bySpace.size === 0 ? null : this.bySpace.get(space) ?? null;
  }

  begin(space: AddressSpace, translation: Unfinished): void {
    if (this.bySpace.size >= MAXIMUM_UNFINISHED) {
      for (const oldest of this.bySpace.keys()) {
        this.end(oldest);
        break;
      }
    }
    this.bySpace.set(space, translation);
  }

  end(space: AddressSpace): void {
    const translation = this.bySpace.get(space);
    if (translation !== undefined) translation.isGivenUp = true;
    this.bySpace.delete(space);
  }

  /** Whether somebody is translating the code at `place`, or making one of `regions` anew. */
  includes(place: number, regions: readonly CompiledRegion[]): boolean {
    for (const other of this.bySpace.values()) {
      if (place >= 0 && other.place === place) return true;
      if (regions.some((region) => other.replaces.includes(region))) return true;
    }
    return false;
  }

  dropFrame(frame: number): void {
    for (const [space, { frames }] of this.bySpace) if (frames.includes(frame)) this.end(space);
  }
}
