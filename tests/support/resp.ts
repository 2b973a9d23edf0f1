/** A client of the Redis protocol that shows answers as they are. */

export type Answer = string | number | null | Answer[];

const encoder = new TextEncoder(), decoder = new TextDecoder("latin1");

/** A command as an array of bulk strings. */
export function command(...words: (string | number)[]): Uint8Array {
  const parts = words.map((word) => encoder.encode(String(word)));
  let text = `*${parts.length}\r\n`;
  for (const part of parts) text += `$${part.length}\r\n${decoder.decode(part)}\r\n`;
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

export class RespClient {
  #text = "";
  #at = 0;

  private constructor(readonly connection: Deno.TcpConn) {}

  static async connect(port: number): Promise<RespClient> {
    return new RespClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends a command and returns its answer; errors as "-ERR ...". */
  async ask(...words: (string | number)[]): Promise<Answer> {
    await this.send(command(...words));
    return await this.answer();
  }

  async send(bytes: Uint8Array | string): Promise<void> {
    let rest = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
    while (rest.length) rest = rest.subarray(await this.connection.write(rest));
  }

  /** The next answer; throws if the connection ends before. */
  async answer(): Promise<Answer> {
    const line = await this.#line(), rest = line.slice(1);
    if (line[0] === "+") return rest;
    if (line[0] === "-") return line;
    if (line[0] === ":") return Number(rest);
    if (line[0] === "$") return rest === "-1" ? null : await this.#bytes(Number(rest));
    if (line[0] !== "*") throw new Error(`expected an answer, got ${JSON.stringify(line)}`);
    if (rest === "-1") return null;
    const items: Answer[] = [];
    for (let i = 0; i < Number(rest); i++) items.push(await this.answer());
    return items;
  }

  close(): void {
    this.connection.close();
  }

  async #more(): Promise<void> {
    const buffer = new Uint8Array(65536);
    const got = await this.connection.read(buffer);
    if (got === null) throw new Error("the server closed the connection");
    this.#text = this.#text.slice(this.#at) + decoder.decode(buffer.subarray(0, got));
    this.#at = 0;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\r\n", this.#at);
      if (end >= 0) {
        const line = this.#text.slice(this.#at, end);
        this.#at = end + 2;
        return line;
      }
      await this.#more();
    }
  }

  async #bytes(length: number): Promise<string> {
    while (this.#text.length - this.#at < length + 2) await this.#more();
    const bytes = this.#text.slice(this.#at, this.#at + length);
    this.#at += length + 2;
    return bytes;
  }
}
