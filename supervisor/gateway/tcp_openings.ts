/** Connections that we open to VMs, until they are open or have failed. */
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

export class TcpOpenings {
  readonly #tcp: Tcp;
  readonly #arp: Arp;
  readonly #opening = new Map<TcpConnection, (error: GatewayError | null) => void>();

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
      this.#arp.resolve(neighbour, now, (found) => {
        if (found) return sendSyn(c, tcp.now());
        const why = `${
          formatAddress(address)
        } does not answer ARP: no such VM, or it has not booted`;
        tcp.release(c, new GatewayError("unreachable", why));
      });
    });
  }

  /** It is open, or has failed with `error`. False: it was not being opened. */
  end(c: TcpConnection, error: GatewayError | null): boolean {
    const opening = this.#opening.get(c);
    if (opening === undefined) return false;
    this.#opening.delete(c);
    opening(error);
    return true;
  }
}

function abortedBy(where: string): GatewayError {
  return new GatewayError("aborted", `connecting to ${where} was aborted by its signal`);
}
