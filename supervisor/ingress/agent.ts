/**
 * The keep-alive connection pool of the ingress: node:http's client over gateway connections.
 *
 * Why node:http and not a parser of our own: its llhttp refuses every ambiguous answer we tried
 * (Transfer-Encoding with Content-Length, duplicate or signed lengths, bad chunk sizes, bare LF,
 * folded or oversized headers), and with a Duplex in place of the socket it still makes about
 * 40,000 requests/s where raw sockets make 90,000. With Deno.serve before it and a fake VM behind
 * it, all in one thread of a busy 2-core machine, 8,000 requests/s remain (Deno 2.9.6): far more
 * than a VM answers.
 *
 * An idle connection is watched: when its VM closes it or says something unasked, it leaves the
 * pool. One sweep closes those that were idle for too long; there is no host timer per connection.
 */
import http from "node:http";
import { Duplex } from "node:stream";
import type { Gateway, GatewayConnection } from "../gateway/gateway.ts";
import { formatAddress } from "../gateway/ipv4.ts";

export interface PoolOptions {
  connectTimeoutMs: number;
  /** An unused connection is closed after this long. */
  idleMs: number;
  /** Connections to one VM at once; further requests queue. */
  perVm: number;
  /** Unused connections kept per VM, and over all VMs. */
  idlePerVm: number;
  idleTotal: number;
}

/** A gateway connection in the clothes of a net.Socket, as far as node:http looks. */
export class GatewaySocket extends Duplex {
  idleSince = Infinity;
  #reading = false;
  readonly #connection: GatewayConnection;

  constructor(connection: GatewayConnection) {
    super({ allowHalfOpen: true, readableHighWaterMark: 65_536, writableHighWaterMark: 65_536 });
    this.#connection = connection;
  }

  get idle(): boolean {
    return this.idleSince !== Infinity;
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#connection.read().then((bytes) => {
      this.#reading = false;
      if (this.idle) this.destroy();
      else this.push(bytes);
    }, (error) => this.destroy(error));
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    done: (error?: Error | null) => void,
  ): void {
    this.#connection.write(chunk).then(() => done(), done);
  }

  override _writev(
    chunks: { chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    Promise.all(chunks.map(({ chunk }) => this.#connection.write(chunk))).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (error === null) this.#connection.close();
    else this.#connection.abort();
    done(error);
  }

  // The gateway does all of this already, or the pool does.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

type Connected = (error: Error | null, socket?: Duplex) => void;

export class GatewayAgent extends http.Agent {
  readonly #gateway: Pick<Gateway, "connect">;
  readonly #options: PoolOptions;
  /** In the order in which they became idle. */
  readonly #idle = new Set<GatewaySocket>();
  readonly #pooled = new WeakSet<http.ClientRequest>();
  #sweep: ReturnType<typeof setTimeout> | undefined;

  constructor(gateway: Pick<Gateway, "connect">, options: PoolOptions) {
    super({
      keepAlive: true,
      maxSockets: options.perVm,
      maxFreeSockets: options.idlePerVm,
      scheduling: "lifo",
    });
    this.#gateway = gateway;
    this.#options = options;
  }

  get idle(): number {
    return this.#idle.size;
  }

  // deno-lint-ignore no-explicit-any -- the option bag of node:http
  override createConnection(options: any, connected?: any): any {
    const timeoutMs = this.#options.connectTimeoutMs;
    this.#gateway.connect(options.vmAddress, Number(options.port), { timeoutMs }).then(
      (connection) => (connected as Connected)(null, this.#adopt(new GatewaySocket(connection))),
      (error) => (connected as Connected)(error),
    );
  }

  // deno-lint-ignore no-explicit-any -- declared with net.Socket
  override keepSocketAlive(socket: any): boolean {
    if (socket.readableEnded) return false;
    if (this.#idle.size >= this.#options.idleTotal) this.#closeOldest();
    socket.idleSince = performance.now();
    this.#idle.add(socket);
    this.#sweep ??= setTimeout(() => this.#closeIdle(), this.#options.idleMs);
    return true;
  }

  // deno-lint-ignore no-explicit-any -- declared with net.Socket
  override reuseSocket(socket: any, request: http.ClientRequest): void {
    this.#idle.delete(socket);
    socket.idleSince = Infinity;
    super.reuseSocket(socket, request);
    // Deno's client repeats any request, POST too, that fails while this flag is set (as of 2.9.6);
    // Node's does not. Whether to repeat is decided in ingress.ts.
    request.reusedSocket = false;
    this.#pooled.add(request);
  }

  /** The request went out on a connection that had served another before. */
  wasPooled(request: http.ClientRequest): boolean {
    return this.#pooled.has(request);
  }

  /** Closes the idle connections to one VM: one was stale, so the others are too. */
  dropIdle(address: number, port: number): void {
    const name = this.getName({ host: formatAddress(address), port });
    for (const socket of this.freeSockets[name] ?? []) socket.destroy();
  }

  close(): void {
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    this.destroy();
  }

  #adopt(socket: GatewaySocket): GatewaySocket {
    socket.on("close", () => this.#idle.delete(socket));
    return socket;
  }

  /** Of many VMs the popular ones keep their connections. */
  #closeOldest(): void {
    for (const socket of this.#idle) {
      this.#idle.delete(socket);
      socket.destroy();
      return;
    }
  }

  #closeIdle(): void {
    this.#sweep = undefined;
    const due = performance.now() - this.#options.idleMs;
    for (const socket of this.#idle) {
      if (socket.idleSince > due) {
        const wait = socket.idleSince - due;
        this.#sweep = setTimeout(() => this.#closeIdle(), Math.max(1, wait));
        return;
      }
      socket.destroy();
      this.#idle.delete(socket);
    }
  }
}
