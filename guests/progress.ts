/** One line on stderr that shows how far a build is, if stderr is a terminal. */

export interface Progress {
  step(what: string): void;
  done(): void;
}

const encoder = new TextEncoder();

export function progress(total: number): Progress {
  const shown = Deno.stderr.isTerminal();
  const write = (text: string) => shown && Deno.stderr.writeSync(encoder.encode(text));
  let count = 0;
  return {
    step(what) {
      write(`\r\x1b[K[${++count}/${total}] ${what.split("/").slice(-2).join("/")}`);
    },
    done() {
      write("\r\x1b[K");
    },
  };
}
