/** Verbs that do the same to everything that is named. */

import { EXIT, Failure } from "./command.ts";

/** Goes on after a refusal, so that `rm a b c` removes what it can. Returns the exit status. */
export async function each(
  words: readonly string[],
  act: (word: string) => Promise<void>,
  ignoreMissing = false,
): Promise<number> {
  let result: number = EXIT.OK;
  for (const word of words) {
    try {
      await act(word);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (ignoreMissing && error.status === 404) continue;
      console.error(`denali: ${word}: ${error.message}`);
      result = EXIT.FAILED;
    }
  }
  return result;
}
