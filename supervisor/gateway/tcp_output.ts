/**
 * Sending: data within the peer's and the congestion window, FIN, acknowledgements, the window we
 * announce. Small segments are not held back (no Nagle): the gateway's users are proxies, and what
 * they write within one turn of the event loop is one segment already.
 */
import { SEGMENTS_MAXIMUM } from "../../devices/offload.ts";
import { IPV4_HEADER } from "./ipv4.ts";
import { inFlight, restartAfterIdle, sendWindow } from "./tcp_congestion.ts";
import {
  CLOSED,
  ESTABLISHED,
  FIN_WAIT_2,
  startRetransmission,
  SYN_RECEIVED,
  SYN_SENT,
  type TcpConnection,
  TIME_WAIT,
} from "./tcp_connection.ts";
import { startTiming } from "./tcp_rtt.ts";
import { TCP_ACK, TCP_FIN, TCP_HEADER, TCP_PSH, TCP_SYN } from "./tcp_segment.ts";
import { after, distance } from "./tcp_sequence.ts";

/** Payload of the largest IPv4 packet: no options follow after a SYN. */
const LARGE_PAYLOAD = 0xffff - IPV4_HEADER - TCP_HEADER;
/** How long an acknowledgement may wait for data to travel with (RFC 9293 section 3.8.6.3: 500). */
const DELAYED_ACK_MS = 10;
/** How soon to try again after the link had no room. */
const PUSH_MS = 1;

/** Sends everything that may be sent now. */
export function output(c: TcpConnection, now: number): void {
  if (c.state < ESTABLISHED) return;
  if (c.state !== FIN_WAIT_2 && c.state !== TIME_WAIT) {
    const repairs = c.recovering && c.selective;
    if (repairs) sendLost(c, c.board.lostBefore(c.una, c.mss));
    sendData(c, now);
    // Nothing new to send: then what may be lost too, so that no timeout has to find out.
    if (repairs) sendLost(c, c.board.highest(c.una));
  }
  if (c.unacknowledged >= 2 * c.mss || windowOpens(c)) c.acknowledge = true;
  if (c.acknowledge) sendAcknowledgment(c, now);
  else if (c.unacknowledged > 0 && c.delayedAckAt === Infinity) {
    c.delayedAckAt = now + DELAYED_ACK_MS;
    c.host.schedule(c, c.delayedAckAt);
  }
}

/** The SYN or SYN-ACK, first or again. */
export function sendSyn(c: TcpConnection, now: number): void {
  if (c.state !== SYN_SENT && c.state !== SYN_RECEIVED) return;
  const flags = c.state === SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK;
  c.nxt = c.max = (c.una + 1) | 0;
  if (c.backoff === 0) startTiming(c, c.nxt, now);
  else c.timing = false;
  c.sentAt = now;
  c.host.transmit(c, flags, c.una, 0, 0);
  startRetransmission(c, now);
}

export function sendAcknowledgment(c: TcpConnection, now: number): void {
  c.acknowledge = true;
  // Not `nxt`, which falls back after a timeout: what begins before the peer's window is not heard, and two
  // sides that both send again would never hear each other.
  if (c.host.transmit(c, TCP_ACK, c.max, 0, 0)) return;
  pushLater(c, now);
}

/** An unacceptable segment makes every peer answer with its window (RFC 9293 section 3.10.7.4). */
export function sendProbe(c: TcpConnection): void {
  c.host.transmit(c, TCP_ACK, (c.una - 1) | 0, 0, 0);
}

/** Sends the first unacknowledged segment again. */
export function retransmitFirst(c: TcpConnection): void {
  retransmit(c, 0, c.mss);
}

/** Sends at most `most` bytes from `offset` behind `una` again, and the FIN if it follows. */
function retransmit(c: TcpConnection, offset: number, most: number): boolean {
  const length = Math.min(c.mss, most, c.send.length - offset);
  const fin = c.finSent && offset + length === c.send.length;
  if (length <= 0 && !fin) return true;
  c.host.stats.retransmissions++;
  c.timing = false;
  const flags = fin ? TCP_ACK | TCP_FIN : TCP_ACK | TCP_PSH;
  return c.host.transmit(c, flags, (c.una + offset) | 0, offset, length);
}

