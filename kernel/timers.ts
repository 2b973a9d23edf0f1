/**
 * All timers of a kernel in one binary heap, so that a thousand armed timers cost the host none.
 *
 * A timer is a small integer that its owner chose once; setting, cancelling and expiring take
 * O(log n). Of equal deadlines the lower number expires first, so that a run can be repeated exactly.
 */

import { KernelBug } from "./errors.ts";

export class TimerHeap {
  /** Heap of timer numbers. */
  #heap = new Int32Array(64);
  /** Place of a timer in the heap plus 1; 0: not armed. */
  #place = new Int32Array(64);
  #deadline = new Float64Array(64);
  #size = 0;

  /** Timers that are armed. */
  get size(): number {
    return this.#size;
  }

  /** Earliest deadline in microseconds, or Infinity. */
  get next(): number {
    return this.#size > 0 ? this.#deadline[this.#heap[0]] : Infinity;
  }

  /** Deadline of a timer, or Infinity if it is not armed. */
  deadline(timer: number): number {
    return timer < this.#place.length && this.#place[timer] > 0 ? this.#deadline[timer] : Infinity;
  }

  /** Arms a timer, or moves it. */
  set(timer: number, deadline: number): void {
    if (!(deadline < Infinity)) throw new KernelBug(`timer ${timer}: deadline ${deadline}`);
    this.#reserve(timer);
    this.#deadline[timer] = deadline;
    if (this.#place[timer] === 0) {
      this.#place[timer] = ++this.#size;
      this.#heap[this.#size - 1] = timer;
    }
    this.#up(this.#place[timer] - 1);
    this.#down(this.#place[timer] - 1);
  }

  /** Disarms a timer; one that is not armed is left alone. */
  cancel(timer: number): void {
    if (timer >= this.#place.length || this.#place[timer] === 0) return;
    const hole = this.#place[timer] - 1;
    this.#place[timer] = 0;
    const last = this.#heap[--this.#size];
    if (hole === this.#size) return;
    this.#heap[hole] = last;
    this.#place[last] = hole + 1;
    this.#up(hole);
    this.#down(this.#place[last] - 1);
  }

  /** Disarms and returns the next timer whose deadline is at or before `now`, or -1. */
  expire(now: number): number {
    if (this.#size === 0) return -1;
    const timer = this.#heap[0];
    if (this.#deadline[timer] > now) return -1;
    this.cancel(timer);
    return timer;
  }

  #before(a: number, b: number): boolean {
    const x = this.#deadline[a];
    const y = this.#deadline[b];
    return x < y || (x === y && a < b);
  }

  #up(place: number): void {
    const heap = this.#heap;
    const timer = heap[place];
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (!this.#before(timer, heap[parent])) break;
      heap[place] = heap[parent];
      this.#place[heap[place]] = place + 1;
      place = parent;
    }
    heap[place] = timer;
    this.#place[timer] = place + 1;
  }

  #down(place: number): void {
    const heap = this.#heap;
    const timer = heap[place];
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(heap[child + 1], heap[child])) child++;
      if (!this.#before(heap[child], timer)) break;
      heap[place] = heap[child];
      this.#place[heap[place]] = place + 1;
      place = child;
    }
    heap[place] = timer;
    this.#place[timer] = place + 1;
  }

  #reserve(timer: number): void {
    let length = this.#place.length;
    if (timer < length) return;
    while (length <= timer) length *= 2;
    const heap = new Int32Array(length);
    const place = new Int32Array(length);
    const deadline = new Float64Array(length);
    heap.set(this.#heap);
    place.set(this.#place);
    deadline.set(this.#deadline);
    this.#heap = heap;
    this.#place = place;
    this.#deadline = deadline;
  }
}
