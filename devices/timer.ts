/**
 * The interval timer of one VM: one-shot or periodic. It only computes deadlines; the kernel keeps
 * them in its heap and calls `expire` when one has come.
 *
 * A periodic timer keeps its phase. Periods that passed while the VM could not be told are one
 * interrupt, not many.
 */

export class Timer {
  /** Microseconds of the kernel's clock, or Infinity when disarmed. */
  deadline = Infinity;
  #period = 0;

  /** Expires once in `delay` microseconds; 0 disarms. */
  oneshot(now: number, delay: number): void {
    this.#period = 0;
    this.deadline = delay > 0 ? now + delay : Infinity;
  }

  /** Expires every `period` microseconds; 0 disarms. */
  periodic(now: number, period: number): void {
    this.#period = period;
    this.deadline = period > 0 ? now + period : Infinity;
  }

  /** The deadline has come: computes the next one. */
  expire(now: number): void {
    if (this.#period === 0) {
      this.deadline = Infinity;
      return;
    }
    const missed = Math.max(0, Math.floor((now - this.deadline) / this.#period));
    this.deadline += (missed + 1) * this.#period;
  }
}
