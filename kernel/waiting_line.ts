/**
 * A line in which anybody may leave from anywhere: first come, first served.
 *
 * Entering, leaving and asking for the first take the same time however many wait (amortised): who
 * leaves is forgotten at once, and its place is skipped, once, when it comes to the front.
 */

/** Places in front that have been passed before the rest moves up. */
const PASSED_MAXIMUM = 1024;

export class WaitingLine<T> {
  /** Who waits, with the number of the place where it stands. */
  readonly #tickets = new Map<T, number>();
  #places: T[] = [];
  /** Number of the first of `places`. */
  #base = 0;
  /** Places in front that nobody stands in any more. */
  #passed = 0;

  get size(): number {
    return this.#tickets.size;
  }

  /** Goes to the end of the line; who is in it already stays where it is. */
  enter(item: T): void {
    if (this.#tickets.has(item)) return;
    this.#tickets.set(item, this.#base + this.#places.length);
    this.#places.push(item);
  }

  /** Leaves the line; false if it was not in it. */
  leave(item: T): boolean {
    if (!this.#tickets.delete(item)) return false;
    if (this.#tickets.size === 0) {
      this.#base += this.#places.length;
      this.#places = [];
      this.#passed = 0;
    }
    return true;
  }

  /** Who has waited longest, or null. */
  get first(): T | null {
    while (this.#passed < this.#places.length) {
      const item = this.#places[this.#passed];
      if (this.#tickets.get(item) === this.#base + this.#passed) return item;
      this.#passed++;
      if (this.#passed < PASSED_MAXIMUM) continue;
      this.#places.splice(0, this.#passed);
      this.#base += this.#passed;
      this.#passed = 0;
    }
    return null;
  }
}
