/** VMs that wait for their next start after they ended: one host timer for all of them. */

import { type Timed, Timers } from "../gateway/timers.ts";
import { backoffMs, HEALTHY_MS, startsAgain } from "./restart_policy.ts";
import { hasEnded, type VmRecord } from "./record.ts";

class Waiting implements Timed {
  wakeAt = 0;
  heapIndex = -1;

  constructor(readonly wake: () => void) {}
}

export class Restarts {
  readonly #start: (vm: VmRecord) => Promise<void>;
  readonly #waiting = new Map<VmRecord, Waiting>();
  readonly #timers = new Timers(() => performance.now(), (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  });
  #closed = false;

  /** `start` starts a VM afresh; if it rejects, the VM waits for another try. */
  constructor(start: (vm: VmRecord) => Promise<void>) {
    this.#start = start;
  }

  /** A VM has ended: it is started again if its policy says so. */
  ended(vm: VmRecord): void {
    if (performance.now() - vm.startedAt >= HEALTHY_MS) vm.restarts = 0;
    const { state, exitCode, restarts, wanted } = vm;
    if (startsAgain(vm.restart, { state, exitCode, restarts, stopped: !wanted })) this.#wait(vm);
  }

  /** It does not wait any more, if it did. */
  cancel(vm: VmRecord): void {
    const waiting = this.#waiting.get(vm);
    if (waiting === undefined) return;
    this.#waiting.delete(vm);
    this.#timers.remove(waiting);
  }

  close(): void {
    this.#closed = true;
    for (const vm of [...this.#waiting.keys()]) this.cancel(vm);
    this.#timers.clear();
  }

  #wait(vm: VmRecord): void {
    if (this.#closed) return;
    this.cancel(vm);
    const waiting = new Waiting(() => void this.#due(vm));
    this.#waiting.set(vm, waiting);
    this.#timers.schedule(waiting, performance.now() + backoffMs(vm.restarts));
  }

  async #due(vm: VmRecord): Promise<void> {
    this.#waiting.delete(vm);
    if (!vm.wanted || !hasEnded(vm)) return;
    vm.restarts++;
    try {
      await this.#start(vm);
    } catch {
      if (vm.wanted && hasEnded(vm)) this.#wait(vm);
    }
  }
}
