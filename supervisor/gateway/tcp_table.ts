/** Which connection a segment belongs to, and which local ports are free. */
import type { Ipv4Packet } from "./ipv4.ts";
import type { TcpConnection } from "./tcp_connection.ts";
import type { Segment } from "./tcp_segment.ts";

const PORT_FIRST = 1024;
/** Connections that can be open from here to one port of one VM. */
export const PORT_COUNT: number = 65_536 - PORT_FIRST;

/** Both ports in one int32; with the local address before it when that is not our own. */
type Key = number | string;

export class ConnectionTable {
  size = 0;
  readonly #address: number;
  readonly #hosts = new Map<number, Map<Key, TcpConnection>>();
  #nextPort: number;

  constructor(address: number, start: number) {
    this.#address = address;
    this.#nextPort = start % PORT_COUNT;
  }

  find(packet: Ipv4Packet, segment: Segment): TcpConnection | undefined {
    const key = this.#key(packet.destination, segment.destinationPort, segment.sourcePort);
    return this.#hosts.get(packet.source)?.get(key);
  }

  /** Connections with an address. */
  count(address: number): number {
    return this.#hosts.get(address)?.size ?? 0;
  }

  insert(c: TcpConnection): void {
    let host = this.#hosts.get(c.remoteAddress);
    if (host === undefined) this.#hosts.set(c.remoteAddress, host = new Map());
    host.set(this.#key(c.localAddress, c.localPort, c.remotePort), c);
    this.size++;
  }

  delete(c: TcpConnection): void {
    const host = this.#hosts.get(c.remoteAddress)!;
    host.delete(this.#key(c.localAddress, c.localPort, c.remotePort));
    if (host.size === 0) this.#hosts.delete(c.remoteAddress);
    this.size--;
  }

  /** The connections with `address`, or all of them. */
  list(address?: number): TcpConnection[] {
    const hosts = address === undefined ? [...this.#hosts.values()] : [this.#hosts.get(address)];
    return hosts.flatMap((host) => [...host?.values() ?? []]);
  }

  /**
   * The next local port that is free towards this endpoint, or null. One cursor for all endpoints: a
   * port comes round again only after every other one was tried, long after the peer's TIME_WAIT at
   * any rate a VM can serve.
   */
  freePort(address: number, port: number, reserved: (port: number) => boolean): number | null {
    const host = this.#hosts.get(address);
    for (let tried = 0; tried < PORT_COUNT; tried++) {
      const candidate = PORT_FIRST + this.#nextPort;
      this.#nextPort = (this.#nextPort + 1) % PORT_COUNT;
      const free = host === undefined || !host.has(this.#key(this.#address, candidate, port));
      if (free && !reserved(candidate)) return candidate;
    }
    return null;
  }

  #key(localAddress: number, localPort: number, remotePort: number): Key {
    const ports = (localPort << 16) | remotePort;
    return localAddress === this.#address ? ports : `${localAddress}:${ports}`;
  }
}
