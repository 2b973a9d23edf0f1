/** The host's processor as the judge of instruction sequences: see oracle.c. */

import { type Batch, encodeBatch } from "./batch.ts";
import { DUMPS, oracleFlags, OUTPUT_BYTES, PAGE, PAGES } from "./layout.ts";

const OPTIONS =
  "-m32 -O2 -msse2 -std=gnu11 -Wall -Werror -ffreestanding -fno-stack-protector -fno-pic " +
  "-fno-pie -no-pie -fno-asynchronous-unwind-tables -nostdlib -static";

export interface HostResults {
  /** Records of OUTPUT_BYTES: layout.ts. */
  readonly words: Int32Array;
  /** The pages after the first cases, if they were asked for. */
  readonly dumps: Uint8Array;
}

/** A running i386 process. Close it. */
export class Oracle {
  private constructor(
    private readonly folder: string,
    private readonly child: Deno.ChildProcess,
    private readonly writer: WritableStreamDefaultWriter<Uint8Array>,
    private readonly reader: ReadableStreamBYOBReader,
  ) {}

  /** Builds and starts it. Needs gcc; -m32 needs no 32-bit libraries here. */
  static async start(): Promise<Oracle> {
    const folder = await Deno.makeTempDir({ prefix: "oracle-" });
    const program = `${folder}/oracle`;
    const source = new URL("oracle.c", import.meta.url).pathname;
    const args = [...OPTIONS.split(" "), ...oracleFlags(), "-o", program, source];
    const { success, stderr } = await new Deno.Command("gcc", { args }).output();
    if (!success) throw new Error(`gcc failed: ${new TextDecoder().decode(stderr)}`);
    const child = new Deno.Command(program, { stdin: "piped", stdout: "piped" }).spawn();
    const reader = child.stdout.getReader({ mode: "byob" });
    return new Oracle(folder, child, child.stdin.getWriter(), reader);
  }

  async run(batch: Batch, dumps = 0): Promise<HostResults> {
    if (dumps > DUMPS) throw new Error(`expected at most ${DUMPS} dumps, got ${dumps}`);
    const results = batch.cases.length * OUTPUT_BYTES;
    const total = results + dumps * PAGES.length * PAGE;
    const [bytes] = await Promise.all([
      this.read(total),
      this.writer.write(encodeBatch(batch, dumps)),
    ]);
    return { words: new Int32Array(bytes.buffer, 0, results >> 2), dumps: bytes.subarray(results) };
  }

  private async read(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    let filled = 0;
    let array = new Uint8Array(bytes);
    while (filled < bytes) {
      const { value, done } = await this.reader.read(array.subarray(filled));
      if (done) throw new Error(`the oracle ended: ${JSON.stringify(await this.child.status)}`);
      filled += value.length;
      array = new Uint8Array(value.buffer);
    }
    return array;
  }

  async close(): Promise<void> {
    await this.writer.close();
    await this.child.status;
    this.reader.releaseLock();
    await this.child.stdout.cancel();
    await Deno.remove(this.folder, { recursive: true });
  }
}
