/**
 * Flushes of files: one at a time per file, a few at a time in all. Requests that come while one is
 * under way share the next one, because theirs must begin after what they had written.
 */

import type { DiskFile } from "./file.ts";

/** Each takes a thread of the host's while it waits for the device. */
const AT_ONCE = 8;

type Ended = (error: unknown) => void;

interface FlushState {
  readonly file: DiskFile;
  blocks: number;
  waiting: Ended[];
  idle: (() => void) | null;
}

export class Flusher {
  readonly #states = new Map<DiskFile, FlushState>();
  /** Files with requests that wait for a thread. */
  readonly #line: FlushState[] = [];
  #underWay = 0;

  /** Calls `ended` with undefined, or with what went wrong. */
  flush(file: DiskFile, blocks: number, ended: Ended): void {
    if (file.readOnly) return ended(undefined);
    let state = this.#states.get(file);
    if (state === undefined) {
      state = { file, blocks, waiting: [], idle: null };
      this.#states.set(file, state);
      this.#line.push(state);
    }
    state.blocks = blocks;
    state.waiting.push(ended);
    this.#next();
  }

  /** Calls `idle` once nothing of the file is under way; no more flushes may come for it. */
  whenIdle(file: DiskFile, idle: () => void): void {
    const state = this.#states.get(file);
    if (state === undefined) idle();
    else state.idle = idle;
  }

  #next(): void {
    while (this.#underWay < AT_ONCE && this.#line.length > 0) this.#run(this.#line.shift()!);
  }

  async #run(state: FlushState): Promise<void> {
    const { file, blocks } = state;
    const served = state.waiting;
    state.waiting = [];
    this.#underWay++;
    let error: unknown;
    try {
      await file.flush(blocks);
    } catch (thrown) {
      error = thrown ?? new Error("no reason given");
    }
    this.#underWay--;
    for (const ended of served) ended(error);
    if (state.waiting.length > 0) {
      this.#line.push(state);
    } else {
      this.#states.delete(file);
      state.idle?.();
    }
    this.#next();
  }
}
