/*
 * A segment arrives: RFC 9293 section 3.10.7, with the checks of RFC 5961 against forged segments.
 *
 * Order of the checks: timestamp (PAWS), sequence, RST, SYN, ACK, then tcp_acknowledge.c and
 * tcp_receive.c. What goes out in answer is mostly decided at the end of a batch of frames
 * (tcp_output_later), so that one acknowledgement covers many segments.
 */
#include <errno.h>

#include "checksum.h"
#include "network.h"
#include "socket.h"
#include "tcp_connection.h"
#include "tcp_reply.h"
#include "wire.h"

enum { CHALLENGES_LEAST = 500, CHALLENGES_SPREAD = 1000 };
enum { PAWS_LIFETIME_S = 24 * 24 * 3600 };

int tcp_start(void) { return 1; }

int tcp_may_challenge(void) {
  static uint64_t second;
  static unsigned left; /* a limit that others could count on would tell them of connections (RFC 9293
                           section 3.10.7.4 refers to CVE-2016-5696) */
  uint64_t now = network_now();
  if (now - second >= 1000000) {
    second = now;
    left = CHALLENGES_LEAST + ilwaco_random32() % CHALLENGES_SPREAD;
  }
  network_counters.tcp_challenge_acks++;
  if (left == 0) return 0;
  left--;
  return 1;
}

void tcp_input(const struct ipv4_packet *packet) {
  struct tcp_segment segment;
  if (packet->broadcast) {
    network_counters.dropped_address++;
    return;
  }
  uint32_t sum =
      checksum_pseudo(packet->source, packet->destination, 6, (uint32_t)packet->length);
  if (!packet->checked &&
      checksum_finish(checksum_add(sum, packet->payload, packet->length)) != 0) {
    network_counters.dropped_checksum++;
    return;
  }
  if (!tcp_segment_parse(packet->payload, packet->length, &segment)) {
    network_counters.dropped_length++;
    return;
  }
  const struct tcp_header *header = (const struct tcp_header *)packet->payload;
  struct tcp_endpoints at = {packet->destination, packet->source, header->destination,
                             header->source};
  struct tcp_connection *c = tcp_table_find(&at);
  if (c) {
    tcp_segment_arrives(c, &segment);
    return;
  }
  if (tcp_time_wait_input(&at, &segment)) return;
  struct tcp_listener *listener = tcp_listener_find(at.local_address, at.local_port);
  if (listener) {
    tcp_listener_input(listener, &at, &segment);
  } else {
    network_counters.dropped_port++;
    tcp_reply_reset(&at, &segment);
  }
}

static uint32_t seconds(void) { return (uint32_t)(network_now() / 1000000); }

/* Takes the options of the peer's SYN. */
static void negotiate(struct tcp_connection *c, const struct tcp_options *options) {
  if (options->has_scale) {
    c->snd_scale = options->scale;
  } else {
    c->rcv_scale = 0;
  }
  c->sack = options->sack_permitted;
  c->timestamps = options->has_timestamp;
  c->ts_recent = options->timestamp;
  c->ts_recent_at = seconds();
  tcp_take_mss(c, options->mss ? options->mss : TCP_MSS_DEFAULT);
}

static void establish(struct tcp_connection *c, const struct tcp_segment *segment) {
  c->state = TCP_ESTABLISHED;
  c->snd_una = c->iss + 1;
  if (c->retries == 0) tcp_rtt_sample(c, (uint32_t)(network_now() - c->last_sent_at));
  c->retries = 0;
  c->retransmit_at = NET_NEVER;
  c->snd_wl1 = segment->sequence;
  c->snd_wl2 = segment->acknowledgement;
  /* The window of a SYN is never scaled. */
  c->snd_wnd = (uint32_t)segment->window << (segment->flags & TCP_SYN ? 0 : c->snd_scale);
  c->snd_wnd_max = c->snd_wnd;
  tcp_congestion_start(c);
  tcp_keepalive_reset(c);
  tcp_notify(c, FILE_ANY);
}

