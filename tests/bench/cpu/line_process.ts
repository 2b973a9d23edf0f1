/**
 * An executor as a process: it says `ready`, then answers each line (a number of repetitions) with a line (the
 * result in hexadecimal).
 *
 * The clock is the host's: from writing the question to reading the answer. What that adds is tens of
 * microseconds. A process that polls while it waits is stopped by a signal between its turns, so that it
 * takes nothing from the others.
 */

export interface LineCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** It polls while it waits. */
  readonly polls?: boolean;
}

export interface Answer {
  readonly result: string;
  readonly milliseconds: number;
}

const LIMIT_MS = 120_000;

export class LineProcess {
  readonly #polls: boolean;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<string>;
  readonly #name: string;

  private constructor(command: LineCommand) {
    this.#name = command.program;
    this.#polls = command.polls ?? false;
    this.#child = new Deno.Command(command.program, {
      args: [...command.args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Starts the process and waits until it is ready. */
  static async start(command: LineCommand): Promise<LineProcess> {
    const process = new LineProcess(command);
    while (await process.#line() !== "ready");
    if (process.#polls) process.#child.kill("SIGSTOP");
    return process;
  }

  /** Runs the program once. */
  async ask(repetitions: number): Promise<Answer> {
    if (this.#polls) this.#child.kill("SIGCONT");
    const start = performance.now();
    await this.#writer.write(new TextEncoder().encode(`${repetitions}\n`));
    const result = await this.#line();
    const milliseconds = performance.now() - start;
    if (this.#polls) this.#child.kill("SIGSTOP");
    return { result, milliseconds };
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#kill();
    await this.#lines.return(undefined);
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
  }

  /** The next line; an error if the process ends or says nothing for two minutes. */
  async #line(): Promise<string> {
    const timer = setTimeout(() => this.#kill(), LIMIT_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error(`expected a line from ${this.#name}, it ended or was too slow`);
    return value;
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
