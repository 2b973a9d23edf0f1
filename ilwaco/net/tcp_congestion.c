/*
 * Congestion control: NewReno (RFC 5681, RFC 6582), with SACK-based recovery (RFC 6675) where the
 * peer can do it, an initial window of ten segments (RFC 6928) and limited transmit (RFC 3042).
 *
 * Why not CUBIC: it differs from NewReno only where the product of bandwidth and delay is large, and the
 * links of a VM are a switch in memory or a TAP device with less than a millisecond of delay.
 *
 * A window outlasts five minutes of silence (RFC 7661), not one retransmission timeout as in RFC 5681:
 * among ten thousand servers each is asked so rarely that it would begin anew with every request, in
 * twice the turns. A window that was not used does not grow, and a loss counts from what was in flight.
 *
 * A timeout costs 200 ms, hundreds of round trips here, so two losses which fast retransmit alone does
 * not see are caught before: that of the last segments (tail loss probe, RFC 8985 section 7) and that of a
 * segment which was sent again (something sent later was reported, as in RACK).
 */
#include "network.h"
#include "tcp_connection.h"

enum { DUPLICATES_MEAN_LOSS = 3 };

/* After so long a silence the window says nothing any more: RFC 7661's non-validated period. */
#define WINDOW_LASTS_US (5 * 60 * 1000000ull)

void tcp_congestion_start(struct tcp_connection *c) {
  c->cwnd = 10u * c->mss;
  c->ssthresh = UINT32_MAX;
  c->recover = c->snd_una;
}

void tcp_congestion_begin(struct tcp_connection *c) {
  if (network_now() - c->last_sent_at <= WINDOW_LASTS_US) return;
  if (c->cwnd > 10u * c->mss) c->cwnd = 10u * c->mss;
}

static uint32_t half_of_flight(const struct tcp_connection *c) {
  uint32_t half = (c->snd_max - c->snd_una) / 2;
  return half > 2u * c->mss ? half : 2u * c->mss;
}

static void grow(struct tcp_connection *c, uint32_t acked) {
  if (c->cwnd < c->ssthresh) {
    /* RFC 3465: what is acknowledged at once, up to two segments, or what was sent at once if that is more. */
    uint32_t limit = tcp_large_room(c) > 2u * c->mss ? tcp_large_room(c) : 2u * c->mss;
    c->cwnd += acked < limit ? acked : limit;
  } else {
    c->bytes_acked += acked;
    if (c->bytes_acked < c->cwnd) return;
    c->bytes_acked -= c->cwnd;
    c->cwnd += c->mss;
  }
  if (c->cwnd > 1u << 24) c->cwnd = 1u << 24;
}

/* A new first segment: how long ago it was sent again is not known, so its time starts now. */
static void move_head(struct tcp_connection *c) { c->head_mark = c->snd_max; }

void tcp_congestion_check_head(struct tcp_connection *c) {
  if (!c->recovering || !c->sacked.count || !seq_after(c->high_rxt, c->snd_una)) return;
  if (seq_after(c->sacked.range[c->sacked.count - 1].end, c->head_mark)) c->resend_head = 1;
}

void tcp_congestion_acked(struct tcp_connection *c, uint32_t acked, uint32_t flight_before) {
  c->duplicate_acks = 0;
  c->tail_probed = 0;
  move_head(c);
  if (!c->recovering) {
    if (flight_before * 2 >= c->cwnd) grow(c, acked); /* only a window that is used proves itself */
  } else if (!seq_before(c->snd_una, c->recover)) {
    uint32_t flight = c->snd_max - c->snd_una + c->mss;
    c->recovering = 0;
    c->cwnd = flight < c->ssthresh ? flight : c->ssthresh;
    if (c->cwnd < 2u * c->mss) c->cwnd = 2u * c->mss;
  } else if (!c->sack) {
    c->cwnd = c->cwnd > acked ? c->cwnd - acked : c->mss;
    if (acked >= c->mss) c->cwnd += c->mss;
    c->resend_head = 1;
  }
}

