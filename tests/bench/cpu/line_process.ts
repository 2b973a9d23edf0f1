/**
 * An executor as a process: it says `ready`, then answers each line (a number of repetitions) with a line (the
 * result in hexadecimal).
 *
 * Time is the host's: from writing the question to reading the answer, which adds some tenths of a
 * millisecond; or what all threads of the process have run for meanwhile, which other load on the machine
 * disturbs less. A process that polls while it waits is stopped by a signal between its turns, so that it
 * takes nothing from the others.
 */

/** What passes: time, or time on a processor. */
export type Clock = "wall" | "cpu";

export interface LineCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** It polls while it waits. */
  readonly polls?: boolean;
}

export interface Answer {
  readonly result: string;
  readonly milliseconds: number;
  /** The same since the process was started. */
  readonly sinceStart: number;
}

const LIMIT_MS = 300_000;

/** A stopped process would outlive a benchmark that is ended. */
const running = new Set<Deno.ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    for (const child of running) kill(child);
    Deno.exit(1);
  });
}

export class LineProcess {
  readonly #polls: boolean;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<string>;
  readonly #name: string;
  readonly #started: number;

  private constructor(command: LineCommand, private readonly clock: Clock) {
    this.#name = command.program;
    this.#started = clock === "wall" ? performance.now() : 0;
    this.#polls = command.polls ?? false;
    this.#child = new Deno.Command(command.program, {
      args: [...command.args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    running.add(this.#child);
    this.#child.status.finally(() => running.delete(this.#child));
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Starts the process and waits until it is ready. */
  static async start(command: LineCommand, clock: Clock): Promise<LineProcess> {
    const process = new LineProcess(command, clock);
    while (await process.#line() !== "ready");
    if (process.#polls) process.#child.kill("SIGSTOP");
    return process;
  }

  /** Runs the program once. */
  async ask(repetitions: number): Promise<Answer> {
    if (this.#polls) this.#child.kill("SIGCONT");
    const start = this.#now();
    await this.#writer.write(new TextEncoder().encode(`${repetitions}\n`));
    const result = await this.#line();
    const end = this.#now();
    if (this.#polls) this.#child.kill("SIGSTOP");
    return { result, milliseconds: end - start, sinceStart: end - this.#started };
  }

  #now(): number {
    return this.clock === "wall" ? performance.now() : processorTime(this.#child.pid);
  }

  /** Ends the process. */
  async close(): Promise<void> {
    kill(this.#child);
    await this.#lines.return(undefined);
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }

  /** The next line; an error if the process ends or says nothing for five minutes. */
  async #line(): Promise<string> {
    const timer = setTimeout(() => kill(this.#child), LIMIT_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error(`expected a line from ${this.#name}, it ended or was too slow`);
    return value;
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended by itself
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + part).split("\n");
    text = lines.pop()!;
    for (const line of lines) yield line.trim();
  }
}

/** Milliseconds that the threads of a process have run (Linux: Documentation/scheduler/sched-stats.rst). */
function processorTime(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    nanoseconds += parseInt(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`));
  }
  return nanoseconds / 1e6;
}
