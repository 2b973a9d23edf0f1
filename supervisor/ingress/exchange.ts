/**
 * One request to a VM and its answer, over one connection of the pool.
 *
 * The request's body and the answer stream at the same time, each with back-pressure. A connection goes
 * back to the pool only if both are through and the VM keeps it; else it is closed, and if something
 * went wrong or the client is gone it is aborted, which also ends whoever waits for it.
 *
 * What lives as long as an exchange is an instance of a class, not an object literal: V8 makes literals
 * that once lived long where only full collections look, and then all requests stay until the next one.
 */

import type { Endpoint } from "../gateway/gateway.ts";
import { type Body, bodyOf, wholeBody } from "./body.ts";
import { BrokenOff, explain, Failure } from "./failure.ts";
import { type IngressInfo, pathOf, requestHeaders, responseHeaders } from "./headers.ts";
import type { Patience, Watch, Watched } from "./patience.ts";
import type { ConnectionPool, PooledConnection } from "./pool.ts";
import { readHead, type ResponseHead } from "./response_head.ts";

/** What all exchanges share. */
export interface Means {
  readonly pool: ConnectionPool;
  readonly patience: Patience;
}

/** A body of known length up to this is passed on in one piece. */
const WHOLE_BODY_MAXIMUM = 65_536;
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const WITHOUT_BODY = new Set([204, 205, 304]);
const encoder = new TextEncoder();
const CRLF = encoder.encode("\r\n"), LAST_CHUNK = encoder.encode("0\r\n\r\n");

/** A request to the VM called `name`, which serves at `vm`. */
export class Exchange implements Watched {
  readonly #watch: Watch;
  #connection: PooledConnection | undefined;
  #failure: Failure | undefined;
  /** What an answer that has begun is told of a failure. */
  #broken: ((failure: Failure) => void) | undefined;
  #uploading = false;
  #answering = false;
  #over = false;

  constructor(
    readonly means: Means,
    readonly name: string,
    readonly vm: Endpoint,
    readonly request: Request,
    readonly host: string,
    readonly info: IngressInfo | undefined,
  ) {
    this.#watch = means.patience.begin(this);
  }

  /** Sends the request once and gives the answer. Rejects with a Failure. */
  async run(): Promise<Response> {
    try {
      const taken = this.means.pool.take(this.vm);
      const connection = taken instanceof Promise ? await this.#taken(taken) : taken;
      this.#connection = connection;
      this.#send(connection);
      const head = await readHead(connection.source);
      if (head === undefined) throw new BrokenOff("the connection ended");
      this.#answering = true;
      return await this.#answer(connection, head, this.request.method);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  late(milliseconds: number): void {
    this.#fail(new Failure(504, `"${this.name}" did not answer within ${milliseconds} ms`));
  }

  gone(): void {
    this.#fail(new Failure(499, "the client hung up"));
  }

  /** Ends the exchange; the first reason counts. */
  #fail(error: unknown): Failure {
    const { name, request } = this;
    const repeatable = REPEATABLE.has(request.method) && request.body === null &&
      this.#connection?.used === true;
    this.#failure ??= explain(error, { name, repeatable, answering: this.#answering });
    if (this.#over) return this.#failure;
    this.#end();
    if (this.#connection !== undefined) this.means.pool.drop(this.#connection, true);
    this.#broken?.(this.#failure);
    return this.#failure;
  }

  /** Waits for a connection; if the exchange is over before, the connection is for others. */
  #taken(taken: Promise<PooledConnection>): Promise<PooledConnection> {
    return new Promise((resolve, reject) => {
      this.#broken = reject;
      taken.then((connection) => {
        this.#broken = undefined;
        if (this.#over) this.means.pool.give(connection);
        else resolve(connection);
      }, reject);
    });
  }

  #send(connection: PooledConnection): void {
    const { request, host, info } = this;
    const headers = requestHeaders(request, host, info);
    const path = pathOf(request.url);
    if (!/^[\x21-\x7e]+$/.test(path)) {
      throw new Failure(400, "expected a request target of visible ASCII characters only");
    }
    let text = `${request.method} ${path} HTTP/1.1\r\n`;
    for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
    // A connection that fails fails the answer too, which is where it is told.
    connection.write(latin1(text + "\r\n")).catch(() => {});
    if (request.body === null) return;
    this.#uploading = true;
    this.#upload(connection, request.body).then(
      () => this.#uploading = false,
      (error) =>
        this.#fail(new Failure(400, `the request body broke off: ${(error as Error).message}`)),
    );
  }

