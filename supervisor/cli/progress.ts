/**
 * A progress bar for long work: on stderr, and only if that is a terminal.
 */

const WIDTH = 30;
const encoder = new TextEncoder();

export interface Progress {
  /** Shows `done` of the total. */
  update(done: number): void;
  /** Removes the bar. */
  finish(): void;
}

const SILENT: Progress = { update() {}, finish() {} };

/** Returns a bar for `total` steps, or one that does nothing if stderr is not a terminal. */
export function progress(label: string, total: number): Progress {
  if (!Deno.stderr.isTerminal() || total <= 0) return SILENT;
  let shown = -1;
  return {
    update(done) {
      const filled = Math.floor((Math.min(done, total) / total) * WIDTH);
      const percent = Math.floor((done / total) * 100);
      if (percent === shown) return;
      shown = percent;
      const bar = "#".repeat(filled).padEnd(WIDTH, ".");
      Deno.stderr.writeSync(encoder.encode(`\r${label} [${bar}] ${done}/${total}`));
    },
    finish() {
      Deno.stderr.writeSync(encoder.encode("\r\x1b[K"));
    },
  };
}
