/**
 * The TCP endpoint: opens connections, finds the one a segment belongs to, and ends them.
 *
 * Work is batched. A received frame only changes the state of its connection and puts it on a list;
 * when the frames that arrived together are through (a microtask), each touched connection hands
 * its bytes to its reader and sends once: one acknowledgement for many segments, one segment for
 * many small writes.
 *
 * Bounded: TIME_WAIT entries (the oldest goes first), half-open connections per listener, unread
 * bytes in all (TcpLimits.budget). A VM whose clients do not read gets no more of the budget than it leaves to
 * others, and buffers are small for those of a VM that has many connections.
 */
import type { Arp, Neighbour } from "./arp.ts";
import { type GatewayConnection, TcpStream } from "./connection.ts";
import { GatewayError } from "./error.ts";
import type { FrameBuilder } from "./ethernet.ts";
import { formatAddress, type Ipv4Packet } from "./ipv4.ts";
import {
  CLOSE_WAIT,
  CLOSED,
  emptyStats,
  ESTABLISHED,
  FIN_WAIT_1,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
  TCP_LIMITS,
  TcpConnection,
  type TcpHost,
  type TcpLimits,
  type TcpStats,
  TIME_WAIT,
} from "./tcp_connection.ts";
import { acceptSyn, segmentArrives } from "./tcp_input.ts";
import { type ConnectOptions, TcpOpenings } from "./tcp_openings.ts";
import {
  type HeldSyn,
  type OutboundLink,
  type OutboundPolicy,
  type OutboundRefusal,
  TcpOutbound,
} from "./tcp_outbound.ts";
import { output, sendSyn } from "./tcp_output.ts";
import { type Segment, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, windowScale } from "./tcp_segment.ts";
import { type ConnectionHandler, type Listener, TcpListeners } from "./tcp_listeners.ts";
import { refuseSegment } from "./tcp_refusal.ts";
import { after, initialSequence } from "./tcp_sequence.ts";
import { ConnectionTable } from "./tcp_table.ts";
import { deadlinePassed } from "./tcp_timer.ts";
import { transmitSegment } from "./tcp_transmit.ts";
import type { Timers } from "./timers.ts";

/** Unread bytes that each VM may have, whatever others have: one large window. */
const FREE_SHARE = 256 * 1024;
/** Connections of a VM from which on others begin with little room. */
const CROWD = 256, CROWDED_RECEIVE_START = 8192;

export class Tcp implements TcpHost {
  readonly limits: TcpLimits;
  readonly stats: TcpStats = emptyStats();
  #unread = 0;
  readonly #table: ConnectionTable;
  readonly #listeners = new TcpListeners();
  readonly #openings: TcpOpenings;
  readonly #outbound: TcpOutbound;
  readonly #timeWait = new Set<TcpConnection>();
  #touched: TcpConnection[] = [];
  #flushing = false;
  readonly #secret: number;