  async #upload(connection: PooledConnection, body: ReadableStream<Uint8Array>): Promise<void> {
    const header = this.request.headers.get("content-length");
    const length = header === null ? undefined : Number(header);
    const reader = body.getReader();
    let sent = 0;
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        if (this.#over) return;
        this.#heard();
        sent += part.value.length;
        if (length !== undefined && sent > length) throw new Error("it is longer than announced");
        if (length === undefined && part.value.length > 0) {
          connection.write(encoder.encode(`${part.value.length.toString(16)}\r\n`)).catch(() => {});
          connection.write(part.value).catch(() => {});
        }
        const last = length === undefined ? CRLF : part.value;
        // A connection that fails fails the answer too.
        if (part.value.length > 0 && !await connection.write(last).then(() => true, () => false)) {
          return;
        }
      }
      if (length !== undefined && sent < length) throw new Error("it is shorter than announced");
      if (length === undefined) connection.write(LAST_CHUNK).catch(() => {});
      this.#heard();
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  async #answer(
    connection: PooledConnection,
    head: ResponseHead,
    method: string,
  ): Promise<Response> {
    const { status, statusText, framing } = head;
    if (status === 101) {
      throw new Failure(502, `"${this.name}" switched protocols, which nobody asked for`);
    }
    const headers = responseHeaders(head.headers, head.connection);
    const init = { status, statusText, headers };
    if (method === "HEAD" || WITHOUT_BODY.has(status)) {
      if (status === 204) headers.delete("content-length");
      // The RFC lets 205 have a body of no bytes only.
      const through = method === "HEAD" || status !== 205 || framing === 0;
      this.#finish(connection, through && keeps(head));
      return new Response(null, init);
    }
    if (typeof framing === "number" && framing <= WHOLE_BODY_MAXIMUM) {
      const body = await wholeBody(connection.source, framing);
      this.#finish(connection, head.keepAlive);
      return new Response(body, init);
    }
    this.#watch.heardAt = Infinity;
    this.#watch.listen();
    return new Response(this.#stream(connection, head), init);
  }

  #stream(
    connection: PooledConnection,
    head: ResponseHead,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const body: Body = bodyOf(connection.source, head.framing);
    return new ReadableStream({
      start: (controller) => {
        this.#broken = ({ message }) => {
          const broken = new Error(`"${this.name}" broke off its answer: ${message}`);
          // Deno.serve prints the error; a VM should not fill the log with our stack.
          broken.stack = broken.message;
          controller.error(broken);
        };
      },
      pull: async (controller) => {
        try {
          const piece = await body.next();
          if (this.#over) return;
          if (piece !== null) return controller.enqueue(piece as Uint8Array<ArrayBuffer>);
          this.#finish(connection, head.keepAlive);
          controller.close();
        } catch (error) {
          this.#fail(error);
        }
      },
      cancel: () => {
        this.#broken = undefined;
        this.gone();
      },
    }, { highWaterMark: 0 });
  }

  /** The answer is through. */
  #finish(connection: PooledConnection, keep: boolean): void {
    if (this.#over) return;
    this.#end();
    const { pool } = this.means;
    if (this.#uploading) pool.drop(connection, true);
    else if (keep) pool.give(connection);
    else pool.drop(connection);
  }

  #end(): void {
    this.#over = true;
    this.means.patience.end(this.#watch);
  }

  #heard(): void {
    if (this.#watch.heardAt !== Infinity) this.#watch.heardAt = performance.now();
  }
}

/** Whether a connection can go on after an answer without a body, however that says it is framed. */
function keeps({ connection }: ResponseHead): boolean {
  return !/(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(connection ?? "");
}

/** One byte per character, which is all that values of Headers have. */
function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
