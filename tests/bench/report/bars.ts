/** Groups of bars as SVG text: ratios on a logarithmic axis, up from 1 if above, down if below. */

import { COLOURS, text } from "./plot.ts";

export interface BarSeries {
  readonly label: string;
  /** One per group, above 0. */
  readonly values: readonly number[];
}

export interface BarOptions {
  readonly title: string;
  readonly yLabel: string;
}

const GROUP_GAP = 14, BAR = 9, HEIGHT = 420, LEFT = 70, RIGHT = 20, TOP = 60, BOTTOM = 110;
const MIDDLE = TOP + (HEIGHT - TOP - BOTTOM) / 2;

/** Returns an SVG document. */
export function bars(
  groups: readonly string[],
  series: readonly BarSeries[],
  options: BarOptions,
): string {
  const values = series.flatMap((each) => each.values);
  const low = Math.floor(Math.log10(Math.min(0.5, ...values)));
  const high = Math.ceil(Math.log10(Math.max(2, ...values)));
  const groupWidth = series.length * BAR + GROUP_GAP;
  const width = Math.max(640, LEFT + groups.length * groupWidth + RIGHT);
  const toY = (value: number) =>
    TOP + (high - Math.log10(value)) / (high - low) * (HEIGHT - TOP - BOTTOM);

  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${HEIGHT}" fill="white"/>`,
    text(width / 2, 22, options.title, "middle", ' font-size="15"'),
    text(16, MIDDLE, options.yLabel, "middle", turned(16, MIDDLE)),
  ];
  for (let power = low; power <= high; power++) {
    for (const step of power < high ? [1, 2, 5] : [1]) {
      const value = step * 10 ** power, y = toY(value);
      const stroke = value === 1 ? "#333" : "#ddd";
      parts.push(`<path d="M${LEFT} ${y.toFixed(1)}H${width - RIGHT}" stroke="${stroke}"/>`);
      parts.push(text(LEFT - 6, y + 4, String(Number(value.toPrecision(3))), "end"));
    }
  }
  for (const [s, { label, values }] of series.entries()) {
    const colour = COLOURS[s % COLOURS.length];
    parts.push(text(LEFT + 100 * s, 44, label, "start", ` fill="${colour}"`));
    for (const [g, value] of values.entries()) {
      const x = LEFT + GROUP_GAP / 2 + g * groupWidth + s * BAR;
      const y = Math.min(toY(value), toY(1)), tall = Math.abs(toY(value) - toY(1));
      parts.push(
        `<rect x="${x}" y="${y.toFixed(1)}" width="${BAR - 1}" height="${
          tall.toFixed(1)
        }" fill="${colour}"/>`,
      );
    }
  }
  for (const [g, group] of groups.entries()) {
    const x = LEFT + (g + 0.5) * groupWidth, y = HEIGHT - BOTTOM + 14;
    parts.push(text(x, y, group, "end", turned(x, y)));
  }
  parts.push("</svg>\n");
  return parts.join("\n");
}

function turned(x: number, y: number): string {
  return ` transform="rotate(-90 ${x} ${y})"`;
}
