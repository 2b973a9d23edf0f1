/**
 * One TCP connection as plain state (the TCB of RFC 9293 section 3.3.1).
 *
 * The code that moves it is split by what happens: tcp_input.ts (a segment arrived), tcp_output.ts
 * (something may be sent), tcp_timer.ts (a deadline passed), tcp_congestion.ts (how much may be in
 * flight), tcp_rtt.ts (how long to wait). Tcp (tcp.ts) owns the table of connections and the link;
 * connection.ts is what a user of the gateway holds.
 *
 * Rules: whatever may make something sendable, readable or writable calls `host.touch`; the work is
 * then done once per batch of frames. Deadlines are set with `setDeadline`, so that the heap knows.
 */
import type { GatewayError } from "./error.ts";
import type { Neighbour } from "./arp.ts";
import { ReceiveQueue } from "./tcp_receive_queue.ts";
import { SendBuffer } from "./tcp_send_buffer.ts";
import { MSS_DEFAULT } from "./tcp_segment.ts";
import { SackBoard } from "./tcp_sack.ts";
import type { Timed } from "./timers.ts";

/** RFC 9293 section 3.3.2. The order matters: `>= ESTABLISHED` means synchronized. */
export const CLOSED = 0;
export const SYN_SENT = 1;
export const SYN_RECEIVED = 2;
export const ESTABLISHED = 3;
export const CLOSE_WAIT = 4;
export const FIN_WAIT_1 = 5;
export const FIN_WAIT_2 = 6;
export const CLOSING = 7;
export const LAST_ACK = 8;
export const TIME_WAIT = 9;

/** What a connection needs from the table it stands in. */
export interface TcpHost {
  /** Sends one segment of the connection; `length` bytes come from `offset` in its send buffer. */
  transmit(
    c: TcpConnection,
    flags: number,
    sequence: number,
    offset: number,
    length: number,
  ): boolean;
  /** Puts the connection on the list that is worked off after the current batch of frames. */
  touch(c: TcpConnection): void;
  schedule(c: TcpConnection, at: number): void;
  established(c: TcpConnection): void;
  /** Takes it out of the table: it is closed, or failed with `error`. */
  release(c: TcpConnection, error: GatewayError | null): void;
  abort(c: TcpConnection): void;
  enterTimeWait(c: TcpConnection): void;
  /** The neighbour's MAC may be wrong: nothing was acknowledged for several retransmissions. */
  doubtNeighbour(c: TcpConnection): void;
  wake(c: TcpConnection, now: number): void;
  /** Checksums and the cutting of large segments may be left to others. */
  readonly offload: boolean;
  readonly stats: TcpStats;
  readonly limits: TcpLimits;
  /** True while a VM has more unread bytes than the budget leaves to others: its windows do not grow. */
  pressed(c: TcpConnection): boolean;
  /** Its VM has so many connections that each of them gets little room. */
  crowded(c: TcpConnection): boolean;
  /** Accounts for bytes that are kept and not read, also those out of order. */
  hold(c: TcpConnection, bytes: number): void;
}

export interface TcpLimits {
  /** Bytes of the receive window a connection starts with, and may grow to. */
  receiveStart: number;
  receiveMaximum: number;
  /** Bytes written but not acknowledged, per connection. */
  sendMaximum: number;
  /** Unread bytes of all connections together; a VM may have as many as are left. */
  budget: number;
  timeWaitMs: number;
  timeWaitMaximum: number;
  /** How long a closed connection waits for its peer to close too. */
  orphanMs: number;
  /** Silence after which an open connection is probed. */
  keepAliveMs: number;
  /** Half-open connections per listener; above it the oldest goes. */
  halfOpenMaximum: number;
}

export interface TcpStats {
  segmentsIn: number;
  segmentsOut: number;
  retransmissions: number;
  fastRetransmissions: number;
  timeouts: number;
  duplicates: number;
  outOfOrder: number;
  resetsIn: number;
  resetsOut: number;
  opened: number;
  accepted: number;
  refused: number;
}

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

export function emptyStats(): TcpStats {
  return {
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
}

/** What connection.ts adds: called while the touched connections are worked off. */
export interface TcpObserver {
  settle(): void;
}

export class TcpConnection implements Timed {
  wakeAt = Infinity;
  heapIndex = -1;
  state = CLOSED;
  touched = false;
  observer: TcpObserver | null = null;
  error: GatewayError | null = null;

  // Send side: SND.* of RFC 9293. `max` is the highest sequence ever sent; `nxt` falls back to `una`
  // after a retransmission timeout.
  una = 0;
  nxt = 0;
  max = 0;
  window = 0;
  windowSequence = 0;
  windowAcknowledgment = 0;
  windowLargest = 0;
  sendScale = 0;
  mss: number = MSS_DEFAULT;
  /** The user wrote the last byte: FIN follows it. */
  closing = false;
  /** The user is gone: whatever still arrives is answered with RST. */
  orphaned = false;
  readonly send: SendBuffer = new SendBuffer();

  // Receive side. `edge` is the right edge that was announced; it never moves left.
  receiveNext = 0;
  edge = 0;
  receiveScale = 0;
  receiveLimit: number;
  /** Bytes the reader took since the window last grew. */
  consumed = 0;
  finKnown = false;
  finAt = 0;
  /** The peer's FIN is in order: nothing more will arrive. */
  finished = false;
  unacknowledged = 0;
  acknowledge = false;
  readonly receive: ReceiveQueue = new ReceiveQueue();

  // Congestion control, bytes.
  congestionWindow = 0;
  threshold = 0x3fffffff;
  credit = 0;
  duplicates = 0;
  recovering = false;
  recover = 0;
  /** Both sides know selective acknowledgements. */
  selective = false;
  readonly board: SackBoard = new SackBoard();
  /** How far lost pieces were sent again in this recovery. */
  repaired = 0;

  // Round trip, ms.
  srtt = 0;
  variation = 0;
  rto = 1000;
  backoff = 0;
  timing = false;
  timedSequence = 0;
  timedAt = 0;
  /** Last segment sent and last one heard, ms. */
  sentAt = 0;
  heardAt = 0;
  probes = 0;

  // Deadlines, ms.
  retransmitAt = Infinity;
  /** `retransmitAt` is the zero-window probe. */
  persisting = false;
  delayedAckAt = Infinity;
  /** The link had no room. */
  pushAt = Infinity;
  /** Connect timeout, keep-alive or the end of TIME_WAIT, by state. */
  lingerAt = Infinity;

  constructor(
    readonly host: TcpHost,
    readonly neighbour: Neighbour,
    readonly localAddress: number,
    readonly localPort: number,
    readonly remoteAddress: number,
    readonly remotePort: number,
    readonly passive: boolean,
  ) {
    this.receiveLimit = host.limits.receiveStart;
  }

  wake(now: number): void {
    this.host.wake(this, now);
  }

  /** The FIN of this side was sent (and is not acknowledged yet). */
  get finSent(): boolean {
    return this.closing && ((this.max - this.una) | 0) > this.send.length;
  }
}

export function startRetransmission(c: TcpConnection, now: number): void {
  c.persisting = false;
  c.retransmitAt = now + Math.min(c.rto * 2 ** c.backoff, 60_000);
  c.host.schedule(c, c.retransmitAt);
}

export function stopRetransmission(c: TcpConnection): void {
  c.persisting = false;
  c.retransmitAt = Infinity;
  c.backoff = 0;
}
