/**
 * Which VM runs next: round robin, with compensation for VMs that were idle.
 *
 * Two queues. A VM that wakes from idling waits in `urgent` while it still has some of the quantum that
 * it did not use before it idled; every other runnable VM waits in `normal`. Rules that keep this fair:
 *
 * - Only a turn in `normal` gives a new full quantum. In `urgent` a VM spends what was left of it, so
 *   that by idling and waking it gets at most twice a quantum per round.
 * - After URGENT_RUN turns from `urgent` one from `normal` comes, however many VMs wake.
 *
 * Idle VMs are in no queue. The queues are linked through the VMs: every event is O(1) and
 * allocates nothing. A VM is in at most one queue; the one that runs is in none.
 */

import { KernelBug } from "./errors.ts";

/**
 * Default time slice in units of work (kernel/kernel.ts). At 50 to 100 million instructions per
 * second 200,000 are 2 to 4 ms: a thousand times the cost of a switch, and below what a person
 * notices when ten VMs spin.
 */
export const DEFAULT_QUANTUM = 200_000;

/** Most turns in a row that go to VMs which were idle while others wait. */
export const URGENT_RUN = 8;

/** What the scheduler keeps in a VM. Only the scheduler writes these fields. */
export interface Schedulable {
  /** Units of work that are left of the quantum. */
  credit: number;
  queue: RunQueue | null;
  queueNext: Schedulable | null;
  queuePrevious: Schedulable | null;
}

/** A doubly linked list through its members. */
export class RunQueue {
  #head: Schedulable | null = null;
  #tail: Schedulable | null = null;
  size = 0;

  append(item: Schedulable): void {
    if (item.queue) throw new KernelBug("a VM was put into a second run queue");
    item.queue = this;
    item.queuePrevious = this.#tail;
    item.queueNext = null;
    if (this.#tail) this.#tail.queueNext = item;
    else this.#head = item;
    this.#tail = item;
    this.size++;
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
  }
}

export class Scheduler<T extends Schedulable> {
  readonly #normal = new RunQueue();
  readonly #urgent = new RunQueue();
  #urgentRun = 0;

  constructor(readonly quantum: number) {
    if (!Number.isInteger(quantum) || quantum < 1) {
      throw new RangeError(`quantum: expected an integer of at least 1, got ${quantum}`);
    }
  }

  /** VMs that wait for their turn. */
  get size(): number {
    return this.#normal.size + this.#urgent.size;
  }

  /** Queues a VM that starts, is resumed, or has used up its turn. */
  ready(item: T): void {
    this.#normal.append(item);
  }

  /** Queues a VM that wakes from idling. */
  wake(item: T): void {
    if (item.credit > 0) this.#urgent.append(item);
    else this.#normal.append(item);
  }

  /** Takes a VM out of its queue, if it is in one. */
  remove(item: T): void {
    item.queue?.remove(item);
  }

  /** Takes the VM whose turn it is, with `credit` set to its time slice; null if none is runnable. */
  next(): T | null {
    const urgent = this.#urgent.size > 0 &&
      (this.#normal.size === 0 || this.#urgentRun < URGENT_RUN);
    if (urgent) {
      this.#urgentRun++;
      return this.#urgent.take() as T;
    }
    this.#urgentRun = 0;
    const item = this.#normal.take() as T | null;
    if (item) item.credit = this.quantum;
    return item;
  }
}
