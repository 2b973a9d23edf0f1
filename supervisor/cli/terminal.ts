/** What the terminal on stdout can show. Anywhere else text stays plain and whole: scripts read it. */

const CODES = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 } as const;

export type Colour = keyof typeof CODES;

/** Columns of the terminal on stdout, 80 if it does not know them; Infinity if it is none. */
export function columns(): number {
  return Deno.stdout.isTerminal() ? Math.max(20, Deno.consoleSize().columns || 80) : Infinity;
}

/** `text` in a colour, on a terminal, unless NO_COLOR is set (no-color.org). */
export function paint(colour: Colour, text: string): string {
  const plain = Deno.noColor || !Deno.stdout.isTerminal();
  return plain ? text : `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}

/** What is `shown` of a VM's state in its colour: what runs, what waits, what went wrong. */
export function paintState(state: string, shown: string): string {
  if (/^running/.test(state)) return paint("green", shown);
  if (/^crashed/.test(state)) return paint("red", shown);
  if (/^paused/.test(state)) return paint("yellow", shown);
  return paint("dim", shown);
}

/** Lines of the terminal on stdout, 24 if it does not know them; Infinity if it is none. */
export function rows(): number {
  return Deno.stdout.isTerminal() ? Deno.consoleSize().rows || 24 : Infinity;
}

/** What empties the screen of a terminal. */
export function clear(): string {
  return Deno.stdout.isTerminal() ? "\x1b[H\x1b[2J" : "";
}
