/**
 * Connections that we open to VMs, until they are open or have failed.
 *
 * A VM takes few frames while it does not run (devices/nic.ts), so that of a thousand SYNs at once most would be
 * lost, and again when all of them are sent again. So few are under way to each VM; others wait for their turn
 * within the time that they have.
 */
import type { Arp } from "./arp.ts";
import { type GatewayConnection, TcpStream } from "./connection.ts";
import { GatewayError } from "./error.ts";
import { formatAddress } from "./ipv4.ts";
import { SYN_SENT, TcpConnection } from "./tcp_connection.ts";
import { sendSyn } from "./tcp_output.ts";
import type { Tcp } from "./tcp.ts";
import { windowScale } from "./tcp_segment.ts";
import { PORT_COUNT } from "./tcp_table.ts";

export interface ConnectOptions {
  signal?: AbortSignal;
  /** Default 10,000. */
  timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** SYNs to one VM that are not answered. */
const UNDER_WAY = 16;

/** What is opened to one VM. */
interface Queue {
  readonly underWay: Set<TcpConnection>;
  /** In the order in which they came. */
  readonly waiting: Set<TcpConnection>;
}

export class TcpOpenings {
  readonly #tcp: Tcp;
  readonly #arp: Arp;
  readonly #opening = new Map<TcpConnection, (error: GatewayError | null) => void>();
  readonly #queues = new Map<number, Queue>();

  constructor(tcp: Tcp, arp: Arp) {
    this.#tcp = tcp;
    this.#arp = arp;
  }

  connect(address: number, port: number, options: ConnectOptions): Promise<GatewayConnection> {
    const { signal, timeoutMs = CONNECT_TIMEOUT_MS } = options;
    const tcp = this.#tcp;
    const where = `${formatAddress(address)} port ${port}`;
    if (signal?.aborted) return Promise.reject(abortedBy(where));
    const local = tcp.freePort(address, port);
    if (local === null) {
      const why = `all ${PORT_COUNT} local ports towards ${where} are in use: close some`;
      return Promise.reject(new GatewayError("exhausted", why));
    }
    const now = tcp.now();
    const neighbour = this.#arp.neighbour(address);
    const c = new TcpConnection(tcp, neighbour, tcp.address, local, address, port, false);
    c.state = SYN_SENT;
    c.receiveScale = windowScale(tcp.limits.receiveMaximum);
    tcp.insert(c, now);
    c.lingerAt = now + timeoutMs;
    tcp.schedule(c, c.lingerAt);
    return new Promise((resolve, reject) => {
      const onAbort = () => tcp.release(c, abortedBy(where));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#opening.set(c, (error) => {
        signal?.removeEventListener("abort", onAbort);
        if (error !== null) return reject(error);
        tcp.stats.opened++;
        const stream = new TcpStream(c, tcp);
        c.observer = stream;
        resolve(stream);
      });
      let queue = this.#queues.get(address);
      if (queue === undefined) {
        this.#queues.set(address, queue = { underWay: new Set(), waiting: new Set() });
      }
      if (queue.underWay.size < UNDER_WAY) this.#send(c, queue);
      else queue.waiting.add(c);
    });
  }

  /** It is open, or has failed with `error`. False: it was not being opened. */
  end(c: TcpConnection, error: GatewayError | null): boolean {
    const opening = this.#opening.get(c);
    if (opening === undefined) return false;
    this.#opening.delete(c);
    this.#next(c);
    opening(error);
    return true;
  }

  #send(c: TcpConnection, queue: Queue): void {
    queue.underWay.add(c);
    this.#arp.resolve(c.neighbour, this.#tcp.now(), (found) => {
      if (found) return sendSyn(c, this.#tcp.now());
      const vm = formatAddress(c.remoteAddress);
      const why = `${vm} does not answer ARP: no such VM, or it has not booted`;
      this.#tcp.release(c, new GatewayError("unreachable", why));
    });
  }

  /** A connection is not under way any more, or does not wait: others may. */
  #next(c: TcpConnection): void {
    const queue = this.#queues.get(c.remoteAddress)!;
    queue.waiting.delete(c);
    if (!queue.underWay.delete(c)) return;
    for (const next of queue.waiting) {
      if (queue.underWay.size >= UNDER_WAY) return;
      queue.waiting.delete(next);
      this.#send(next, queue);
    }
    if (queue.underWay.size === 0) this.#queues.delete(c.remoteAddress);
  }
}

function abortedBy(where: string): GatewayError {
  return new GatewayError("aborted", `connecting to ${where} was aborted by its signal`);
}
