/**
 * Which VM runs next, and for how long: weighted round robin, with compensation for VMs that idle.
 *
 * Two queues. VMs that compute wait in `normal` and take turns in a circle: each time round a VM is
 * given credit for a quantum times its weight, and runs until that is used up. So shares are exact to
 * one round, whatever the weights, and the next VM is found in constant time. A turn is at most a
 * quantum long; a VM of more weight has several in a row.
 *
 * A VM that wakes from idling should not have to wait for a round: among fifty VMs that compute that
 * would be a tenth of a second. As long as it has credit it waits in `urgent`, which goes first and cuts
 * the turn of a VM of `normal` short. What that may cost others:
 *
 * - `urgent` may be ahead of `normal` by URGENT_LEAD quanta. So those who compute keep half of the
 *   processor (or their share by weight, if that is less), however many VMs idle and wake.
 * - While it idles, or waits in `urgent`, a VM earns what others do meanwhile, times its weight, up to
 *   IDLE_SAVINGS quanta. Without credit it takes its turn like all others.
 *
 * Together: a VM of usual weight that idles now and then may have up to half of the processor beside any
 * number of VMs that compute, one of a tenth of the weight at most a tenth as much as they.
 *
 * Idle VMs are in no queue. The one that runs is in none either. Every event takes constant time.
 * Everything is counted in work (kernel/processor.ts), never in time: the same events give the same
 * order.
 */

import { RunQueue, type Schedulable } from "./run_queue.ts";

export type { RunQueue, Schedulable };

/**
 * Default time slice in units of work (kernel/processor.ts): about 2 ms evaluated and 0.45 ms translated, a
 * thousand times the cost of a switch, and below what a person notices when ten VMs spin.
 */
export const DEFAULT_QUANTUM = 200_000;

/** Weight of a VM of which nothing else was said, and the bounds. */
export const WEIGHT_DEFAULT = 100, WEIGHT_MINIMUM = 1, WEIGHT_MAXIMUM = 1000;

/** Most quanta (times its weight) that a VM can earn by idling. */
export const IDLE_SAVINGS = 4;

/** Quanta that VMs which woke may be ahead of VMs which compute; less than one, so that whoever has had a
 * turn can save some of it up. */
export const URGENT_LEAD = 1 / 4;

export class Scheduler<T extends Schedulable> {
  readonly #normal = new RunQueue();
  readonly #urgent = new RunQueue();
  /** VMs to switch to before all others, without regard to credit. */
  readonly #forced = new RunQueue();
  /** Credit that a VM of default weight would have earned by idling since the beginning. */
  #earned = 0;
  /** Work by which `urgent` is ahead of `normal`. */
  #lead = 0;
  /** The running turn: units that are left of it, and whether its VM came from `normal`. */
  #turn = 0;
  #computes = false;

  constructor(readonly quantum: number) {
    if (!Number.isInteger(quantum) || quantum < 1) {
      throw new RangeError(`quantum: expected an integer of at least 1, got ${quantum}`);
    }
  }

  /** VMs that wait for their turn. */
  get size(): number {
    return this.#normal.size + this.#urgent.size + this.#forced.size;
  }

  /** Queues a VM that starts, is resumed, or gives up the rest of its turn: others go first. */
  ready(item: T): void {
    item.credit = Math.min(item.credit, 0);
    this.#normal.append(item);
  }

  /** A VM begins to idle. It is in no queue. */
  idle(item: T): void {
    item.idleFrom = this.#earned;
  }

  /** Queues a VM that wakes from idling, with what it has earned. */
  wake(item: T): void {
    this.#earn(item);
    if (item.credit > 0) this.#urgent.append(item);
    else this.#normal.append(item);
  }

  /** Queues a VM before all others, wherever it was. Only for VMs that are runnable and do not run. */
  force(item: T): void {
    item.queue?.remove(item);
    this.#forced.append(item);
  }

  /** There are VMs to switch to before all others. */
  get forced(): boolean {
    return this.#forced.size > 0;
  }

  /** Takes a VM out of its queue, if it is in one. */
  remove(item: T): void {
    item.queue?.remove(item);
  }

  /** Changes a VM's weight; it counts from its next round on. */
  setWeight(item: T, weight: number): void {
    if (item.queue) item.queue.weight += weight - item.weight;
    item.weight = weight;
  }

  /** Begins the turn of the VM whose turn it is; null if none is runnable. */
  next(): T | null {
    const item = this.#choose();
    if (item) this.#turn = Math.min(this.quantum, item.credit);
    else this.#rest();
    return item;
  }

  /** Units of work that are left of the running turn. */
  get turn(): number {
    return this.#turn;
  }

  /** The running turn is to be cut: `pass` it. */
  get cut(): boolean {
    if (this.#forced.size > 0) return true;
    return this.#computes && this.#urgent.size > 0 && this.#mayLead;
  }

  /** Counts work of the VM that runs. */
  charge(item: T, work: number): void {
    item.credit -= work;
    this.#turn -= work;
    this.#earned += work;
    if (this.#computes) this.#follow(item, work);
    else if (this.#normal.size > 0) this.#lead += work;
  }

  /** Ends a turn of a VM that goes on: it goes to where it stood if it has credit left. */
  pass(item: T): void {
    if (item.credit <= 0) this.#normal.append(item);
    else if (this.#computes) this.#normal.prepend(item);
    else {
      item.idleFrom = this.#earned;
      this.#urgent.append(item);
    }
  }

  /** `urgent` is not too far ahead of `normal`. */
  get #mayLead(): boolean {
    return this.#lead < URGENT_LEAD * this.quantum;
  }

  #slice(item: T): number {
    return Math.ceil(this.quantum * item.weight / WEIGHT_DEFAULT);
  }

  #choose(): T | null {
    const waits = this.#urgent.size > 0;
    const first = waits && (this.#normal.size === 0 || this.#mayLead);
    const forced = this.#forced.take() as T | null;
    this.#computes = forced === null && !first;
    if (forced) return this.#grant(forced);
    return first ? this.#takeUrgent() : this.#grant(this.#normal.take() as T | null);
  }

  /** It has waited for those who compute, and earned by that as if it had idled. */
  #takeUrgent(): T {
    const item = this.#urgent.take() as T;
    this.#earn(item);
    return item;
  }

  /** Adds what a VM has earned since it began to idle or to wait in `urgent`. */
  #earn(item: T): void {
    const earned = (this.#earned - item.idleFrom) * (item.weight / WEIGHT_DEFAULT);
    item.idleFrom = this.#earned;
    item.credit = Math.floor(Math.min(IDLE_SAVINGS * this.#slice(item), item.credit + earned));
  }

  /** Gives credit for a round to a VM without; what it did beyond its last is taken off. */
  #grant(item: T | null): T | null {
    if (item && item.credit <= 0) {
      const slice = this.#slice(item);
      item.credit = Math.max(item.credit + slice, Math.ceil(slice / 2));
    }
    return item;
  }

  /** Work of `normal` lets `urgent` go ahead again, by as much as its weight is greater. */
  #follow(item: T, work: number): void {
    const ratio = Math.max(1, this.#urgent.weight / (this.#normal.weight + item.weight));
    this.#lead = Math.max(this.#lead - work * ratio, (1 - ratio) * this.quantum);
  }

  /** The processor rests: nobody is owed anything, and everybody has earned all that may be saved. */
  #rest(): void {
    this.#earned += IDLE_SAVINGS * this.quantum;
    this.#lead = 0;
  }
}
