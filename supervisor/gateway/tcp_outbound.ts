/**
 * Connections of VMs to the world: held back until somebody has opened the other half.
 *
 * The policy decides on a VM's first SYN. What it allows is dialled first; the SYN is answered when that
 * has worked out, and refused as the world refused it: so a guest's `connect` means what it says. A SYN that
 * comes again meanwhile changes nothing. What is held is bounded, and is no connection yet: the SYN, and
 * as much of the packet as an ICMP error quotes.
 */
import type { Neighbour } from "./arp.ts";
import type { Endpoint, GatewayConnection } from "./connection.ts";
import { type Ipv4Packet } from "./ipv4.ts";
import type { Segment } from "./tcp_segment.ts";

/** The other half of a connection, which is open. */
export interface OutboundLink {
  /** The VM's half is open too. */
  open(connection: GatewayConnection): void;
  /** The VM's half never opened: nobody will use this one. */
  lost(): void;
}

/**
 * Why there is none: nobody listens there (RST), no way leads there (ICMP host unreachable), or the VM
 * must not (ICMP administratively prohibited, and RST).
 */
export type OutboundRefusal = "refused" | "unreachable" | "prohibited";

export type OutboundAnswer = OutboundLink | OutboundRefusal;

/** Asked once for each connection that a VM opens to the world. Never throws or rejects. */
export type OutboundPolicy = (
  to: Endpoint,
  from: Endpoint,
) => OutboundAnswer | Promise<OutboundAnswer>;

/** A VM's SYN, and the beginning of its packet. */
export interface HeldSyn {
  readonly packet: Ipv4Packet;
  readonly segment: Segment;
  readonly from: Neighbour;
  readonly quote: Uint8Array;
}

/** What is done with a SYN in the end. */
export interface OutboundHost {
  accept(syn: HeldSyn, link: OutboundLink): void;
  refuse(syn: HeldSyn, why: OutboundRefusal): void;
}

/** SYNs that wait for their dial, of all VMs and of one. */
const WAITING_MAXIMUM = 4096, WAITING_PER_VM = 256;

export class TcpOutbound {
  policy: OutboundPolicy | null = null;
  readonly #host: OutboundHost;
  /** The flows that are dialled, by VM. */
  readonly #waiting = new Map<number, Set<string>>();
  #count = 0;
  #closed = false;

  constructor(host: OutboundHost) {
    this.#host = host;
  }

  get waiting(): number {
    return this.#count;
  }

  /** A SYN that no listener wants; `bytes` is its frame. */
  arrived(packet: Ipv4Packet, segment: Segment, from: Neighbour, bytes: Uint8Array): void {
    const { source } = packet;
    const flow = `${packet.destination}:${segment.destinationPort}:${segment.sourcePort}`;
    const flows = this.#waiting.get(source);
    if (flows?.has(flow)) return;
    const syn: HeldSyn = {
      packet: { ...packet },
      segment: { ...segment },
      from,
      quote: bytes.slice(0, packet.payload + 8),
    };
    const full = this.#count >= WAITING_MAXIMUM || (flows?.size ?? 0) >= WAITING_PER_VM;
    if (this.policy === null || full) return this.#host.refuse(syn, "refused");
    const answer = this.policy(
      { address: packet.destination, port: segment.destinationPort },
      { address: source, port: segment.sourcePort },
    );
    if (!(answer instanceof Promise)) return this.#answered(syn, answer);
    this.#add(source, flow);
    answer.then((answer) => {
      this.#remove(source, flow);
      this.#answered(syn, answer);
    });
  }

  /** Whatever is dialled comes too late. */
  close(): void {
    this.#closed = true;
  }

  #answered(syn: HeldSyn, answer: OutboundAnswer): void {
    if (typeof answer === "string") {
      if (!this.#closed) this.#host.refuse(syn, answer);
    } else if (this.#closed) answer.lost();
    else this.#host.accept(syn, answer);
  }

  #add(source: number, flow: string): void {
    const flows = this.#waiting.get(source);
    if (flows === undefined) this.#waiting.set(source, new Set([flow]));
    else flows.add(flow);
    this.#count++;
  }

  #remove(source: number, flow: string): void {
    const flows = this.#waiting.get(source)!;
    flows.delete(flow);
    if (flows.size === 0) this.#waiting.delete(source);
    this.#count--;
  }
}
