/** Sizes as people write them: `16M`, `1G`, `4096`. Units are powers of 1024. */

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

export const SIZE_EXPECTED = "a number of bytes, or a number with the unit K, M, G or T";

/** Bytes, or undefined for a text that is no size. A unit may be followed by `B` or `iB`. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Number(match[1]) * UNITS[match[2].toLowerCase()];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact form up to one decimal: `16M`, `1.5G`. */
export function formatSize(bytes: number): string {
  for (
    const [unit, factor] of [["T", 2 ** 40], ["G", 2 ** 30], ["M", 2 ** 20], [
      "K",
      2 ** 10,
    ]] as const
  ) {
    if (bytes >= factor) return `${Number((bytes / factor).toFixed(1))}${unit}`;
  }
  return `${bytes}`;
}
