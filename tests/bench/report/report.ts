/** How a benchmark reports: a table on stdout, and JSON and SVG files in `dist/bench/`. */

import { plot, type PlotOptions, type Series } from "./plot.ts";

const FOLDER = new URL("../../../dist/bench/", import.meta.url).pathname;

/** Prints rows in columns; the first column is left-aligned, the others right-aligned. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i].length))
  );
  for (const row of [header, ...rows]) {
    console.log(
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  "),
    );
  }
}

/** Writes `dist/bench/NAME.json` and, with series, `NAME.svg`; prints where. */
export async function save(
  name: string,
  data: unknown,
  series?: readonly Series[],
  options?: PlotOptions,
): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(`${FOLDER}${name}.json`, JSON.stringify(data, null, 2) + "\n");
  if (series && options) await Deno.writeTextFile(`${FOLDER}${name}.svg`, plot(series, options));
  console.log(`\nwritten: dist/bench/${name}.json${series ? ` and ${name}.svg` : ""}`);
}

/** Writes `dist/bench/NAME.svg`. */
export async function savePicture(name: string, svg: string): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  await Deno.writeTextFile(`${FOLDER}${name}.svg`, svg);
}

/** The geometric mean of positive numbers. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
