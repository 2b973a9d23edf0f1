/** Line plots as SVG text: one x axis (linear or logarithmic), one y axis from 0, several series. */

export interface Series {
  readonly label: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface PlotOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logarithmicX?: boolean;
}

const WIDTH = 640, HEIGHT = 400, LEFT = 70, RIGHT = 20, TOP = 40, BOTTOM = 50;
export const COLOURS = ["#0b6fb8", "#c8501e", "#2f8f4e", "#8256a8", "#8a6d1f"];

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `value`. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value)!;
}

export function text(x: number, y: number, content: string, anchor = "middle", extra = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${extra}>${
    escape(content)
  }</text>`;
}

/** Returns an SVG document. Series without points are left out. */
export function plot(series: readonly Series[], options: PlotOptions): string {
  const all = series.flatMap((each) => each.points);
  const scaleX = options.logarithmicX ? Math.log10 : (x: number) => x;
  const xs = all.map(([x]) => scaleX(x));
  const low = Math.min(...xs), high = Math.max(...xs);
  const top = roundUp(Math.max(0, ...all.map(([, y]) => y)));
  const toX = (x: number) =>
    LEFT + ((scaleX(x) - low) / (high - low || 1)) * (WIDTH - LEFT - RIGHT);
  const toY = (y: number) => HEIGHT - BOTTOM - (y / top) * (HEIGHT - TOP - BOTTOM);

  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(WIDTH / 2, 22, options.title, "middle", ' font-size="15"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, options.xLabel),
    text(16, HEIGHT / 2, options.yLabel, "middle", ` transform="rotate(-90 16 ${HEIGHT / 2})"`),
  ];
  for (let i = 0; i <= 4; i++) {
    const y = toY((top * i) / 4);
    parts.push(`<path d="M${LEFT} ${y}H${WIDTH - RIGHT}" stroke="#ddd"/>`);
    parts.push(text(LEFT - 6, y + 4, String(Number(((top * i) / 4).toPrecision(3))), "end"));
  }
  for (const x of new Set(all.map(([x]) => x))) {
    parts.push(text(toX(x), HEIGHT - BOTTOM + 16, String(x)));
  }
  for (const [i, { label, points }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([x, y]) => `${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`).join("L");
    parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [x, y] of points) {
      parts.push(
        `<circle cx="${toX(x).toFixed(1)}" cy="${toY(y).toFixed(1)}" r="3" fill="${colour}"/>`,
      );
    }
    parts.push(text(LEFT + 10, TOP + 12 + 16 * i, label, "start", ` fill="${colour}"`));
  }
  parts.push("</svg>\n");
  return parts.join("\n");
}
