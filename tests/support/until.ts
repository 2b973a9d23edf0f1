/**
 * How tests wait: for the very condition that they assert, and no longer than a minute. A machine may
 * stop any thread for seconds; nothing of what a test expects may count on that it does not.
 */

const PATIENCE_MS = 60_000, PAUSE_MS = 5, ATTEMPTS = 5;

/** Asks again and again until `condition` holds; throws if that takes longer than a minute. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`expected within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * For what has a time limit of its own, which a machine that stands still may exceed: tries until a
 * result is `enough`, five times at most. Gives the last result, for the test to judge.
 */
export async function attempts<T>(
  attempt: (number: number) => Promise<T>,
  enough: (result: T) => boolean,
): Promise<T> {
  for (let number = 1;; number++) {
    const result = await attempt(number);
    if (number === ATTEMPTS || enough(result)) return result;
  }
}
