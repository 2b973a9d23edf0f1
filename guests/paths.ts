/** Where things lie in the checkout. */

const ROOT = new URL("../", import.meta.url);

/** The absolute path of something given from the repository's root. */
export function fromRoot(path: string): string {
  return decodeURIComponent(new URL(path, ROOT).pathname);
}

/** Everything that is built, ignored by git. Images of the guests in the catalog lie here as NAME.elf. */
export const CACHE = fromRoot(".cache/guests/");
