/*
 * What a connection sends, and when (RFC 9293 section 3.8).
 *
 * Data goes out in full segments; a shorter one only if it is the last of what is there and Nagle's rule
 * allows it. Where others cut segments, many full ones go out as one. Bytes go from the send ring behind the
 * headers of the frame that is being composed: copied, or, if nobody here has to look at them, by
 * where they lie.
 */
#include <denali.h>

#include "network.h"
#include "nic.h"
#include "socket.h"
#include "tcp_connection.h"
#include "tcp_reply.h"
#include "wire.h"

static struct tcp_connection *flush_first, **flush_last = &flush_first;

void tcp_output_later(struct tcp_connection *c) {
  if (c->flush_queued) return;
  c->flush_queued = 1;
  c->flush_next = NULL;
  *flush_last = c;
  flush_last = &c->flush_next;
}

void tcp_output_forget(struct tcp_connection *c) {
  if (!c->flush_queued) return;
  struct tcp_connection **link = &flush_first;
  while (*link != c) link = &(*link)->flush_next;
  *link = c->flush_next;
  if (flush_last == &c->flush_next) flush_last = link;
  c->flush_queued = 0;
}

void tcp_flush(void) {
  while (flush_first) {
    struct tcp_connection *c = flush_first;
    tcp_output_forget(c);
    tcp_output(c);
  }
}

/* The blocks to report, the one with the latest arrival first (RFC 2018 section 4). */
static void fill_sack(const struct tcp_connection *c, struct tcp_options *options) {
  unsigned maximum = c->timestamps ? TCP_SACK_BLOCKS - 1 : TCP_SACK_BLOCKS;
  const struct tcp_ranges *ranges = &c->out_of_order;
  for (uint32_t i = 0; i < ranges->count; i++) {
    uint32_t offset = c->recent_sequence - ranges->range[i].start;
    if (offset < ranges->range[i].end - ranges->range[i].start) {
      options->sack[options->sack_count++] = ranges->range[i];
    }
  }
  for (uint32_t i = 0; i < ranges->count && options->sack_count < maximum; i++) {
    if (options->sack_count && ranges->range[i].start == options->sack[0].start) continue;
    options->sack[options->sack_count++] = ranges->range[i];
  }
}

static size_t write_options(const struct tcp_connection *c, int with_sack) {
  int reports = with_sack && c->sack && c->out_of_order.count;
  if (!c->timestamps && !reports) return 0;
  struct tcp_options options = {.has_timestamp = c->timestamps,
                                .timestamp = (uint32_t)(network_now() / 1000),
                                .timestamp_echo = c->ts_recent};
  if (reports) fill_sack(c, &options);
  return tcp_options_write(ipv4_payload() + TCP_HEADER_BYTES, &options);
}

uint32_t tcp_payload_room(const struct tcp_connection *c) { return c->mss; }

uint32_t tcp_large_room(const struct tcp_connection *c) {
  uint32_t room = tcp_payload_room(c);
  if (!ipv4_may_leave(c->at.remote_address)) return room;
  uint32_t headers = IPV4_HEADER_BYTES + TCP_HEADER_BYTES + TCP_OPTIONS_MAXIMUM;
  uint32_t segments = (IPV4_PACKET_MAXIMUM - headers) / room;
  if (segments > DENALI_NIC_SEGMENTS_MAXIMUM) segments = DENALI_NIC_SEGMENTS_MAXIMUM;
  return segments * room;
}

/* The window field, moving the advertised edge only by steps that are worth it (silly windows). */
static uint16_t window_field(struct tcp_connection *c) {
  uint32_t edge = tcp_window_edge(c);
  uint32_t step = c->receive_limit / 2 < c->mss ? c->receive_limit / 2 : c->mss;
  if (edge - c->rcv_adv >= step) c->rcv_adv = edge;
  uint32_t window = (c->rcv_adv - c->rcv_nxt) >> c->rcv_scale;
  return (uint16_t)(window < 65535 ? window : 65535);
}

/* Puts `length` bytes of the send ring behind the headers. */
static void put_payload(const struct tcp_connection *c, uint32_t offset, uint32_t length,
                        size_t options) {
  size_t headers = TCP_HEADER_BYTES + options;
  if (length < NIC_ATTACH_MINIMUM || !ipv4_may_leave(c->at.remote_address)) {
    ring_copy(&c->send, offset, ipv4_payload() + headers, length);
    return;
  }
  for (uint32_t done = 0, piece; done < length; done += piece) {
    piece = length - done;
    const uint8_t *bytes = ring_piece(&c->send, offset + done, &piece);
    nic_attach(bytes, piece);
  }
  if (length > tcp_payload_room(c)) ipv4_leave_segmentation(headers, tcp_payload_room(c));
}

