/** A VM with a disk in a process of its own, which is killed by SIGKILL. */

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

export interface Victim {
  /** Lines of its standard output so far; the last may be cut. */
  readonly output: string;
  /** Resolves when the output contains a text; rejects if it ends before. */
  says(text: string): Promise<void>;
  /** The host's port that leads to the VM's. */
  port(guest: number): Promise<number>;
  /** Kills it; resolves when it is gone and all it wrote was read. */
  kill(): Promise<void>;
}

/** `denali run` with these options and an image. */
export function startVictim(args: readonly string[]): Victim {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", MAIN, "run", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const texts = { output: "", errors: "" };
  const watchers = new Set<() => void>();
  const read = async (stream: ReadableStream<Uint8Array>, to: keyof typeof texts) => {
    for await (const piece of stream.pipeThrough(new TextDecoderStream() as never)) {
      texts[to] += piece;
      for (const watcher of watchers) watcher();
    }
  };
  let over = false;
  const ended = Promise.all([read(child.stdout, "output"), read(child.stderr, "errors")])
    .then(() => {
      over = true;
      for (const watcher of watchers) watcher();
    });
  const until = (of: keyof typeof texts, pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const watch = () => {
        const match = pattern.exec(texts[of]);
        if (match === null && !over) return;
        watchers.delete(watch);
        if (match !== null) resolve(match);
        else reject(new Error(`expected ${pattern}, got ${texts.output}${texts.errors}`));
      };
      watchers.add(watch);
      watch();
    });
  return {
    get output() {
      return texts.output;
    },
    async says(text) {
      await until("output", new RegExp(text));
    },
    async port(guest) {
      return Number((await until("errors", new RegExp(`:(\\d+) leads to port ${guest} `)))[1]);
    },
    async kill() {
      if (!over) child.kill("SIGKILL");
      await ended;
      const { signal, code } = await child.status;
      if (signal === "SIGKILL") return;
      throw new Error(`it ended with ${signal ?? code}: ${texts.output}${texts.errors}`);
    },
  };
}