static uint32_t sacked_bytes(const struct tcp_connection *c) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i < c->sacked.count; i++) {
    sum += c->sacked.range[i].end - c->sacked.range[i].start;
  }
  return sum;
}

void tcp_congestion_duplicate(struct tcp_connection *c, int sack_news) {
  if (c->recovering) {
    if (!c->sack) c->cwnd += c->mss;
    return;
  }
  if (c->duplicate_acks < 255) c->duplicate_acks++;
  int lost = c->duplicate_acks >= DUPLICATES_MEAN_LOSS || (sack_news && c->tail_probed) ||
             (sack_news && sacked_bytes(c) > (DUPLICATES_MEAN_LOSS - 1) * c->mss);
  /* Without SACK, what was needlessly sent again after a timeout looks like a loss (RFC 6582 section 4). */
  if (!lost || (!c->sack && seq_before(c->snd_una, c->recover))) return;
  network_counters.tcp_fast_retransmits++;
  c->recovering = 1;
  c->recover = c->snd_max;
  c->ssthresh = half_of_flight(c);
  c->cwnd = c->sack ? c->ssthresh : c->ssthresh + DUPLICATES_MEAN_LOSS * c->mss;
  c->bytes_acked = 0;
  c->high_rxt = c->snd_una;
  c->resend_head = 1;
}

void tcp_congestion_timeout(struct tcp_connection *c) {
  if (c->retries == 0) c->ssthresh = half_of_flight(c);
  /* A peer may take back what it reported (RFC 2018 section 8): do not trust it for ever. */
  if (c->retries > 0) c->sacked.count = 0;
  c->cwnd = c->mss;
  c->bytes_acked = 0;
  c->duplicate_acks = 0;
  c->recovering = 0;
  c->tail_probed = 0;
  c->recover = c->snd_max;
  c->snd_nxt = c->snd_una;
}

/* Below it, what the peer has not reported is lost (IsLost of RFC 6675 section 4): three ranges above it
 * were reported, or more than two segments. */
static uint32_t loss_edge(const struct tcp_connection *c) {
  uint32_t bytes = 0;
  for (uint32_t i = c->sacked.count, ranges = 1; i-- > 0; ranges++) {
    const struct tcp_range *range = &c->sacked.range[i];
    bytes += range->end - range->start;
    if (ranges >= DUPLICATES_MEAN_LOSS || bytes > (DUPLICATES_MEAN_LOSS - 1u) * c->mss) {
      return range->start;
    }
  }
  return c->snd_una;
}

int tcp_recovery_next(const struct tcp_connection *c, int lost_only, uint32_t *sequence,
                      uint32_t *length) {
  uint32_t at = seq_max(c->high_rxt, c->snd_una), edge = loss_edge(c);
  for (uint32_t i = 0; i < c->sacked.count; i++) {
    const struct tcp_range *range = &c->sacked.range[i];
    if (lost_only && !seq_before(at, edge)) return 0;
    if (seq_before(at, range->start)) {
      *sequence = at;
      *length = range->start - at;
      return 1;
    }
    at = seq_max(at, range->end);
  }
  return 0;
}

/* SetPipe of RFC 6675 section 4: what was not reported is in flight once if it is not lost, and once if
 * it was sent again. */
uint32_t tcp_recovery_pipe(const struct tcp_connection *c) {
  uint32_t at = c->snd_una, pipe = 0, edge = loss_edge(c);
  for (uint32_t i = 0; i <= c->sacked.count; i++) {
    uint32_t end = i < c->sacked.count ? c->sacked.range[i].start : c->snd_max;
    uint32_t alive = seq_max(at, edge), again = seq_min(end, c->high_rxt);
    if (seq_before(alive, end)) pipe += end - alive;
    if (seq_before(at, again)) pipe += again - at;
    if (i < c->sacked.count) at = c->sacked.range[i].end;
  }
  return pipe;
}
