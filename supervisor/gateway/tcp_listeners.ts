/** Who takes a connection that somebody opens, and which of those connections are half open. */
import type { GatewayConnection } from "./connection.ts";
import type { TcpConnection } from "./tcp_connection.ts";

export type ConnectionHandler = (connection: GatewayConnection) => void;

export interface Listener {
  readonly handler: ConnectionHandler;
  /** A connection ended before it was open. */
  readonly lost?: () => void;
  /** The oldest first. */
  readonly halfOpen: Set<TcpConnection>;
}

export class TcpListeners {
  readonly #ports = new Map<number, Listener>();
  readonly #accepting = new Map<TcpConnection, Listener>();

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

  /** Who listens on one of our own ports. */
  find(port: number): Listener | undefined {
    return this.#ports.get(port);
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
