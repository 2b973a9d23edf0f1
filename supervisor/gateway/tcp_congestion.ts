/**
 * How much may be in flight: slow start and congestion avoidance (RFC 5681), NewReno fast recovery
 * (RFC 6582) or, with a peer that knows selective acknowledgements, RFC 6675's; limited transmit (RFC 3042),
 * initial window of ten segments (RFC 6928).
 *
 * The link is virtual but loses frames all the same: a VM's receive queue is bounded, and a VM that
 * does not run does not drain it.
 */
import { type TcpConnection } from "./tcp_connection.ts";
import { before, distance } from "./tcp_sequence.ts";

const INITIAL_SEGMENTS = 10;
const WINDOW_MAXIMUM = 1 << 20;
const DUPLICATES_FOR_LOSS = 3;

export function startCongestion(c: TcpConnection): void {
  c.congestionWindow = INITIAL_SEGMENTS * c.mss;
  c.recover = c.una;
}

/** Bytes that may be in flight now. */
export function sendWindow(c: TcpConnection): number {
  if (c.recovering && c.selective) {
    const free = Math.max(c.congestionWindow - inFlight(c), 0);
    return Math.min(c.window, distance(c.nxt, c.una) + free);
  }
  const limited = c.recovering ? 0 : Math.min(c.duplicates, 2) * c.mss;
  return Math.min(c.window, c.congestionWindow + limited);
}

/** Bytes that are on the link, as far as is known: `pipe` of RFC 6675 section 4. */
export function inFlight(c: TcpConnection): number {
  const { board, una } = c;
  const lost = board.lostBefore(una, c.mss);
  const unheard = distance(c.max, una) - board.bytes;
  return unheard - board.missing(una, lost) + board.missing(una, c.repaired);
}

/** After silence longer than the RTO the old window says nothing (RFC 5681 section 4.1). */
export function restartAfterIdle(c: TcpConnection, now: number): void {
  if (now - c.sentAt <= c.rto) return;
  c.congestionWindow = Math.min(c.congestionWindow, INITIAL_SEGMENTS * c.mss);
}

/** `una` has moved by `bytes`. True: the segment now at `una` is lost too, send it again. */
export function onAcknowledged(c: TcpConnection, bytes: number): boolean {
  if (c.recovering) {
    const flight = distance(c.max, c.una);
    if (before(c.una, c.recover)) {
      if (c.selective) return false;
      c.congestionWindow = Math.max(c.congestionWindow - bytes + c.mss, c.mss);
      return true;
    }
    c.recovering = false;
    c.duplicates = 0;
    c.congestionWindow = Math.min(c.threshold, Math.max(flight, c.mss) + c.mss);
    return false;
  }
  c.duplicates = 0;
  if (c.congestionWindow < c.threshold) c.congestionWindow += bytes;
  else {
    c.credit += bytes;
    if (c.credit >= c.congestionWindow) {
      c.credit = 0;
      c.congestionWindow += c.mss;
    }
  }
  c.congestionWindow = Math.min(c.congestionWindow, WINDOW_MAXIMUM);
  return false;
}

/** A duplicate acknowledgement. True: enough of them, send the segment at `una` again. */
export function onDuplicate(c: TcpConnection): boolean {
  c.duplicates++;
  if (c.recovering) {
    if (!c.selective) c.congestionWindow += c.mss;
    return false;
  }
  return c.duplicates >= DUPLICATES_FOR_LOSS ? beginRecovery(c) : lossIsKnown(c);
}

/** The peer has enough of what lies behind a hole. True: send the segment at `una` again. */
export function lossIsKnown(c: TcpConnection): boolean {
  if (c.recovering || c.board.bytes === 0) return false;
  return c.board.lostBefore(c.una, c.mss) !== c.una && beginRecovery(c);
}

function beginRecovery(c: TcpConnection): boolean {
  if (before(c.una, c.recover)) return false;
  c.threshold = Math.max(distance(c.max, c.una) / 2, 2 * c.mss) | 0;
  c.recover = c.max;
  c.recovering = true;
  c.repaired = (c.una + c.mss) | 0;
  c.congestionWindow = c.threshold + (c.selective ? 0 : DUPLICATES_FOR_LOSS * c.mss);
  return true;
}

/** The retransmission timer expired: everything in flight counts as lost (RFC 5681 section 3.1). */
export function onTimeout(c: TcpConnection): void {
  if (c.backoff === 0) c.threshold = Math.max(distance(c.max, c.una) / 2, 2 * c.mss) | 0;
  c.congestionWindow = c.mss;
  c.credit = 0;
  c.duplicates = 0;
  c.recovering = false;
  c.board.clear();
  c.recover = c.max;
  c.timing = false;
  c.nxt = c.una;
}