static void in_syn_sent(struct tcp_connection *c, const struct tcp_segment *segment) {
  int acknowledged = (segment->flags & TCP_ACK) && segment->acknowledgement == c->iss + 1;
  if ((segment->flags & TCP_ACK) && !acknowledged) {
    tcp_reply_reset(&c->at, segment);
    return;
  }
  if (segment->flags & TCP_RST) {
    if (acknowledged) {
      network_counters.tcp_resets_in++;
      tcp_drop(c, ECONNREFUSED);
    }
    return;
  }
  if (!(segment->flags & TCP_SYN)) return;
  c->last_received_at = network_now();
  c->irs = segment->sequence;
  c->rcv_nxt = c->last_ack_sent = segment->sequence + 1;
  c->rcv_adv = c->rcv_nxt + (c->receive_limit < 65535 ? c->receive_limit : 65535);
  negotiate(c, &segment->options);
  if (acknowledged) {
    establish(c, segment);
    tcp_send_ack(c);
  } else {
    c->state = TCP_SYN_RECEIVED;
    tcp_send_syn(c);
  }
  tcp_reschedule(c);
}

/* Protection against wrapped sequence numbers (RFC 7323 section 5). */
static int is_stale(const struct tcp_connection *c, const struct tcp_segment *segment) {
  return c->timestamps && segment->options.has_timestamp && !(segment->flags & TCP_RST) &&
         seq_before(segment->options.timestamp, c->ts_recent) &&
         seconds() - c->ts_recent_at < PAWS_LIFETIME_S;
}

static int is_acceptable(const struct tcp_connection *c, const struct tcp_segment *segment) {
  uint32_t sequence = segment->sequence;
  uint32_t end = sequence + tcp_segment_span(segment);
  if (sequence == c->rcv_nxt) return 1; /* also into a closed window: for its ACK or RST */
  if (end == sequence) {
    /* RFC 9293, 3.10.7.4: a peer that had sent before the window closed acknowledges from beyond it. */
    if (c->rcv_adv == c->rcv_nxt && !(segment->flags & (TCP_RST | TCP_SYN))) return 1;
    return !seq_before(sequence, c->rcv_nxt) && !seq_after(sequence, c->rcv_adv);
  }
  return seq_before(sequence, c->rcv_adv) && seq_after(end, c->rcv_nxt);
}

static void refuse(struct tcp_connection *c, const struct tcp_segment *segment) {
  if (segment->flags & TCP_RST) return;
  if (segment->length) network_counters.tcp_duplicates++;
  if (segment->length || tcp_may_challenge()) tcp_send_ack(c);
}

static void on_reset(struct tcp_connection *c, const struct tcp_segment *segment) {
  if (segment->sequence != c->rcv_nxt) {
    if (tcp_may_challenge()) tcp_send_ack(c);
    return;
  }
  network_counters.tcp_resets_in++;
  tcp_drop(c, c->state == TCP_SYN_RECEIVED ? ECONNREFUSED : ECONNRESET);
}

void tcp_segment_arrives(struct tcp_connection *c, const struct tcp_segment *segment) {
  if (c->state == TCP_SYN_SENT) {
    in_syn_sent(c, segment);
    return;
  }
  if (is_stale(c, segment) || !is_acceptable(c, segment)) {
    refuse(c, segment);
    return;
  }
  if (segment->flags & TCP_RST) {
    on_reset(c, segment);
    return;
  }
  if (segment->flags & TCP_SYN) {
    if (tcp_may_challenge()) tcp_send_ack(c);
    return;
  }
  if (!(segment->flags & TCP_ACK)) return;
  if (c->state == TCP_SYN_RECEIVED) {
    if (segment->acknowledgement != c->iss + 1) {
      tcp_reply_reset(&c->at, segment);
      return;
    }
    establish(c, segment);
  }
  if (c->timestamps && segment->options.has_timestamp &&
      !seq_after(segment->sequence, c->last_ack_sent)) {
    c->ts_recent = segment->options.timestamp;
    c->ts_recent_at = seconds();
  }
  c->last_received_at = network_now();
  c->keepalive_count = 0;
  if (!tcp_acknowledge(c, segment)) return;
  if (!tcp_receive(c, segment)) return;
  tcp_output_later(c);
}
