/**
 * What a user of the gateway holds: one byte stream to or from a VM, with back-pressure both ways.
 *
 * `read` hands out what has arrived; until it is called again the peer can send at most one receive
 * window. `write` copies the bytes and resolves when all of them are in the bounded send buffer. A
 * connection is over for its user when `read` gave null and `closeWrite` was called, or after
 * `close` or `abort`; until then it holds a port and a table entry, so always end with one of these.
 */
import { GatewayError } from "./error.ts";
import { CLOSED, type TcpConnection, type TcpObserver } from "./tcp_connection.ts";

export interface Endpoint {
  /** IPv4 address, uint32 in host order. */
  readonly address: number;
  readonly port: number;
}

export interface GatewayConnection {
  /** Next bytes, which now belong to the caller; null after the peer's FIN. One call at a time. */
  read(): Promise<Uint8Array | null>;
  /**
   * Calls `over` once if something arrives or the connection ends while nobody reads, at the earliest after this
   * call; null: not any more. It costs an unused connection less than a read that waits.
   */
  watch(over: (() => void) | null): void;
  /** Resolves when all bytes are accepted for sending; calls queue up in order. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends FIN after everything written; reading goes on. Does not wait for the peer. */
  closeWrite(): Promise<void>;
  /**
   * Ends it like close(2): FIN after everything written, and nobody waits any more. Bytes that were
   * not read, or that still arrive, are answered with RST; a peer that does not close gets RST too.
   */
  close(): void;
  /** Sends RST and frees everything at once. After a complete close it does nothing. */
  abort(): void;
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

interface PendingWrite {
  bytes: Uint8Array;
  offset: number;
  resolve(): void;
  reject(reason: GatewayError): void;
}

/** The parts of the TCP table that a stream calls. */
export interface StreamHost {
  touch(c: TcpConnection): void;
  hold(c: TcpConnection, bytes: number): void;
  close(c: TcpConnection): void;
  orphan(c: TcpConnection): void;
  abort(c: TcpConnection): void;
  readonly limits: { readonly sendMaximum: number; readonly receiveMaximum: number };
  pressed(c: TcpConnection): boolean;
  crowded(c: TcpConnection): boolean;
}

const SMALL_SEND_MAXIMUM = 16_384;

export class TcpStream implements GatewayConnection, TcpObserver {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly #c: TcpConnection;
  readonly #host: StreamHost;
  /** The read that is pending. */
  #resolve: ((bytes: Uint8Array | null) => void) | null = null;
  #reject: ((reason: GatewayError) => void) | null = null;
  #watcher: (() => void) | null = null;
  #writes: PendingWrite[] = [];
  #ended = false;

  constructor(c: TcpConnection, host: StreamHost) {
    this.#c = c;
    this.#host = host;
    this.remote = { address: c.remoteAddress, port: c.remotePort };
    this.local = { address: c.localAddress, port: c.localPort };
  }

  read(): Promise<Uint8Array | null> {
    if (this.#resolve !== null) throw new Error("expected one read at a time, a read is pending");
    const c = this.#c;
    if (c.receive.length > 0) return Promise.resolve(this.#take());
    if (c.error !== null) return Promise.reject(c.error);
    if (c.finished) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  watch(over: (() => void) | null): void {
    this.#watcher = over;
    if (over !== null && this.#readable()) this.#host.touch(this.#c);
  }

  write(bytes: Uint8Array): Promise<void> {
    const c = this.#c;
    if (c.error !== null) return Promise.reject(c.error);
    if (this.#ended || c.state === CLOSED) {
      return Promise.reject(new GatewayError("aborted", "write after closeWrite or abort"));
    }
    let offset = 0;
    if (this.#writes.length === 0) {
      offset = Math.min(bytes.length, this.#room());
      if (offset > 0) {
        c.send.append(bytes, 0, offset);
        this.#host.touch(c);
      }
      if (offset === bytes.length) return Promise.resolve();
    }
    return new Promise((resolve, reject) => this.#writes.push({ bytes, offset, resolve, reject }));
  }

  closeWrite(): Promise<void> {
    const c = this.#c;
    if (c.error !== null) return Promise.reject(c.error);
    if (this.#ended) return Promise.resolve();
    this.#ended = true;
    if (this.#writes.length === 0) {
      this.#host.close(c);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const finish = () => {
        this.#host.close(c);
        resolve();
      };
      this.#writes.push({ bytes: new Uint8Array(0), offset: 0, resolve: finish, reject });
    });
  }

  close(): void {
    const c = this.#c;
    if (c.receive.length > 0 || this.#writes.length > 0 || c.state === CLOSED) return this.abort();
    if (!this.#ended) this.#host.close(c);
    this.#ended = true;
    this.#host.orphan(c);
  }

  abort(): void {
    this.#ended = true;
    this.#host.abort(this.#c);
  }

  /** Called by the TCP table after a batch of frames, and when the connection is over. */
  settle(): void {
    if (this.#readable()) {
      if (this.#resolve !== null) this.#settleRead(this.#resolve, this.#reject!);
      else if (this.#watcher !== null) this.#settleWatch(this.#watcher);
    }
    if (this.#writes.length > 0) this.#settleWrites();
  }

  /** A read would not wait. */
  #readable(): boolean {
    const c = this.#c;
    return c.receive.length > 0 || c.error !== null || c.finished;
  }

  #settleRead(
    resolve: (bytes: Uint8Array | null) => void,
    reject: (reason: GatewayError) => void,
  ): void {
    const c = this.#c;
    this.#resolve = this.#reject = null;
    if (c.receive.length > 0) resolve(this.#take());
    else if (c.error !== null) reject(c.error);
    else resolve(null);
  }

  #settleWatch(over: () => void): void {
    this.#watcher = null;
    over();
  }

  #settleWrites(): void {
    const c = this.#c;
    if (c.error !== null) {
      const writes = this.#writes;
      this.#writes = [];
      for (const write of writes) write.reject(c.error);
      return;
    }
    while (this.#writes.length > 0) {
      const write = this.#writes[0];
      const count = Math.min(write.bytes.length - write.offset, this.#room());
      if (count > 0) c.send.append(write.bytes, write.offset, count);
      write.offset += count;
      if (write.offset < write.bytes.length) return;
      this.#writes.shift();
      write.resolve();
    }
  }

  #room(): number {
    const small = this.#host.pressed(this.#c) || this.#host.crowded(this.#c);
    const limit = small ? SMALL_SEND_MAXIMUM : this.#host.limits.sendMaximum;
    return Math.max(limit - this.#c.send.length, 0);
  }

  #take(): Uint8Array {
    const c = this.#c;
    const bytes = c.receive.take();
    this.#host.hold(c, -bytes.length);
    this.#grow(bytes.length);
    this.#host.touch(c);
    return bytes;
  }

  /** A reader that keeps up with whole windows gets a larger one. */
  #grow(bytes: number): void {
    const c = this.#c;
    c.consumed += bytes;
    if (c.consumed < c.receiveLimit || this.#host.pressed(c)) return;
    c.consumed = 0;
    c.receiveLimit = Math.min(2 * c.receiveLimit, this.#host.limits.receiveMaximum);
  }
}
