/**
 * Console output of one cell's VMs between the outbox and whoever takes it.
 *
 * A taker that returns a promise holds back that VM and no other: what the VM wrote behind it, and its
 * changes of state, wait in a queue of the VM's own, in order. A VM may have CONSOLE_WINDOW under way
 * (protocol.ts); what was taken is given back to the cell when it is half a window, or when the VM has
 * ended, at the end of a turn. So a VM that writes without end gets one window per turn of the
 * supervisor, and one that says little costs no message.
 */

import { CONSOLE_WINDOW, consoleCost, type StateNotice } from "./protocol.ts";

export interface ConsoleTakers {
  console(vm: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  state(vm: number, notice: StateNotice): void;
  /** Tells the cell that output of a VM was consumed. */
  consumed(vm: number, cost: number): void;
}

interface Flow {
  /** Cost of what came and is not given back, and how much of it was taken. */
  underWay: number;
  taken: number;
  /** What waits behind a taker that is busy. */
  readonly queue: (() => void | Promise<void>)[];
  busy: boolean;
  /** The VM has ended: its flow goes when nothing is under way. */
  ended: boolean;
}

export class ConsoleFlows {
  readonly #takers: ConsoleTakers;
  readonly #flows = new Map<number, Flow>();
  /** VMs to whose cell something is to be given back. */
  readonly #due = new Set<number>();

  constructor(takers: ConsoleTakers) {
    this.#takers = takers;
  }

  /** VMs of which anything is kept. */
  get size(): number {
    return this.#flows.size;
  }

  /** Throws if the VM was sent more than its window allows: no cell of ours does that. */
  console(vm: number, bytes: Uint8Array<ArrayBuffer>): void {
    let flow = this.#flows.get(vm);
    if (flow === undefined) {
      flow = { underWay: 0, taken: 0, queue: [], busy: false, ended: false };
      this.#flows.set(vm, flow);
    }
    const cost = consoleCost(bytes.length);
    flow.underWay += cost;
    if (flow.underWay > CONSOLE_WINDOW) {
      throw new RangeError(
        `console of VM ${vm}: expected at most ${CONSOLE_WINDOW} under way, got ${flow.underWay}`,
      );
    }
    this.#enter(vm, flow, () => {
      const pending = this.#takers.console(vm, bytes);
      if (!(pending instanceof Promise)) return this.#taken(vm, flow, cost);
      return pending.finally(() => this.#taken(vm, flow, cost));
    });
  }

  state(vm: number, notice: StateNotice): void {
    const flow = this.#flows.get(vm);
    if (flow === undefined) return this.#takers.state(vm, notice);
    this.#enter(vm, flow, () => {
      this.#takers.state(vm, notice);
      flow.ended = notice.state === "stopped" || notice.state === "crashed";
      if (flow.ended) this.#due.add(vm);
    });
  }

  /** Gives back what was taken in this turn. */
  giveBack(): void {
    for (const vm of this.#due) {
      const flow = this.#flows.get(vm);
      if (flow === undefined) continue;
      if (flow.taken > 0) this.#takers.consumed(vm, flow.taken);
      flow.underWay -= flow.taken;
      flow.taken = 0;
      if (flow.ended && flow.underWay === 0) this.#flows.delete(vm);
    }
    this.#due.clear();
  }

  /** The cell is over: what waits is not delivered any more. */
  close(): void {
    for (const { queue } of this.#flows.values()) queue.length = 0;
    this.#flows.clear();
  }

  #enter(vm: number, flow: Flow, step: () => void | Promise<void>): void {
    if (flow.busy) flow.queue.push(step);
    else this.#take(vm, flow, step);
  }

  #take(vm: number, flow: Flow, step: () => void | Promise<void>): void {
    const pending = step();
    if (!(pending instanceof Promise)) return;
    flow.busy = true;
    pending.finally(() => {
      flow.busy = false;
      while (!flow.busy && flow.queue.length > 0) this.#take(vm, flow, flow.queue.shift()!);
      this.giveBack();
    });
  }

  #taken(vm: number, flow: Flow, cost: number): void {
    flow.taken += cost;
    if (flow.ended || flow.taken >= CONSOLE_WINDOW / 2) this.#due.add(vm);
  }
}
