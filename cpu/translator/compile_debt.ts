/**
 * What V8 spends on regions, and how hot code has to be for that.
 *
 * V8 compiles a region two or three times: 25 to 40 µs in all for each operator of its text, on one or two threads of
 * its own, one region after the other. Until then the region runs slower than the evaluator. So as long as V8 has
 * much to do, only what is hotter is worth translating; and what is already translated and would only be
 * better in one piece has to be the hotter the larger that piece is.
 */

/** Characters of text that double what is asked of the next place. */
const DEBT = 30_000;
/** Characters that are worth a place's threshold. */
const USUAL_TEXT = 8000;

export class CompileDebt {
  /** Characters that V8 has not compiled yet, as far as anybody knows. */
  private characters = 0;

  add(characters: number): void {
    this.characters += characters;
  }

  /** An eighth of a second of work has passed: V8 has compiled half of it. */
  cool(): void {
    this.characters /= 2;
  }

  /** What a threshold is to be multiplied by now: 1 or more. */
  get factor(): number {
    return 1 + this.characters / DEBT;
  }
}

/** The same for making so many characters of text anew. */
export function priceOf(characters: number): number {
  return Math.max(1, characters / USUAL_TEXT);
}

/** Whether a region is so small that making it anew costs no more than another one beside it. */
export function isCheap(characters: number): boolean {
  return characters <= USUAL_TEXT;
}
