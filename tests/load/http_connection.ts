/**
 * A minimal HTTP/1.1 client on one host TCP connection, for load generators and checks.
 *
 * It exists because a load generator must choose the Host header and cost as little as possible; it
 * trusts the server under test to frame by Content-Length, and says so if that is not the case.
 */

export interface HttpReply {
  readonly status: number;
  /** Header block as text, names as the server wrote them. */
  readonly head: string;
  readonly body: Uint8Array;
}

export interface ServerAddress {
  readonly hostname: string;
  readonly port: number;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class HttpConnection {
  #socket: Deno.TcpConn;
  #buffer: Uint8Array = new Uint8Array(16384);
  #length = 0;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async open(address: ServerAddress): Promise<HttpConnection> {
    const socket = await Deno.connect(address);
    socket.setNoDelay(true);
    return new HttpConnection(socket);
  }

  /** Sends GET and reads the whole reply. Throws if the connection ends early. */
  async get(path: string, host: string): Promise<HttpReply> {
    await this.#send(encoder.encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    const end = await this.#head();
    const head = decoder.decode(this.#buffer.subarray(0, end));
    const length = head.match(/^content-length: *(\d+)/im);
    if (!length) {
      throw new Error(`expected a reply with Content-Length, got: ${head.split("\r")[0]}`);
    }
    const body = await this.#body(end + 4, Number(length[1]));
    return { status: Number(head.slice(9, 12)), head, body };
  }

  close(): void {
    this.#socket.close();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  /** Reads until the header block is complete; returns its length without the empty line. */
  async #head(): Promise<number> {
    for (let from = 0;;) {
      const end = headEnd(this.#buffer, from, this.#length);
      if (end >= 0) return end;
      from = Math.max(0, this.#length - 3);
      await this.#fill();
    }
  }

  async #body(start: number, length: number): Promise<Uint8Array> {
    const body = new Uint8Array(length);
    let have = Math.min(length, this.#length - start);
    body.set(this.#buffer.subarray(start, start + have));
    this.#buffer.copyWithin(0, start + have, this.#length);
    this.#length -= start + have;
    while (have < length) {
      const count = await this.#socket.read(body.subarray(have));
      if (count === null) throw new Error(`the body ended after ${have} of ${length} bytes`);
      have += count;
    }
    return body;
  }

  async #fill(): Promise<void> {
    if (this.#length === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#socket.read(this.#buffer.subarray(this.#length));
    if (count === null) throw new Error("the connection ended before a reply was complete");
    this.#length += count;
  }
}

function headEnd(bytes: Uint8Array, from: number, length: number): number {
  for (let i = from; i + 3 < length; i++) {
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) {
      return i;
    }
  }
  return -1;
}