/** Sends what is missing before `edge` again, as far as the window goes (RFC 6675 section 5, step C). */
function sendLost(c: TcpConnection, edge: number): void {
  for (let flight = inFlight(c); c.congestionWindow - flight >= c.mss;) {
    const hole = c.board.hole(after(c.repaired, c.una) ? c.repaired : c.una, edge);
    if (hole === null) return;
    const length = Math.min(c.mss, distance(hole.end, hole.start));
    if (!retransmit(c, distance(hole.start, c.una), length)) return;
    c.repaired = (hole.start + length) | 0;
    flight += length;
  }
}

/** `force`: the persist timer overrides the avoidance of small segments. */
export function sendData(c: TcpConnection, now: number, force = false): void {
  for (;;) {
    const flight = distance(c.nxt, c.una);
    const unsent = c.send.length - flight;
    if (unsent < 0 || (unsent === 0 && !c.closing)) return;
    if (flight === 0) restartAfterIdle(c, now);
    const room = Math.max(sendWindow(c) - flight, 0);
    let length = Math.min(unsent, largest(c), room);
    if (length > c.mss && length < unsent) length -= length % c.mss;
    if (length < unsent && length < c.mss) {
      // The window ends inside this segment: silly window avoidance, RFC 9293 section 3.8.6.2.1.
      const worthwhile = length > 0 && (force || 2 * length >= c.windowLargest);
      if (!worthwhile) {
        if (flight === 0) startPersist(c, now);
        return;
      }
    }
    const fin = c.closing && length === unsent;
    const flags = TCP_ACK | (length === unsent ? TCP_PSH : 0) | (fin ? TCP_FIN : 0);
    if (!c.host.transmit(c, flags, c.nxt, flight, length)) return pushLater(c, now);
    advance(c, length + (fin ? 1 : 0), now);
    if (fin) return;
  }
}

/** Payload of the largest segment: of many full ones, if others cut it. */
function largest(c: TcpConnection): number {
  if (!c.host.offload) return c.mss;
  return c.mss * Math.min(SEGMENTS_MAXIMUM, Math.floor(LARGE_PAYLOAD / c.mss));
}

function advance(c: TcpConnection, count: number, now: number): void {
  const end = (c.nxt + count) | 0;
  if (!after(c.max, c.nxt)) {
    if (!c.timing) startTiming(c, end, now);
  } else c.host.stats.retransmissions++;
  c.nxt = end;
  if (after(end, c.max)) c.max = end;
  c.sentAt = now;
  if (c.retransmitAt === Infinity || c.persisting) startRetransmission(c, now);
}

function startPersist(c: TcpConnection, now: number): void {
  if (c.persisting) return;
  c.backoff = 0;
  startRetransmission(c, now);
  c.persisting = true;
}

function pushLater(c: TcpConnection, now: number): void {
  c.pushAt = now + PUSH_MS;
  c.host.schedule(c, c.pushAt);
}

/** Bytes from RCV.NXT to the right edge that this connection would announce now. */
function receiveRoom(c: TcpConnection): number {
  const promised = distance(c.edge, c.receiveNext);
  // While there are holes every acknowledgement must look like a duplicate to the peer.
  if (c.host.pressed(c) || c.receive.holes) return promised;
  const limit = Math.min(c.receiveLimit, 0xffff << c.receiveScale);
  return Math.max(limit - c.receive.length, promised);
}

/** The reader has made room worth announcing (RFC 9293 section 3.8.6.2.2). */
function windowOpens(c: TcpConnection): boolean {
  if (c.finished || c.state === CLOSED) return false;
  const gain = receiveRoom(c) - distance(c.edge, c.receiveNext);
  return gain >= Math.max(2 * c.mss, c.receiveLimit >> 2);
}

/** The window field of the next segment; moves the announced edge. */
export function announceWindow(c: TcpConnection): number {
  if (c.state < ESTABLISHED) {
    // The window of a SYN is never scaled (RFC 7323 section 2.2).
    const window = Math.min(c.receiveLimit, 0xffff);
    c.edge = (c.receiveNext + window) | 0;
    return window;
  }
  // Rounding down seems to take a few promised bytes back; they are accepted all the same, because
  // the edge stays. Rounding up would let tiny segments push the edge on for ever.
  const field = Math.min(receiveRoom(c) >> c.receiveScale, 0xffff);
  const edge = (c.receiveNext + (field << c.receiveScale)) | 0;
  if (after(edge, c.edge)) c.edge = edge;
  return field;
}
