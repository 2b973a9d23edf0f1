/**
 * A queue of VMs that wait for a turn: doubly linked through its members, so that every operation takes
 * constant time and allocates nothing. A VM is in at most one queue.
 */

import { KernelBug } from "./errors.ts";

/** What the scheduler keeps in a VM. Only the scheduler writes these fields. */
export interface Schedulable {
  /** Share of the processor relative to other VMs; WEIGHT_DEFAULT is the usual one. */
  weight: number;
  /** Units of work that it may still do before others have their turns; negative: done beyond that. */
  credit: number;
  /** What idling had earned everybody when it began to idle (Scheduler). */
  idleFrom: number;
  queue: RunQueue | null;
  queueNext: Schedulable | null;
  queuePrevious: Schedulable | null;
}

export class RunQueue {
  #head: Schedulable | null = null;
  #tail: Schedulable | null = null;
  size = 0;
  /** Sum of the weights of its members. */
  weight = 0;

  append(item: Schedulable): void {
    this.#enter(item);
    item.queuePrevious = this.#tail;
    item.queueNext = null;
    if (this.#tail) this.#tail.queueNext = item;
    else this.#head = item;
    this.#tail = item;
  }

  /** Puts a VM before all others. */
  prepend(item: Schedulable): void {
    this.#enter(item);
    item.queuePrevious = null;
    item.queueNext = this.#head;
    if (this.#head) this.#head.queuePrevious = item;
    else this.#tail = item;
    this.#head = item;
  }

  take(): Schedulable | null {
    const item = this.#head;
    if (item) this.remove(item);
    return item;
  }

  remove(item: Schedulable): void {
    const { queueNext, queuePrevious } = item;
    if (queuePrevious) queuePrevious.queueNext = queueNext;
    else this.#head = queueNext;
    if (queueNext) queueNext.queuePrevious = queuePrevious;
    else this.#tail = queuePrevious;
    item.queue = null;
    item.queueNext = null;
    item.queuePrevious = null;
    this.size--;
    this.weight -= item.weight;
  }

  #enter(item: Schedulable): void {
    if (item.queue) throw new KernelBug("a VM was put into a second run queue");
    item.queue = this;
    this.size++;
    this.weight += item.weight;
  }
}
