/**
 * Hard caps on the processor time of VMs (kernel/resources.ts): one that has used up its time takes no
 * turn until a timer says that there is some again, however idle the processor is.
 *
 * What its turns take is measured with the kernel's clock. A turn may take more than is left; that is
 * owed. A VM without a cap pays a comparison.
 */

import type { Clock } from "./clock.ts";
import { cpuBucket, type Limits } from "./resources.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Vm } from "./vm.ts";
import { CPU_TIMER, type VmTimers } from "./vm_timers.ts";

export interface CpuCapParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler<Vm>;
  readonly timers: VmTimers;
}

export class CpuCaps {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler<Vm>;
  readonly #timers: VmTimers;

  constructor({ clock, scheduler, timers }: CpuCapParts) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#timers = timers;
  }

  /** Gives a VM another cap, or none. */
  set(vm: Vm, limits: Limits): void {
    vm.cpuTime = cpuBucket(limits);
    this.endWait(vm);
  }

  /** False, and it takes no turn for a while, if the VM whose turn it is has used up its time. */
  mayRun(vm: Vm): boolean {
    if (vm.cpuTime === null) return true;
    const now = this.#clock.monotonic();
    const at = vm.cpuTime.readyAt(now);
    if (at <= now) return true;
    vm.throttled++;
    vm.cpuWaits = true;
    this.#timers.arm(vm, CPU_TIMER, at);
    return false;
  }

  /** Lets a VM that waits for time take turns again. */
  endWait(vm: Vm): void {
    if (!vm.cpuWaits) return;
    vm.cpuWaits = false;
    this.#timers.cancel(vm, CPU_TIMER);
    this.#scheduler.ready(vm);
  }
}
