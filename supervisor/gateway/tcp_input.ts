/** A segment arrived for a connection: RFC 9293 section 3.10.7, in its order. */
import { GatewayError } from "./error.ts";
import { formatAddress } from "./ipv4.ts";
import { lossIsKnown, onAcknowledged, onDuplicate, startCongestion } from "./tcp_congestion.ts";
import {
  CLOSE_WAIT,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  startRetransmission,
  stopRetransmission,
  SYN_RECEIVED,
  SYN_SENT,
  type TcpConnection,
  TIME_WAIT,
} from "./tcp_connection.ts";
import { retransmitFirst, sendAcknowledgment, sendSyn } from "./tcp_output.ts";
import { measureRoundTrip } from "./tcp_rtt.ts";
import {
  MSS,
  MSS_DEFAULT,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "./tcp_segment.ts";
import { after, before, distance } from "./tcp_sequence.ts";

/** `frame` holds the payload at `segment.payload`. */
export function segmentArrives(
  c: TcpConnection,
  segment: Segment,
  frame: Uint8Array,
  now: number,
): void {
  c.heardAt = now;
  c.probes = 0;
  if (c.state === SYN_SENT) return inSynSent(c, segment, now);
  if (!acceptable(c, segment)) {
    if ((segment.flags & TCP_RST) !== 0) return;
    c.host.stats.duplicates++;
    acknowledgeNow(c);
    if (c.state === TIME_WAIT && (segment.flags & TCP_FIN) !== 0) c.host.enterTimeWait(c);
    // A full receive window must not deafen us to acknowledgements, nor the SYN that comes again
    // with the acknowledgement when both sides open at once.
    const heard = segment.sequence === c.receiveNext || c.state === SYN_RECEIVED;
    if (heard && (segment.flags & TCP_ACK) !== 0) acceptAcknowledgment(c, segment, now);
    return;
  }
  if ((segment.flags & TCP_RST) !== 0) return onReset(c, segment);
  if ((segment.flags & TCP_SYN) !== 0) return acknowledgeNow(c); // RFC 5961 section 4
  if ((segment.flags & TCP_ACK) === 0) return;
  if (!acceptAcknowledgment(c, segment, now)) return;
  acceptPayload(c, segment, frame, now);
  acceptFin(c);
}

/** Takes what a SYN announces. */
export function acceptSyn(c: TcpConnection, segment: Segment): void {
  c.receiveNext = (segment.sequence + 1) | 0;
  c.mss = Math.min(segment.mss === 0 ? MSS_DEFAULT : segment.mss, MSS);
  c.selective = segment.selective;
  if (segment.scale >= 0) c.sendScale = segment.scale;
  else c.receiveScale = 0;
  c.window = c.windowLargest = segment.window;
  c.windowSequence = segment.sequence;
  c.windowAcknowledgment = segment.acknowledgment;
  c.edge = (c.receiveNext + Math.min(c.receiveLimit, 0xffff)) | 0;
  startCongestion(c);
}

function inSynSent(c: TcpConnection, segment: Segment, now: number): void {
  const { flags } = segment;
  const acknowledged = (flags & TCP_ACK) !== 0;
  if (acknowledged && segment.acknowledgment !== c.max) {
    if ((flags & TCP_RST) === 0) c.host.transmit(c, TCP_RST, segment.acknowledgment, 0, 0);
    return;
  }
  if ((flags & TCP_RST) !== 0) {
    if (!acknowledged) return;
    c.host.stats.resetsIn++;
    const where = `${formatAddress(c.remoteAddress)} port ${c.remotePort}`;
    return c.host.release(c, new GatewayError("refused", `${where} refused the connection`));
  }
  if ((flags & TCP_SYN) === 0) return;
  acceptSyn(c, segment);
  if (!acknowledged) {
    // Both sides opened at once: RFC 9293 figure 8.
    c.state = SYN_RECEIVED;
    c.backoff = 0;
    return sendSyn(c, now);
  }
  c.una = segment.acknowledgment;
  establish(c, now);
  c.acknowledge = true;
}

function establish(c: TcpConnection, now: number): void {
  measureRoundTrip(c, c.una, now);
  stopRetransmission(c);
  c.state = ESTABLISHED;
  c.recover = c.una;
  c.host.established(c);
  c.host.touch(c);
}

/** Does any of the segment lie in the window? Cuts it to what does. */
function acceptable(c: TcpConnection, segment: Segment): boolean {
  const room = distance(c.edge, c.receiveNext);
  let ahead = distance(segment.sequence, c.receiveNext);
  const occupied = segment.length + (segment.flags & TCP_FIN) + ((segment.flags & TCP_SYN) >> 1);
  if (occupied === 0) return ahead >= 0 && ahead <= room;
  if (room === 0 || ahead >= room || ahead + occupied <= 0) return false;
  if (ahead < 0) {
    segment.flags &= ~TCP_SYN;
    segment.sequence = c.receiveNext;
    const skip = Math.min(-ahead, segment.length);
    segment.payload += skip;
    segment.length -= skip;
    c.host.stats.duplicates++;
    ahead = 0;
    acknowledgeNow(c);
  }
  if (ahead + segment.length > room) {
    segment.length = room - ahead;
    segment.flags &= ~TCP_FIN;
  }
  return true;
}

/** A reset at exactly RCV.NXT is genuine; elsewhere it is challenged (RFC 5961 section 3). */
function onReset(c: TcpConnection, segment: Segment): void {
  if (segment.sequence !== c.receiveNext) return acknowledgeNow(c);
  if (c.state === TIME_WAIT) return; // RFC 1337
  c.host.stats.resetsIn++;
  const where = `${formatAddress(c.remoteAddress)} port ${c.remotePort}`;
  c.host.release(c, new GatewayError("reset", `${where} reset the connection`));
}

/** False: the segment must not be processed further. */
function acceptAcknowledgment(c: TcpConnection, segment: Segment, now: number): boolean {
  const acknowledgment = segment.acknowledgment;
  if (c.state === SYN_RECEIVED) {
    if (acknowledgment !== c.max) {
      c.host.transmit(c, TCP_RST, acknowledgment, 0, 0);
      return false;
    }
    c.una = acknowledgment;
    c.window = c.windowLargest = segment.window << c.sendScale;
    c.windowSequence = segment.sequence;
    c.windowAcknowledgment = acknowledgment;
    establish(c, now);
    return true;
  }
  if (after(acknowledgment, c.max)) {
    acknowledgeNow(c);
    return false;
  }
  if (before(acknowledgment, c.una)) return true;
  const offered = segment.window << c.sendScale;
  const duplicate = acknowledgment === c.una && segment.length === 0 && offered === c.window &&
    (segment.flags & TCP_FIN) === 0 && c.max !== c.una;
  updateWindow(c, segment, offered);
  for (let block = 0; c.selective && block < segment.blockCount; block++) {
    c.board.add(segment.blocks[2 * block], segment.blocks[2 * block + 1], c.una, c.max);
  }
  if (c.window > 0 && (duplicate ? onDuplicate(c) : lossIsKnown(c))) {
    c.host.stats.fastRetransmissions++;
    retransmitFirst(c);
  }
  if (acknowledgment !== c.una) advanceUna(c, acknowledgment, now);
  c.host.touch(c);
  return true;
}

/**
 * RFC 9293, 3.10.7.4, and also whenever more is acknowledged: what is sent again has old numbers, and a window that
 * stayed as it was while `una` moves would reach beyond what was offered.
 */
function updateWindow(c: TcpConnection, segment: Segment, offered: number): void {
  const newer = after(segment.acknowledgment, c.una) ||
    before(c.windowSequence, segment.sequence) ||
    (c.windowSequence === segment.sequence &&
      !after(c.windowAcknowledgment, segment.acknowledgment));
  if (!newer) return;
  c.window = offered;
  if (offered > c.windowLargest) c.windowLargest = offered;
  c.windowSequence = segment.sequence;
  c.windowAcknowledgment = segment.acknowledgment;
  if (c.persisting && offered > 0) stopRetransmission(c);
}

function advanceUna(c: TcpConnection, acknowledgment: number, now: number): void {
  const bytes = distance(acknowledgment, c.una);
  const finAcknowledged = bytes > c.send.length;
  measureRoundTrip(c, acknowledgment, now);
  c.send.discard(Math.min(bytes, c.send.length));
  c.una = acknowledgment;
  c.board.discard(acknowledgment);
  if (before(c.nxt, c.una)) c.nxt = c.una;
  c.backoff = 0;
  if (c.una === c.max) stopRetransmission(c);
  else startRetransmission(c, now);
  if (onAcknowledged(c, bytes)) retransmitFirst(c);
  if (!finAcknowledged) return;
  if (c.state === FIN_WAIT_1) c.state = FIN_WAIT_2;
  else if (c.state === CLOSING) c.host.enterTimeWait(c);
  else if (c.state === LAST_ACK) c.host.release(c, null);
}

function acceptPayload(c: TcpConnection, segment: Segment, frame: Uint8Array, now: number): void {
  if ((segment.flags & TCP_FIN) !== 0 && !c.finKnown) {
    c.finKnown = true;
    c.finAt = (segment.sequence + segment.length) | 0;
  }
  if (segment.length === 0 || c.finished || c.state < ESTABLISHED) return;
  if (c.orphaned) return c.host.abort(c);
  if (segment.sequence !== c.receiveNext) {
    c.host.stats.outOfOrder++;
    const held = c.receive.held;
    c.receive.hold(segment.sequence, frame, segment.payload, segment.length, c.receiveLimit);
    c.host.hold(c, c.receive.held - held);
    // At once, not once per batch: the peer counts these to see a loss (RFC 5681 section 4.2).
    return sendAcknowledgment(c, now);
  }
  const { held } = c.receive;
  c.receive.push(frame, segment.payload, segment.length);
  c.receiveNext = (c.receiveNext + segment.length) | 0;
  c.unacknowledged += segment.length;
  if (c.receive.holes) {
    c.receiveNext = c.receive.join(c.receiveNext);
    c.acknowledge = true;
  }
  c.host.hold(c, c.receive.held - held);
  c.host.touch(c);
}

function acceptFin(c: TcpConnection): void {
  if (!c.finKnown || c.finished || before(c.receiveNext, c.finAt)) return;
  c.receiveNext = (c.receiveNext + 1) | 0;
  c.finished = true;
  c.host.hold(c, -c.receive.early);
  c.receive.forgetEarly();
  acknowledgeNow(c);
  if (c.state === ESTABLISHED) c.state = CLOSE_WAIT;
  else if (c.state === FIN_WAIT_1) c.state = CLOSING;
  else if (c.state === FIN_WAIT_2) c.host.enterTimeWait(c);
}

function acknowledgeNow(c: TcpConnection): void {
  c.acknowledge = true;
  c.host.touch(c);
}
