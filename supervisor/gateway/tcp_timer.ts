/** A deadline of a connection passed. */
import { GatewayError } from "./error.ts";
import { formatAddress } from "./ipv4.ts";
import { onTimeout } from "./tcp_congestion.ts";
import {
  CLOSED,
  ESTABLISHED,
  startRetransmission,
  SYN_RECEIVED,
  SYN_SENT,
  type TcpConnection,
  TIME_WAIT,
} from "./tcp_connection.ts";
import { output, sendAcknowledgment, sendData, sendProbe, sendSyn } from "./tcp_output.ts";

/** With the shortest RTO this gives up after 100 s (R2 of RFC 9293 section 3.8.3). */
const RETRANSMISSIONS_MAXIMUM = 9;
const SYN_ACK_MAXIMUM = 4;
const DOUBT_AFTER = 3;
const KEEPALIVE_PROBES = 5;
const KEEPALIVE_INTERVAL_MS = 15_000;
/** A peer whose window is shut must at least answer probes. */
const SILENCE_MAXIMUM_MS = 120_000;

/** Does what is due at `now`, then schedules the next deadline. */
export function deadlinePassed(c: TcpConnection, now: number): void {
  if (c.pushAt <= now) {
    c.pushAt = Infinity;
    output(c, now);
  }
  if (c.delayedAckAt <= now) {
    c.delayedAckAt = Infinity;
    sendAcknowledgment(c, now);
  }
  if (c.retransmitAt <= now) retransmissionDue(c, now);
  if (c.lingerAt <= now) lingerDue(c, now);
  if (c.state === CLOSED) return;
  c.host.schedule(c, Math.min(c.retransmitAt, c.delayedAckAt, c.pushAt, c.lingerAt));
}

function retransmissionDue(c: TcpConnection, now: number): void {
  if (c.persisting) return persist(c, now);
  const limit = c.state === SYN_RECEIVED ? SYN_ACK_MAXIMUM : RETRANSMISSIONS_MAXIMUM;
  if (c.backoff >= limit) return giveUp(c, "did not acknowledge");
  c.host.stats.timeouts++;
  if (c.state === SYN_SENT || c.state === SYN_RECEIVED) {
    c.backoff++;
    return sendSyn(c, now);
  }
  onTimeout(c);
  c.backoff++;
  startRetransmission(c, now);
  if (c.backoff >= DOUBT_AFTER) c.host.doubtNeighbour(c);
  sendData(c, now, true);
}

function persist(c: TcpConnection, now: number): void {
  if (now - c.heardAt > SILENCE_MAXIMUM_MS) return giveUp(c, "shut its window and fell silent");
  const backoff = c.backoff + 1;
  if (c.window > 0) sendData(c, now, true);
  else sendProbe(c);
  if (!c.persisting) return;
  c.backoff = Math.min(backoff, 8);
  startRetransmission(c, now);
  c.persisting = true;
}

function lingerDue(c: TcpConnection, now: number): void {
  c.lingerAt = Infinity;
  if (c.state === TIME_WAIT) return c.host.release(c, null);
  if (c.state === SYN_SENT) return giveUp(c, "did not answer the SYN in time");
  if (c.state < ESTABLISHED) return;
  if (c.orphaned) return c.host.abort(c);
  const due = c.heardAt + c.host.limits.keepAliveMs;
  if (due > now) {
    c.lingerAt = due;
  } else if (c.probes >= KEEPALIVE_PROBES) {
    giveUp(c, "did not answer keep-alive probes");
  } else {
    c.probes++;
    sendProbe(c);
    c.lingerAt = now + KEEPALIVE_INTERVAL_MS;
  }
}

function giveUp(c: TcpConnection, what: string): void {
  const where = `${formatAddress(c.remoteAddress)} port ${c.remotePort}`;
  c.host.release(c, new GatewayError("timeout", `${where} ${what}`));
}
