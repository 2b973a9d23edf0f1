/** What the terminal on stdout can show. Anywhere else text stays plain and whole: scripts read it. */

const CODES = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 } as const;

export type Colour = keyof typeof CODES;

/** Columns of the terminal on stdout; Infinity if it is none. */
export function columns(): number {
  return Deno.stdout.isTerminal() ? Math.max(20, Deno.consoleSize().columns) : Infinity;
}

/** `text` in a colour, on a terminal, unless NO_COLOR is set (no-color.org). */
export function paint(colour: Colour, text: string): string {
  const plain = Deno.noColor || !Deno.stdout.isTerminal();
  return plain ? text : `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}

/** The colour of a VM's state: what runs, what waits, what went wrong. */
export function paintState(text: string): string {
  if (/^running/.test(text)) return paint("green", text);
  if (/^crashed/.test(text)) return paint("red", text);
  if (/^paused/.test(text)) return paint("yellow", text);
  return paint("dim", text);
}

/** Lines of the terminal on stdout; Infinity if it is none. */
export function rows(): number {
  return Deno.stdout.isTerminal() ? Deno.consoleSize().rows : Infinity;
}

/** What empties the screen of a terminal. */
export function clear(): string {
  return Deno.stdout.isTerminal() ? "\x1b[H\x1b[2J" : "";
}
