/**
 * One host timer for everything in the gateway.
 *
 * Each connection and each unanswered ARP request is at most one entry of a binary heap. Deadlines
 * mostly move later (every acknowledgement restarts the retransmission timer), so a move to later
 * does not touch the heap: the entry wakes early, sees that nothing is due and is put back.
 * Rules: `wake` schedules its own next deadline; it may be called before anything is due.
 */
export interface Timed {
  /** Set by Timers only: when the heap will wake it, and its place there (-1 = not in the heap). */
  wakeAt: number;
  heapIndex: number;
  wake(now: number): void;
}

export type SetTimer = (ms: number, f: () => void) => () => void;

export class Timers {
  readonly #heap: Timed[] = [];
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  #armedAt = Infinity;
  #disarm: (() => void) | null = null;
  #firing = false;

  constructor(now: () => number, setTimer: SetTimer) {
    this.#now = now;
    this.#setTimer = setTimer;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Wakes `timed` at `at` (ms of the injected clock) or earlier. Infinity is ignored. */
  schedule(timed: Timed, at: number): void {
    if (timed.heapIndex < 0) {
      if (at === Infinity) return;
      timed.wakeAt = at;
      timed.heapIndex = this.#heap.length;
      this.#heap.push(timed);
      this.#up(timed.heapIndex);
    } else if (at < timed.wakeAt) {
      timed.wakeAt = at;
      this.#up(timed.heapIndex);
    } else return;
    if (timed.heapIndex === 0) this.#arm();
  }

  remove(timed: Timed): void {
    const index = timed.heapIndex;
    if (index < 0) return;
    const last = this.#heap.pop()!;
    if (last !== timed) {
      this.#place(last, index);
      this.#up(index);
      this.#down(last.heapIndex);
    }
    timed.heapIndex = -1;
  }

  clear(): void {
    for (const timed of this.#heap) timed.heapIndex = -1;
    this.#heap.length = 0;
    this.#disarm?.();
    this.#disarm = null;
    this.#armedAt = Infinity;
  }

  #arm(): void {
    if (this.#firing) return;
    if (this.#heap.length === 0) return;
    const at = this.#heap[0].wakeAt;
    if (at >= this.#armedAt) return;
    this.#disarm?.();
    this.#armedAt = at;
    this.#disarm = this.#setTimer(Math.max(1, Math.ceil(at - this.#now())), () => this.#fire());
  }

  #fire(): void {
    this.#disarm = null;
    this.#armedAt = Infinity;
    this.#firing = true;
    const now = this.#now();
    const heap = this.#heap;
    try {
      while (heap.length > 0 && heap[0].wakeAt <= now) {
        const timed = heap[0];
        this.remove(timed);
        timed.wake(now);
      }
    } finally {
      this.#firing = false;
      this.#arm();
    }
  }

  #place(timed: Timed, index: number): void {
    this.#heap[index] = timed;
    timed.heapIndex = index;
  }

  #up(start: number): void {
    const heap = this.#heap;
    const timed = heap[start];
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent].wakeAt <= timed.wakeAt) break;
      this.#place(heap[parent], index);
      index = parent;
    }
    this.#place(timed, index);
  }

  #down(start: number): void {
    const heap = this.#heap;
    const timed = heap[start];
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].wakeAt < heap[child].wakeAt) child++;
      if (heap[child].wakeAt >= timed.wakeAt) break;
      this.#place(heap[child], index);
      index = child;
    }
    this.#place(timed, index);
  }
}
