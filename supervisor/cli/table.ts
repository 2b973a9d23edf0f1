/**
 * Rows as aligned columns under a heading, cut to the width of the terminal: the widest columns lose
 * first, down to the width of their headings. Where stdout is no terminal nothing is cut.
 */

import { columns, paint } from "./terminal.ts";

const GAP = 2;

export interface TableOptions {
  /** Characters in a line; default: those of the terminal. */
  readonly width?: number;
  /** Paints the cells of a column, by heading: the whole text says how, what is `shown` of it gets it. */
  readonly paint?: Readonly<Record<string, (text: string, shown: string) => string>>;
}

/** The first row is the heading; all rows have as many cells as it has. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const [heading] = rows;
  const widths = fit(rows, options.width ?? columns());
  const painters = heading.map((name) =>
    options.paint?.[name] ?? ((_: string, shown: string) => shown)
  );
  return rows.map((row, index) => {
    const cells = row.map((text, column) => {
      const cut = shorten(text, widths[column]);
      const gap = column === row.length - 1 ? "" : " ".repeat(widths[column] + GAP - cut.length);
      return (index === 0 ? cut : painters[column](text, cut)) + gap;
    });
    const line = cells.join("").trimEnd();
    return index === 0 ? paint("bold", line) : line;
  }).join("\n");
}

function fit(rows: readonly (readonly string[])[], width: number): number[] {
  const [heading] = rows;
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const least = heading.map((name) => Math.max(name.length, 4));
  const total = () => widths.reduce((sum, part) => sum + part + GAP, -GAP);
  for (let over = total() - width; over > 0; over = total() - width) {
    const room = widths.map((part, column) => part - least[column]);
    const widest = room.indexOf(Math.max(...room));
    if (room[widest] <= 0) break;
    widths[widest] -= Math.min(room[widest], Math.max(1, Math.ceil(over / 2)));
  }
  return widths;
}

/** At most `width` characters; what is cut off leaves a sign. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