  constructor(
    readonly address: number,
    readonly frame: FrameBuilder,
    readonly arp: Arp,
    readonly timers: Timers,
    readonly now: () => number,
    random: () => number,
    limits: Partial<TcpLimits>,
    /** Tells a VM by ICMP why it gets no connection. */
    readonly unreachable: (syn: HeldSyn, why: OutboundRefusal) => void = () => {},
  ) {
    this.limits = { ...TCP_LIMITS, ...limits };
    this.#table = new ConnectionTable(address, random());
    this.#openings = new TcpOpenings(this, arp);
    this.#outbound = new TcpOutbound({
      accept: ({ packet, segment, from }, link) =>
        this.#accept(listenerFor(link), packet, segment, from),
      refuse: (syn, why) => this.#refuse(syn, why),
    });
    this.#secret = random() | 0;
  }

  /** Who may connect out; null: nobody. */
  set outbound(policy: OutboundPolicy | null) {
    this.#outbound.policy = policy;
  }

  get offload(): boolean {
    return this.frame.offload;
  }

  get connections(): number {
    return this.#table.size;
  }

  get timeWaiting(): number {
    return this.#timeWait.size;
  }

  get unread(): number {
    return this.#unread;
  }

  pressed(c: TcpConnection): boolean {
    const { budget } = this.limits;
    return c.neighbour.unread > Math.max(Math.min(FREE_SHARE, budget), budget - this.#unread);
  }

  crowded(c: TcpConnection): boolean {
    return this.#table.count(c.remoteAddress) > CROWD;
  }

  hold(c: TcpConnection, bytes: number): void {
    c.neighbour.unread += bytes;
    this.#unread += bytes;
  }

  connect(address: number, port: number, options: ConnectOptions): Promise<GatewayConnection> {
    return this.#openings.connect(address, port, options);
  }

  /** A local port that is free towards this endpoint, or null. */
  freePort(address: number, port: number): number | null {
    return this.#table.freePort(address, port, (used) => this.#listeners.has(used));
  }

  /** Puts a new connection into the table, with its initial sequence number. */
  insert(c: TcpConnection, now: number): void {
    c.una = c.nxt = c.max = initialSequence(
      this.#secret,
      c.remoteAddress,
      c.localPort,
      c.remotePort,
      now,
    );
    this.#table.insert(c);
    if (this.crowded(c)) c.receiveLimit = Math.min(c.receiveLimit, CROWDED_RECEIVE_START);
  }

  listen(port: number, handler: ConnectionHandler): () => void {
    return this.#listeners.listen(port, handler);
  }

  receive(frame: Uint8Array, packet: Ipv4Packet, segment: Segment, from: Neighbour, now: number) {
    this.stats.segmentsIn++;
    const c = this.#table.find(packet, segment);
    if (c === undefined) return this.#stranger(packet, segment, frame, from);
    if (c.state === TIME_WAIT && isNewSyn(c, segment)) {
      this.release(c, null);
      return this.#stranger(packet, segment, frame, from);
    }
    segmentArrives(c, segment, frame, now);
  }

  transmit(
    c: TcpConnection,
    flags: number,
    sequence: number,
    offset: number,
    length: number,
  ): boolean {
    this.stats.segmentsOut++;
    if (!transmitSegment(this.frame, c, flags, sequence, offset, length)) return false;
    if ((flags & TCP_ACK) !== 0) {
      c.acknowledge = false;
      c.unacknowledged = 0;
      c.delayedAckAt = Infinity;
    }
    return true;
  }

  touch(c: TcpConnection): void {
    if (c.touched) return;
    c.touched = true;
    this.#touched.push(c);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  schedule(c: TcpConnection, at: number): void {
    this.timers.schedule(c, at);
  }

  wake(c: TcpConnection, now: number): void {
    if (c.state !== CLOSED) deadlinePassed(c, now);
  }

  established(c: TcpConnection): void {
    c.lingerAt = this.now() + this.limits.keepAliveMs;
    this.schedule(c, c.lingerAt);
    if (this.#openings.end(c, null)) return;
    const listener = this.#listeners.end(c);
    if (listener === undefined) return;
    this.stats.accepted++;
    const stream = new TcpStream(c, this);
    c.observer = stream;
    listener.handler(stream);
  }

  release(c: TcpConnection, error: GatewayError | null): void {
    if (c.state === CLOSED) return;
    if (c.state === SYN_SENT && error?.code === "refused") this.stats.refused++;
    c.state = CLOSED;
    c.error = error;
    c.retransmitAt =
      c.delayedAckAt =
      c.pushAt =
      c.lingerAt =
        Infinity;
    c.send.clear();
    this.hold(c, -c.receive.early);
    c.receive.forgetEarly();
    this.timers.remove(c);
    this.#timeWait.delete(c);
    this.#table.delete(c);
    this.#openings.end(c, error);
    this.#listeners.end(c)?.lost?.();
    c.observer?.settle();
  }

  close(c: TcpConnection): void {
    if (c.state === ESTABLISHED) c.state = FIN_WAIT_1;
    else if (c.state === CLOSE_WAIT) c.state = LAST_ACK;
    else return;
    c.closing = true;
    this.touch(c);
  }

  orphan(c: TcpConnection): void {
    c.orphaned = true;
    if (c.state === TIME_WAIT || c.state === CLOSED) return;
    c.lingerAt = this.now() + this.limits.orphanMs;
    this.schedule(c, c.lingerAt);
  }

  abort(c: TcpConnection): void {
    this.hold(c, -c.receive.held);
    c.receive.clear();
    if (c.state === CLOSED) return;
    if (c.state >= ESTABLISHED && c.state !== TIME_WAIT) {
      this.stats.resetsOut++;
      this.transmit(c, TCP_RST | TCP_ACK, c.max, 0, 0);
    }
    const where = `${formatAddress(c.remoteAddress)} port ${c.remotePort}`;
    this.release(c, new GatewayError("aborted", `the connection to ${where} was aborted here`));
  }

  enterTimeWait(c: TcpConnection): void {
    c.state = TIME_WAIT;
    c.retransmitAt = Infinity;
    c.lingerAt = this.now() + this.limits.timeWaitMs;
    this.schedule(c, c.lingerAt);
    c.send.clear();
    this.#timeWait.delete(c);
    this.#timeWait.add(c);
    if (this.#timeWait.size <= this.limits.timeWaitMaximum) return;
    const [oldest] = this.#timeWait;
    this.release(oldest, null);
  }

  doubtNeighbour(c: TcpConnection): void {
    c.neighbour.confirmedAt = -Infinity;
    this.arp.refresh(c.neighbour, this.now());
  }

  /** What is dialled for VMs comes too late. */
  shutDown(): void {
    this.#outbound.close();
    this.reset();
  }

  /** Ends every connection with `address` (or with everybody) at once. */
  reset(address?: number): void {
    for (const c of this.#table.list(address)) this.abort(c);
  }

  /** RFC 9293 section 3.10.7.1 and 3.10.7.2: a segment without a connection. */
  #stranger(packet: Ipv4Packet, segment: Segment, frame: Uint8Array, from: Neighbour): void {
    const { flags } = segment;
    if ((flags & TCP_RST) !== 0) return;
    if ((flags & (TCP_SYN | TCP_ACK | TCP_FIN)) === TCP_SYN) {
      const own = packet.destination === this.address;
      const listener = own ? this.#listeners.find(segment.destinationPort) : undefined;
      if (listener !== undefined) return this.#accept(listener, packet, segment, from);
      return this.#outbound.arrived(packet, segment, from, frame);
    }
    this.stats.resetsOut++;
    refuseSegment(this.frame, from.mac, packet, segment);
  }

  #refuse(syn: HeldSyn, why: OutboundRefusal): void {
    this.stats.refused++;
    if (why !== "refused") this.unreachable(syn, why);
    // Who does not read ICMP is told all the same; a host that cannot be reached may come back.
    if (why === "unreachable") return;
    this.stats.resetsOut++;
    refuseSegment(this.frame, syn.from.mac, syn.packet, syn.segment);
  }

  #accept(listener: Listener, packet: Ipv4Packet, segment: Segment, from: Neighbour): void {
    if (listener.halfOpen.size >= this.limits.halfOpenMaximum) {
      const [oldest] = listener.halfOpen;
      this.release(oldest, null);
    }
    const { destinationPort, sourcePort } = segment;
    const { destination, source } = packet;
    const c = new TcpConnection(this, from, destination, destinationPort, source, sourcePort, true);
    const now = this.now();
    c.state = SYN_RECEIVED;
    this.insert(c, now);
    c.receiveScale = segment.scale >= 0 ? windowScale(this.limits.receiveMaximum) : 0;
    acceptSyn(c, segment);
    c.heardAt = now;
    this.#listeners.begin(c, listener);
    sendSyn(c, now);
  }

  #flush(): void {
    const now = this.now();
    try {
      // Connections that are touched while this runs are worked off in the same pass.
      for (let i = 0; i < this.#touched.length; i++) {
        const c = this.#touched[i];
        c.touched = false;
        c.observer?.settle();
        output(c, now);
      }
    } finally {
      this.#touched = [];
      this.#flushing = false;
    }
  }
}

/** A SYN that may start a new incarnation in TIME_WAIT (RFC 9293 section 3.6.1). */
function isNewSyn(c: TcpConnection, segment: Segment): boolean {
  return (segment.flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN &&
    after(segment.sequence, c.receiveNext);
}

function listenerFor(link: OutboundLink): Listener {
  return {
    handler: (connection) => link.open(connection),
    lost: () => link.lost(),
    halfOpen: new Set(),
  };
}
