/**
 * The TCP endpoint: opens connections, finds the one a segment belongs to, and ends them.
 *
 * Work is batched. A received frame only changes the state of its connection and puts it on a list;
 * when the frames that arrived together are through (a microtask), each touched connection hands
 * its bytes to its reader and sends once: one acknowledgement for many segments, one segment for
 * many small writes.
 *
 * Bounded: TIME_WAIT entries (the oldest goes first), half-open connections per listener, unread
 * bytes in all (TcpLimits.budget).
 */
import { type Arp, type Neighbour } from "./arp.ts";
import { TcpStream } from "./connection.ts";
import type { GatewayConnection } from "./connection.ts";
import { GatewayError } from "./error.ts";
import type { FrameBuilder } from "./ethernet.ts";
import {
  formatAddress,
  IPPROTO_TCP,
  IPV4_PAYLOAD,
  type Ipv4Packet,
  sendIpv4,
  writeIpv4,
} from "./ipv4.ts";
import {
  CLOSE_WAIT,
  CLOSED,
  ESTABLISHED,
  FIN_WAIT_1,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
  TcpConnection,
  type TcpHost,
  type TcpLimits,
  type TcpStats,
  TIME_WAIT,
} from "./tcp_connection.ts";
import { acceptSyn, segmentArrives } from "./tcp_input.ts";
import { announceWindow, output, sendSyn } from "./tcp_output.ts";
import {
  sealSegment,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  writeSegment,
} from "./tcp_segment.ts";
import {
  type ConnectionHandler,
  type Listener,
  type OutboundPolicy,
  TcpListeners,
} from "./tcp_listeners.ts";
import { refuseSegment } from "./tcp_refusal.ts";
import { after, initialSequence } from "./tcp_sequence.ts";
import { ConnectionTable, PORT_COUNT } from "./tcp_table.ts";
import { deadlinePassed } from "./tcp_timer.ts";
import type { Timers } from "./timers.ts";

export interface ConnectOptions {
  signal?: AbortSignal;
  /** Default 10,000. */
  timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;

export const TCP_LIMITS: TcpLimits = {
  receiveStart: 65_536,
  receiveMaximum: 262_144,
  sendMaximum: 131_072,
  budget: 64 << 20,
  timeWaitMs: 2000,
  timeWaitMaximum: 4096,
  orphanMs: 10_000,
  keepAliveMs: 120_000,
  halfOpenMaximum: 8192,
};

export class Tcp implements TcpHost {
  readonly limits: TcpLimits;
  readonly stats: TcpStats = {
    segmentsIn: 0,
    segmentsOut: 0,
    retransmissions: 0,
    fastRetransmissions: 0,
    timeouts: 0,
    duplicates: 0,
    outOfOrder: 0,
    resetsIn: 0,
    resetsOut: 0,
    opened: 0,
    accepted: 0,
    refused: 0,
  };
  #unread = 0;
  readonly #table: ConnectionTable;
  readonly #listeners: TcpListeners;
  readonly #opening = new Map<TcpConnection, (error: GatewayError | null) => void>();
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
  ) {
    this.limits = { ...TCP_LIMITS, ...limits };
    this.#table = new ConnectionTable(address, random());
    this.#listeners = new TcpListeners(address);
    this.#secret = random() | 0;
  }

