/**
 * Connections of the ingress to VMs, kept for the next request.
 *
 * An unused connection is watched: when its VM closes it or says something unasked, it leaves the
 * pool. Of too many the one that was unused for longest goes, so that of many VMs the popular ones keep
 * theirs. One timer closes those that were unused for too long; nothing costs a timer per connection.
 *
 * Why no node:http client: it took a third of the supervisor's thread per request, and as much again
 * in garbage.
 */

import type { Endpoint, Gateway, GatewayConnection } from "../gateway/gateway.ts";
import { ByteSource } from "./byte_source.ts";

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

/** The connections to one port of one VM. */
interface Host {
  readonly key: number;
  /** Those that exist or are being opened. */
  open: number;
  /** The one that was used last stands last, and is used next. */
  readonly idle: PooledConnection[];
  /** Requests that wait for one: an unused connection, or leave to open one. */
  readonly waiting: ((connection: PooledConnection | undefined) => void)[];
}

export class PooledConnection {
  /** It has served a request before this one. */
  used = false;
  /** Of performance.now; Infinity: it is in use. */
  idleSince = Infinity;
  readonly source: ByteSource;
  readonly #connection: GatewayConnection;
  readonly #over: () => void;

  /** `over`: what to do when the VM says something or closes while it is unused. */
  constructor(
    readonly host: Host,
    connection: GatewayConnection,
    over: (connection: PooledConnection) => void,
  ) {
    this.#connection = connection;
    this.#over = () => over(this);
    this.source = new ByteSource(connection);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#connection.write(bytes);
  }

  /** It is unused from now on, and watched, until it is woken. */
  rest(): void {
    this.idleSince = performance.now();
    this.#connection.watch(this.#over);
  }

  wake(): void {
    this.idleSince = Infinity;
    this.#connection.watch(null);
  }

  close(): void {
    this.#connection.close();
  }

  abort(): void {
    this.#connection.abort();
  }
}

export class ConnectionPool {
  readonly #gateway: Pick<Gateway, "connect">;
  readonly #options: PoolOptions;
  readonly #hosts = new Map<number, Host>();
  /** In the order in which they became idle. */
  readonly #idle = new Set<PooledConnection>();
  #sweep: ReturnType<typeof setTimeout> | undefined;

  constructor(gateway: Pick<Gateway, "connect">, options: PoolOptions) {
    this.#gateway = gateway;
    this.#options = options;
  }

  /** Unused connections. */
  get idle(): number {
    return this.#idle.size;
  }

  /** A connection for one request, to be given back or dropped. Rejects as Gateway.connect does. */
  take(vm: Endpoint): PooledConnection | Promise<PooledConnection> {
    const host = this.#host(vm);
    const connection = host.idle.at(-1);
    if (connection !== undefined) {
      this.#leave(connection);
      connection.used = true;
      return connection;
    }
    if (host.open < this.#options.perVm) {
      host.open++;
      return this.#open(vm, host);
    }
    return new Promise<PooledConnection | undefined>((resolve) => host.waiting.push(resolve))
      .then((connection) => connection ?? this.#open(vm, host));
  }

  /** The request is through, and the VM lets the connection be used again. */
  give(connection: PooledConnection): void {
    const { host } = connection;
    // What was not asked for is not an answer to the next request.
    if (!connection.source.empty || connection.source.ended) return this.drop(connection);
    const next = host.waiting.shift();
    if (next !== undefined) {
      connection.used = true;
      return next(connection);
    }
    if (host.idle.length >= this.#options.idlePerVm) return this.drop(connection);
    if (this.#idle.size >= this.#options.idleTotal) {
      for (const oldest of this.#idle) {
        this.drop(oldest);
        break;
      }
    }
    host.idle.push(connection);
    this.#idle.add(connection);
    connection.rest();
    this.#sweep ??= setTimeout(() => this.#closeIdle(), this.#options.idleMs);
  }

  /** Closes a connection; with `abort`, at once and whatever is under way. */
  drop(connection: PooledConnection, abort = false): void {
    if (connection.idleSince !== Infinity) this.#leave(connection);
    if (abort) connection.abort();
    else connection.close();
    this.#closed(connection.host);
  }

  /** Closes the idle connections to one VM: one was stale, so the others are too. */
  dropIdle(vm: Endpoint): void {
    const host = this.#hosts.get(keyOf(vm));
    for (const connection of [...host?.idle ?? []]) this.drop(connection);
  }

  close(): void {
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    for (const connection of [...this.#idle]) this.drop(connection);
  }

  #host(vm: Endpoint): Host {
    const key = keyOf(vm);
    let host = this.#hosts.get(key);
    if (host === undefined) {
      host = { key, open: 0, idle: [], waiting: [] };
      this.#hosts.set(key, host);
    }
    return host;
  }

  async #open(vm: Endpoint, host: Host): Promise<PooledConnection> {
    const { connectTimeoutMs: timeoutMs } = this.#options;
    try {
      const connection = await this.#gateway.connect(vm.address, vm.port, { timeoutMs });
      return new PooledConnection(host, connection, (over) => this.drop(over));
    } catch (error) {
      this.#closed(host);
      throw error;
    }
  }

  /** One connection less: one that waits may open another. */
  #closed(host: Host): void {
    const next = host.waiting.shift();
    if (next !== undefined) return next(undefined);
    if (--host.open === 0) this.#hosts.delete(host.key);
  }

  #leave(connection: PooledConnection): void {
    const { idle } = connection.host;
    const index = idle.lastIndexOf(connection);
    if (index >= 0) idle.splice(index, 1);
    this.#idle.delete(connection);
    connection.wake();
  }

  #closeIdle(): void {
    this.#sweep = undefined;
    const due = performance.now() - this.#options.idleMs;
    for (const connection of this.#idle) {
      if (connection.idleSince > due) {
        const wait = connection.idleSince - due;
        this.#sweep = setTimeout(() => this.#closeIdle(), Math.max(1, wait));
        return;
      }
      this.drop(connection);
    }
  }
}

function keyOf({ address, port }: Endpoint): number {
  return address * 0x10000 + port;
}
