/**
 * Who takes a connection that somebody opens: the listener of a local port, or the outbound policy
 * for one that goes out into the world; and which of those connections are half open.
 */
import type { Endpoint, GatewayConnection } from "./connection.ts";
import type { Ipv4Packet } from "./ipv4.ts";
import type { TcpConnection } from "./tcp_connection.ts";
import type { Segment } from "./tcp_segment.ts";

export type ConnectionHandler = (connection: GatewayConnection) => void;

/** Who may connect out: the handler of a VM's SYN that no listener wants, or undefined for RST. */
export type OutboundPolicy = (to: Endpoint, from: Endpoint) => ConnectionHandler | undefined;

export interface Listener {
  readonly handler: ConnectionHandler;
  /** The oldest first. */
  readonly halfOpen: Set<TcpConnection>;
}

export class TcpListeners {
  outbound: OutboundPolicy | null = null;
  readonly #address: number;
  readonly #ports = new Map<number, Listener>();
  readonly #accepting = new Map<TcpConnection, Listener>();

  /** `address` is the endpoint's own. */
  constructor(address: number) {
    this.#address = address;
  }

  has(port: number): boolean {
    return this.#ports.has(port);
  }

  /** Returns what ends the listening; connections that are open go on. */
  listen(port: number, handler: ConnectionHandler): () => void {
    if (this.#ports.has(port)) {
      throw new Error(`port ${port} has a listener: close that first, or take another port`);
    }
    const listener: Listener = { handler, halfOpen: new Set() };
    this.#ports.set(port, listener);
    return () => {
      if (this.#ports.get(port) === listener) this.#ports.delete(port);
    };
  }

  /** Who wants the connection that this SYN opens. */
  find(packet: Ipv4Packet, segment: Segment): Listener | undefined {
    if (packet.destination === this.#address) {
      const listener = this.#ports.get(segment.destinationPort);
      if (listener !== undefined) return listener;
    }
    const handler = this.outbound?.(
      { address: packet.destination, port: segment.destinationPort },
      { address: packet.source, port: segment.sourcePort },
    );
    return handler === undefined ? undefined : { handler, halfOpen: new Set() };
  }

  /** A connection is half open from now on. */
  begin(c: TcpConnection, listener: Listener): void {
    this.#accepting.set(c, listener);
    listener.halfOpen.add(c);
  }

  /** It is not any more: it is open, or gone. Undefined if it was not half open. */
  end(c: TcpConnection): Listener | undefined {
    const listener = this.#accepting.get(c);
    this.#accepting.delete(c);
    listener?.halfOpen.delete(c);
    return listener;
  }
}