/* Sends `length` bytes of the stream from `sequence` on. */
static void transmit(struct tcp_connection *c, uint32_t sequence, uint32_t length, uint8_t flags) {
  size_t options = write_options(c, length == 0);
  put_payload(c, sequence - c->snd_una, length, options);
  c->ack_now = 0;
  c->unacknowledged = 0;
  c->delayed_ack_at = NET_NEVER;
  c->last_ack_sent = c->rcv_nxt;
  c->last_sent_at = network_now();
  tcp_transmit(&c->at, sequence, c->rcv_nxt, flags | TCP_ACK, window_field(c), options, length);
}

/* The number of a segment without data. A peer that has shrunk its window would not take one from behind
 * it, and so would miss the acknowledgement. */
static uint32_t bare_sequence(const struct tcp_connection *c) {
  uint32_t edge = c->snd_una + c->snd_wnd;
  return seq_before(edge, c->snd_max) ? edge : c->snd_max;
}

void tcp_send_ack(struct tcp_connection *c) {
  transmit(c, bare_sequence(c), 0, 0);
  tcp_reschedule(c);
}

void tcp_send_probe(struct tcp_connection *c) { transmit(c, c->snd_una - 1, 0, 0); }

void tcp_send_reset(struct tcp_connection *c) {
  if (c->state == TCP_CLOSED || c->state == TCP_SYN_SENT) return;
  network_counters.tcp_resets_out++;
  tcp_transmit(&c->at, c->snd_max, c->rcv_nxt, TCP_RST | TCP_ACK, 0, 0, 0);
}

void tcp_send_syn(struct tcp_connection *c) {
  int answer = c->state == TCP_SYN_RECEIVED;
  struct tcp_options options = {.mss = tcp_own_mss(),
                                .has_scale = !answer || c->rcv_scale,
                                .scale = c->rcv_scale,
                                .sack_permitted = !answer || c->sack,
                                .has_timestamp = !answer || c->timestamps,
                                .timestamp = (uint32_t)(network_now() / 1000),
                                .timestamp_echo = c->ts_recent};
  size_t length = tcp_options_write(ipv4_payload() + TCP_HEADER_BYTES, &options);
  uint32_t window = c->receive_limit < 65535 ? c->receive_limit : 65535;
  c->last_sent_at = network_now();
  tcp_transmit(&c->at, c->iss, c->rcv_nxt, answer ? TCP_SYN | TCP_ACK : TCP_SYN, (uint16_t)window,
               length, 0);
}

static int fin_pending(const struct tcp_connection *c) {
  return c->state == TCP_FIN_WAIT_1 || c->state == TCP_CLOSING || c->state == TCP_LAST_ACK;
}

/* Sends from `sequence` and keeps the books; a FIN goes with the last byte. */
static void send_range(struct tcp_connection *c, uint32_t sequence, uint32_t length) {
  uint32_t end = sequence + length;
  uint8_t flags = 0;
  if (end == tcp_stream_end(c)) {
    if (length) flags |= TCP_PSH;
    if (fin_pending(c)) {
      flags |= TCP_FIN;
      c->fin_sent = 1;
      end++;
    }
  }
  if (seq_before(sequence, c->snd_max)) {
    network_counters.tcp_retransmits++;
    c->timing = 0; /* Karn: what was sent twice cannot be timed */
  } else if (!c->timing) {
    c->timing = 1;
    c->timed_sequence = sequence;
  }
  transmit(c, sequence, length, flags);
  if (c->timing && c->timed_sequence == sequence) c->timed_at = c->last_sent_at;
  c->snd_max = seq_max(c->snd_max, end);
  tcp_arm_after_send(c);
}

