/** The retransmission timeout (RFC 6298), from one timed segment per window (Karn's algorithm). */
import { type TcpConnection } from "./tcp_connection.ts";
import { before } from "./tcp_sequence.ts";

/** Like every current stack: RFC 6298's 1 s floor dates from 500 ms clocks. */
const RTO_MINIMUM = 200;
const RTO_MAXIMUM = 60_000;
const CLOCK_GRANULARITY = 1;

export function startTiming(c: TcpConnection, end: number, now: number): void {
  c.timing = true;
  c.timedSequence = end;
  c.timedAt = now;
}

export function measureRoundTrip(c: TcpConnection, acknowledgment: number, now: number): void {
  if (!c.timing || before(acknowledgment, c.timedSequence)) return;
  c.timing = false;
  const sample = Math.max(now - c.timedAt, 0);
  if (c.srtt === 0) {
    c.srtt = Math.max(sample, 0.001);
    c.variation = sample / 2;
  } else {
    c.variation += (Math.abs(c.srtt - sample) - c.variation) / 4;
    c.srtt += (sample - c.srtt) / 8;
  }
  const rto = c.srtt + Math.max(CLOCK_GRANULARITY, 4 * c.variation);
  c.rto = Math.min(Math.max(rto, RTO_MINIMUM), RTO_MAXIMUM);
}
