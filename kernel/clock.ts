/**
 * The kernel's only source of time, injected so that a test owns it.
 *
 * With a `DeterministicClock` time is a function of the work that the guests have done: it goes on
 * by one microsecond per WORK_PER_MICROSECOND units, and when every VM is idle the kernel jumps to the
 * next deadline. Two runs of the same guests then see the same times at the same instructions.
 */

export interface Clock {
  /** Microseconds since some fixed moment; never decreases; may have a fraction. */
  monotonic(): number;
  /** Microseconds since 1970-01-01 UTC. */
  wall(): number;
}

/** Speed of the deterministic processor: 100 million units of work per second. */
export const WORK_PER_MICROSECOND = 100;

/** RDTSC ticks per millisecond: the time-stamp counter counts nanoseconds. */
export const CPU_KHZ = 1_000_000;

/** RDTSC ticks per microsecond. */
export const TICKS_PER_MICROSECOND = CPU_KHZ / 1000;

/** Wall clock of a deterministic run at its start: 2002-12-09, the first day of OSDI '02. */
export const DETERMINISTIC_EPOCH = Date.UTC(2002, 11, 9) * 1000;

/** A clock that only the kernel moves. */
export class DeterministicClock implements Clock {
  #microseconds = 0;
  #work = 0;

  constructor(readonly epoch: number = DETERMINISTIC_EPOCH) {}

  monotonic(): number {
    return this.#microseconds;
  }

  wall(): number {
    return this.epoch + this.#microseconds;
  }

  /** Lets the time of `work` units pass; what does not fill a microsecond is kept. */
  advance(work: number): void {
    this.#work += work;
    if (this.#work < WORK_PER_MICROSECOND) return;
    const whole = Math.floor(this.#work / WORK_PER_MICROSECOND);
    this.#work -= whole * WORK_PER_MICROSECOND;
    this.#microseconds += whole;
  }

  /** Jumps to a moment in the future; one in the past changes nothing. */
  jump(microseconds: number): void {
    if (microseconds <= this.#microseconds) return;
    this.#microseconds = Math.ceil(microseconds);
    this.#work = 0;
  }

  /** RDTSC ticks at `work` units after the last `advance`. */
  ticks(work: number): number {
    const perWork = TICKS_PER_MICROSECOND / WORK_PER_MICROSECOND;
    return this.#microseconds * TICKS_PER_MICROSECOND + (this.#work + work) * perWork;
  }
}

/** The clock of the host. Times start at 0 when it is made. */
export class HostClock implements Clock {
  readonly #start = performance.now();

  monotonic(): number {
    return (performance.now() - this.#start) * 1000;
  }

  wall(): number {
    return Date.now() * 1000;
  }
}