  /** Who may connect out; null: nobody. */
  set outbound(policy: OutboundPolicy | null) {
    this.#listeners.outbound = policy;
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

  get pressed(): boolean {
    return this.#unread > this.limits.budget;
  }

  hold(bytes: number): void {
    this.#unread += bytes;
  }

  connect(address: number, port: number, options: ConnectOptions): Promise<GatewayConnection> {
    const { signal, timeoutMs = CONNECT_TIMEOUT_MS } = options;
    const where = `${formatAddress(address)} port ${port}`;
    if (signal?.aborted) return Promise.reject(abortedBy(where));
    const local = this.#table.freePort(address, port, (used) => this.#listeners.has(used));
    if (local === null) {
      const why = `all ${PORT_COUNT} local ports towards ${where} are in use: close some`;
      return Promise.reject(new GatewayError("exhausted", why));
    }
    const now = this.now();
    const neighbour = this.arp.neighbour(address);
    const c = new TcpConnection(this, neighbour, this.address, local, address, port, false);
    c.state = SYN_SENT;
    c.una = c.nxt = c.max = this.#initialSequence(c, now);
    c.receiveScale = scaleFor(this.limits.receiveMaximum);
    this.#table.insert(c);
    c.lingerAt = now + timeoutMs;
    this.schedule(c, c.lingerAt);
    return new Promise((resolve, reject) => {
      const onAbort = () => this.release(c, abortedBy(where));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#opening.set(c, (error) => {
        signal?.removeEventListener("abort", onAbort);
        if (error !== null) return reject(error);
        this.stats.opened++;
        const stream = new TcpStream(c, this);
        c.observer = stream;
        resolve(stream);
      });
      this.arp.resolve(neighbour, now, (found) => {
        if (found) return sendSyn(c, this.now());
        const why = `${
          formatAddress(address)
        } does not answer ARP: no such VM, or it has not booted`;
        this.release(c, new GatewayError("unreachable", why));
      });
    });
  }

  listen(port: number, handler: ConnectionHandler): () => void {
    return this.#listeners.listen(port, handler);
  }

  receive(frame: Uint8Array, packet: Ipv4Packet, segment: Segment, from: Neighbour, now: number) {
    this.stats.segmentsIn++;
    const c = this.#table.find(packet, segment);
    if (c === undefined) return this.#stranger(packet, segment, from, now);
    if (c.state === TIME_WAIT && isNewSyn(c, segment)) {
      this.release(c, null);
      return this.#stranger(packet, segment, from, now);
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
    const frame = this.frame;
    const window = (flags & TCP_RST) !== 0 ? 0 : announceWindow(c);
    const scale = !c.passive || c.sendScale > 0 || c.receiveScale > 0 ? c.receiveScale : -1;
    const header = writeSegment(
      frame,
      IPV4_PAYLOAD,
      c.localPort,
      c.remotePort,
      sequence,
      (flags & TCP_ACK) !== 0 ? c.receiveNext : 0,
      flags,
      window,
      scale,
    );
    if (length > 0) c.send.copyTo(frame.bytes, IPV4_PAYLOAD + header, offset, length);
    writeIpv4(frame, c.localAddress, c.remoteAddress, IPPROTO_TCP, header + length);
    sealSegment(frame, IPV4_PAYLOAD, header + length);
    this.stats.segmentsOut++;
    if (!sendIpv4(frame, c.neighbour.mac, header + length)) return false;
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
    const opening = this.#opening.get(c);
    if (opening !== undefined) {
      this.#opening.delete(c);
      return opening(null);
    }
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
    c.receive.forgetEarly();
    this.timers.remove(c);
    this.#timeWait.delete(c);
    this.#table.delete(c);
    const opening = this.#opening.get(c);
    if (opening !== undefined) {
      this.#opening.delete(c);
      opening(error);
    }
    this.#listeners.end(c);
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
    this.hold(-c.receive.length);
    c.receive.clear();
    if (c.state === CLOSED) return;
    if (c.state >= ESTABLISHED && c.state !== TIME_WAIT) {
      this.stats.resetsOut++;
      this.transmit(c, TCP_RST | TCP_ACK, c.nxt, 0, 0);
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

  /** Ends every connection with `address` (or with everybody) at once. */
  reset(address?: number): void {
    for (const c of this.#table.list(address)) this.abort(c);
  }

  /** RFC 9293 section 3.10.7.1 and 3.10.7.2: a segment without a connection. */
  #stranger(packet: Ipv4Packet, segment: Segment, from: Neighbour, now: number): void {
    const { flags } = segment;
    if ((flags & TCP_RST) !== 0) return;
    if ((flags & (TCP_SYN | TCP_ACK | TCP_FIN)) === TCP_SYN) {
      const listener = this.#listeners.find(packet, segment);
      if (listener !== undefined) return this.#accept(listener, packet, segment, from, now);
      this.stats.refused++;
    }
    this.stats.resetsOut++;
    refuseSegment(this.frame, from.mac, packet, segment);
  }

  #accept(
    listener: Listener,
    packet: Ipv4Packet,
    segment: Segment,
    from: Neighbour,
    now: number,
  ): void {
    if (listener.halfOpen.size >= this.limits.halfOpenMaximum) {
      const [oldest] = listener.halfOpen;
      this.release(oldest, null);
    }
    const { destinationPort, sourcePort } = segment;
    const local = packet.destination;
    const c = new TcpConnection(
      this,
      from,
      local,
      destinationPort,
      packet.source,
      sourcePort,
      true,
    );
    c.state = SYN_RECEIVED;
    c.una = c.nxt = c.max = this.#initialSequence(c, now);
    c.receiveScale = segment.scale >= 0 ? scaleFor(this.limits.receiveMaximum) : 0;
    acceptSyn(c, segment);
    c.heardAt = now;
    this.#table.insert(c);
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

  #initialSequence(c: TcpConnection, now: number): number {
    return initialSequence(this.#secret, c.remoteAddress, c.localPort, c.remotePort, now);
  }
}

/** A SYN that may start a new incarnation in TIME_WAIT (RFC 9293 section 3.6.1). */
function isNewSyn(c: TcpConnection, segment: Segment): boolean {
  return (segment.flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN &&
    after(segment.sequence, c.receiveNext);
}

function scaleFor(window: number): number {
  let scale = 0;
  while (window >> scale > 0xffff) scale++;
  return scale;
}

function abortedBy(where: string): GatewayError {
  return new GatewayError("aborted", `connecting to ${where} was aborted by its signal`);
}