static uint32_t minimum(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The first segment once more: what fast retransmit is about. */
static void resend_head(struct tcp_connection *c) {
  c->resend_head = 0;
  uint32_t sent = seq_min(c->snd_max, tcp_stream_end(c)) - c->snd_una;
  uint32_t length = minimum(sent, tcp_payload_room(c));
  if (c->sacked.count && c->sacked.range[0].start - c->snd_una < length) {
    length = c->sacked.range[0].start - c->snd_una;
  }
  if (length == 0 && !fin_pending(c)) return;
  send_range(c, c->snd_una, length);
  c->head_mark = c->snd_max;
  c->high_rxt = seq_max(c->high_rxt, c->snd_una + length);
}

void tcp_send_tail(struct tcp_connection *c) {
  uint32_t end = tcp_stream_end(c);
  uint32_t sent = seq_min(c->snd_max, end) - c->snd_una; /* of the data, without a FIN */
  uint32_t length = minimum(sent, tcp_payload_room(c));
  if (length || fin_pending(c)) send_range(c, c->snd_una + sent - length, length);
}

static void resend_holes(struct tcp_connection *c, int lost_only) {
  uint32_t sequence, length;
  while (tcp_recovery_pipe(c) + c->mss <= c->cwnd &&
         tcp_recovery_next(c, lost_only, &sequence, &length)) {
    uint32_t left = tcp_stream_end(c) - sequence;
    length = minimum(minimum(length, left), tcp_payload_room(c));
    if (length == 0) return;
    send_range(c, sequence, length);
    c->high_rxt = sequence + length;
  }
}

/* Bytes that congestion control lets out from snd_nxt on. */
static uint32_t congestion_room(const struct tcp_connection *c) {
  uint32_t flight = c->snd_nxt - c->snd_una;
  uint32_t window = c->cwnd;
  if (c->recovering && c->sack) {
    flight = tcp_recovery_pipe(c);
  } else if (!c->recovering && c->duplicate_acks && c->duplicate_acks < 3) {
    window += c->duplicate_acks * c->mss;
  }
  return window > flight ? window - flight : 0;
}

/* Steps over what the peer has reported by SACK (after a timeout) and returns how far it is from snd_nxt
 * to the next such range. */
static uint32_t skip_sacked(struct tcp_connection *c) {
  for (uint32_t i = 0; i < c->sacked.count; i++) {
    const struct tcp_range *range = &c->sacked.range[i];
    if (seq_before(c->snd_nxt, range->start)) return range->start - c->snd_nxt;
    if (seq_before(c->snd_nxt, range->end)) c->snd_nxt = range->end;
  }
  return UINT32_MAX;
}

/* Whether a segment that is not full may go: one at a time is under way (Nagle's rule, RFC 896, as modified
 * by Minshall: full segments before it do not hold back the short end of what was written). */
static int may_be_short(const struct tcp_connection *c) {
  return c->no_delay || c->fin_wanted || !c->short_sent || !seq_after(c->short_end, c->snd_una);
}

/* Sends the next segment at snd_nxt, if there is one and it may go; 0: there is not. */
static int send_next(struct tcp_connection *c) {
  uint32_t hole = skip_sacked(c);
  uint32_t end = tcp_stream_end(c);
  if (seq_after(c->snd_nxt, end)) return 0;
  uint32_t left = end - c->snd_nxt;
  int again = seq_before(c->snd_nxt, c->snd_max);
  if (left == 0) {
    if (!fin_pending(c) || (c->fin_sent && !again)) return 0;
    send_range(c, c->snd_nxt, 0);
    c->snd_nxt++;
    return 0;
  }
  uint32_t in_flight = c->snd_nxt - c->snd_una;
  uint32_t offered = c->snd_wnd > in_flight ? c->snd_wnd - in_flight : 0;
  uint32_t full = tcp_payload_room(c);
  uint32_t large = tcp_large_room(c);
  uint32_t length = minimum(minimum(left, large), minimum(offered, congestion_room(c)));
  length = minimum(length, hole);
  if (length == 0) return 0;
  /* More is on its way: what is cut by others is worth waiting for. */
  if (c->more && length == left && length < large && !c->send_small && !again) return 0;
  /* A short segment at the end of full ones has to pass Nagle's rule by itself. */
  if (length > full && !(length == left && may_be_short(c))) length -= length % full;
  if (again && in_flight && length < minimum(minimum(left, full), hole)) return 0;
  if (length < full && !again) {
    int last = length == left;
    if (last && !may_be_short(c)) return 0;
    if (!last && length < c->snd_wnd_max / 2 && !c->send_small) return 0;
  }
  send_range(c, c->snd_nxt, length);
  c->send_small = 0;
  c->snd_nxt += length;
  if (length % full) {
    c->short_sent = 1;
    c->short_end = c->snd_nxt;
  }
  if (c->fin_sent && c->snd_nxt == end) c->snd_nxt++;
  return 1;
}

void tcp_output(struct tcp_connection *c) {
  if (c->state < TCP_ESTABLISHED) return;
  if (c->snd_una == c->snd_max && c->send.used) tcp_congestion_begin(c);
  if (c->resend_head) resend_head(c);
  int by_sack = c->recovering && c->sack;
  if (by_sack) resend_holes(c, 1);
  while (send_next(c)) {
  }
  if (by_sack) resend_holes(c, 0);
  if (c->ack_now) transmit(c, bare_sequence(c), 0, 0);
  int waiting = c->send.used || (fin_pending(c) && !c->fin_sent);
  if (waiting && c->snd_una == c->snd_max && c->retransmit_at == NET_NEVER) {
    c->probing = 1;
    tcp_arm_retransmit(c);
  }
  tcp_reschedule(c);
}
