/* What an acceptable segment acknowledges, and the window it offers (RFC 9293 section 3.10.7.4). */
#include "network.h"
#include "socket.h"
#include "tcp_connection.h"
#include "wire.h"

#define ORPHAN_PATIENCE_US (60 * 1000000ull)

/* Whether the peer has reported something new by SACK. */
static int take_sack(struct tcp_connection *c, const struct tcp_segment *segment) {
  if (!c->sack) return 0;
  int news = 0;
  uint32_t base = seq_max(segment->acknowledgement, c->snd_una);
  for (unsigned i = 0; i < segment->options.sack_count; i++) {
    struct tcp_range block = segment->options.sack[i];
    if (!seq_before(block.start, block.end) || seq_before(block.start, base) ||
        seq_after(block.end, c->snd_max) || tcp_ranges_contain(&c->sacked, block.start, block.end)) {
      continue;
    }
    news |= tcp_ranges_add(&c->sacked, block.start, block.end);
  }
  return news;
}

/* Whether the window changed. It is also taken whenever more is acknowledged: what is sent again has old numbers, and
 * a window that stayed as it was while snd_una moves would reach beyond what was offered. */
static int take_window(struct tcp_connection *c, const struct tcp_segment *segment) {
  int older = seq_after(c->snd_wl1, segment->sequence) ||
              (c->snd_wl1 == segment->sequence && seq_after(c->snd_wl2, segment->acknowledgement));
  if (older && !seq_after(segment->acknowledgement, c->snd_una)) return 0;
  uint32_t window = (uint32_t)segment->window << c->snd_scale;
  int changed = window != c->snd_wnd;
  c->snd_wnd = window;
  c->snd_wl1 = segment->sequence;
  c->snd_wl2 = segment->acknowledgement;
  if (window > c->snd_wnd_max) c->snd_wnd_max = window;
  if (c->probing && window) {
    c->probing = 0;
    c->retries = 0;
    c->retransmit_at = NET_NEVER;
  }
  return changed;
}

static void measure(struct tcp_connection *c, const struct tcp_segment *segment) {
  uint64_t now = network_now();
  if (c->timing) {
    if (!seq_after(segment->acknowledgement, c->timed_sequence)) return;
    c->timing = 0;
    tcp_rtt_sample(c, (uint32_t)(now - c->timed_at));
  } else if (c->timestamps && segment->options.has_timestamp && segment->options.timestamp_echo) {
    uint32_t elapsed = (uint32_t)(now / 1000) - segment->options.timestamp_echo;
    if (elapsed < 60000) tcp_rtt_sample(c, elapsed * 1000);
  }
}

/* Our FIN was acknowledged; 0: the connection is gone. */
static int fin_acknowledged(struct tcp_connection *c) {
  switch (c->state) {
    case TCP_FIN_WAIT_1:
      c->state = TCP_FIN_WAIT_2;
      return 1;
    case TCP_CLOSING:
      tcp_enter_time_wait(c);
      return 0;
    case TCP_LAST_ACK:
      tcp_drop(c, 0);
      return 0;
    default:
      return 1;
  }
}

static int advance(struct tcp_connection *c, const struct tcp_segment *segment) {
  uint32_t flight = c->snd_max - c->snd_una;
  uint32_t acked = segment->acknowledgement - c->snd_una;
  uint32_t bytes = acked < c->send.used ? acked : c->send.used;
  measure(c, segment);
  ring_drop(&c->send, bytes, 0);
  c->snd_una += acked;
  c->snd_nxt = seq_max(c->snd_nxt, c->snd_una);
  tcp_ranges_trim(&c->sacked, c->snd_una);
  c->high_rxt = seq_max(c->high_rxt, c->snd_una);
  c->retries = 0;
  tcp_congestion_acked(c, acked, flight);
  if (c->orphaned) c->linger_at = network_now() + ORPHAN_PATIENCE_US;
  if (c->snd_una == c->snd_max) {
    c->retransmit_at = NET_NEVER;
  } else {
    tcp_arm_retransmit(c);
  }
  if (tcp_writable(c)) tcp_notify(c, FILE_WRITABLE);
  return acked == bytes || fin_acknowledged(c);
}

int tcp_acknowledge(struct tcp_connection *c, const struct tcp_segment *segment) {
  uint32_t acknowledgement = segment->acknowledgement;
  if (seq_after(acknowledgement, c->snd_max) ||
      seq_before(acknowledgement, c->snd_una - c->snd_wnd_max)) {
    if (tcp_may_challenge()) tcp_send_ack(c);
    return 0;
  }
  int sack_news = take_sack(c, segment);
  int window_changed = take_window(c, segment);
  if (seq_after(acknowledgement, c->snd_una)) return advance(c, segment);
  if (sack_news) tcp_congestion_check_head(c);
  if (acknowledgement == c->snd_una && c->snd_una != c->snd_max) {
    int duplicate = segment->length == 0 && !(segment->flags & TCP_FIN) && !window_changed;
    if (sack_news || (!c->sack && duplicate)) tcp_congestion_duplicate(c, sack_news);
  }
  return 1;
}
