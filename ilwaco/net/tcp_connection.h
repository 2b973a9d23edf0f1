/*
 * A TCP connection, for the files of the stack only.
 *
 * Names of sequence variables are those of RFC 9293 section 3.3.1. Sequence numbers are in host order and
 * compared modulo 2^32. Each group of fields says which file changes it.
 */
#ifndef ILWACO_NET_TCP_CONNECTION_H
#define ILWACO_NET_TCP_CONNECTION_H

#include <stdint.h>

#include "ring.h"
#include "tcp.h"
#include "tcp_ranges.h"
#include "tcp_segment.h"
#include "timer.h"

enum tcp_state {
  TCP_CLOSED,
  TCP_SYN_SENT,
  TCP_SYN_RECEIVED, /* only by simultaneous open; a listener's half-open connections are requests */
  TCP_ESTABLISHED,
  TCP_FIN_WAIT_1,
  TCP_FIN_WAIT_2,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_LAST_ACK,
};

struct tcp_connection {
  /* who: tcp_table.c, tcp_connection.c, tcp_listen.c */
  struct tcp_endpoints at;
  struct tcp_connection *hash_next;
  struct tcp_connection *flush_next;
  struct socket *socket;         /* NULL: not accepted yet, or closed by the program */
  struct tcp_listener *listener; /* while in its accept queue */
  struct tcp_connection *accept_next;
  uint8_t state;
  uint8_t error; /* errno of the end, until the program has taken it */

  unsigned flush_queued : 1;
  unsigned hashed : 1;
  unsigned orphaned : 1;   /* closed by the program: nobody will read */
  unsigned sack : 1;       /* both sides send selective acknowledgements */
  unsigned timestamps : 1; /* both sides send timestamps */
  unsigned no_delay : 1;   /* Nagle off */
  unsigned more : 1;       /* the program is about to write more: a short segment waits */
  unsigned fin_wanted : 1; /* a FIN follows the last byte in `send` */
  unsigned fin_sent : 1;
  unsigned short_sent : 1;
  unsigned fin_seen : 1;   /* the peer's FIN has come, maybe out of order: at fin_sequence */
  unsigned fin_taken : 1;  /* all up to the peer's FIN was received in order */
  unsigned ack_now : 1;
  unsigned recovering : 1; /* fast recovery, until `recover` is acknowledged */
  unsigned timing : 1;     /* timed_sequence is being timed */
  unsigned probing : 1;    /* retransmit_at is the zero-window probe's */
  unsigned send_small : 1; /* the peer's window stays small: send what fits into it */
  unsigned tail_due : 1;   /* retransmit_at is the tail loss probe's */
  unsigned tail_probed : 1; /* it was sent, and nothing new was acknowledged since */
  unsigned resend_head : 1; /* the first segment is to be sent again at once */

  /* sending: tcp_output.c, tcp_acknowledge.c */
  struct ring send; /* from snd_una on */
  uint32_t send_limit;
  uint32_t iss, snd_una, snd_nxt, snd_max;
  uint32_t short_end; /* with `short_sent`: the end of the last segment that was not full */
  uint32_t snd_wnd, snd_wl1, snd_wl2, snd_wnd_max;
  uint16_t mss; /* payload bytes of a full segment */
  uint8_t snd_scale;

  /* receiving: tcp_receive.c */
  uint8_t rcv_scale;
  struct ring receive; /* up to rcv_nxt, and behind that what came out of order */
  uint32_t receive_limit;
  uint32_t irs, rcv_nxt;
  uint32_t rcv_adv; /* right edge of the window last advertised */
  uint32_t fin_sequence;
  uint32_t recent_sequence; /* last arrival out of order: its range is the first SACK block */
  uint32_t ts_recent, ts_recent_at;
  uint32_t last_ack_sent;
  struct tcp_ranges out_of_order;
  uint8_t unacknowledged; /* segments received since the last acknowledgement */

  /* congestion: tcp_congestion.c */
  uint8_t duplicate_acks;
  uint32_t cwnd, ssthresh, bytes_acked;
  uint32_t recover;
  uint32_t high_rxt; /* what fast recovery has sent again so far */
  uint32_t head_mark; /* snd_max when the first segment was last sent again */
  struct tcp_ranges sacked;

  /* time: tcp_timer.c; microseconds */
  uint8_t retries;
  uint8_t keepalive_count;
  uint32_t srtt, rttvar, rto;
  uint32_t timed_sequence;
  uint64_t timed_at;
  uint64_t last_sent_at, last_received_at;
  uint64_t stalled_at; /* with `retries`: since when nothing was acknowledged */
  uint64_t retransmit_at, delayed_ack_at, keepalive_at, linger_at;
  struct net_timer timer;
};

/* --- tcp_connection.c */

/* With its timer reserved and windows for `socket` (or defaults if NULL); not in the table. */
struct tcp_connection *tcp_connection_new(struct socket *socket, const struct tcp_endpoints *at);
/* Ends it with `error` (0: orderly): out of the table, timers off, memory back unless a socket holds it. */
void tcp_drop(struct tcp_connection *c, int error);
void tcp_enter_time_wait(struct tcp_connection *c);
void tcp_notify(struct tcp_connection *c, unsigned events); /* as socket_changed */
uint8_t tcp_scale_for(uint32_t limit); /* window scale which lets `limit` be advertised */
uint16_t tcp_own_mss(void); /* what this host's link takes: for the option in a SYN */
uint16_t tcp_path_mss(const struct tcp_connection *c);
/* The segment size for a peer that offered this (0 was replaced by the default); to be called when it is
 * known whether timestamps are in use, because they take their part of each segment (RFC 6691). */
void tcp_take_mss(struct tcp_connection *c, uint16_t offered);

/* --- tcp_table.c */

int tcp_table_insert(struct tcp_connection *c);
void tcp_table_remove(struct tcp_connection *c);
struct tcp_connection *tcp_table_find(const struct tcp_endpoints *at);
uint32_t tcp_initial_sequence(const struct tcp_endpoints *at); /* RFC 6528 */

void tcp_each_connection(void (*visit)(const struct tcp_connection *c, void *context),
                         void *context);

/* --- tcp_listen.c */

void tcp_each_listener(void (*visit)(uint32_t address, uint16_t port, unsigned waiting,
                                     unsigned backlog, void *context),
                       void *context);

struct tcp_listener *tcp_listener_find(uint32_t address, uint16_t port);
void tcp_listener_input(struct tcp_listener *listener, const struct tcp_endpoints *at,
                        const struct tcp_segment *segment);
void tcp_listener_forget(struct tcp_connection *c); /* takes it out of the accept queue */

/* --- tcp_time_wait.c */

void tcp_time_wait_add(const struct tcp_connection *c);
/* 1: the segment belonged to a connection in TIME-WAIT and is done; 0: it did not, or it opens anew. */
int tcp_time_wait_input(const struct tcp_endpoints *at, const struct tcp_segment *segment);
int tcp_time_wait_has(const struct tcp_endpoints *at);
void tcp_each_time_wait(void (*visit)(const struct tcp_endpoints *at, void *context),
                        void *context);

/* --- tcp_input.c */

void tcp_segment_arrives(struct tcp_connection *c, const struct tcp_segment *segment);
int tcp_may_challenge(void); /* RFC 5961: bounds the answers to suspicious segments */

/* --- tcp_acknowledge.c */

/* Takes the acknowledgement and the window of an acceptable segment; 0: drop the segment, and the
 * connection may be gone. */
int tcp_acknowledge(struct tcp_connection *c, const struct tcp_segment *segment);

/* --- tcp_receive.c */

/* Takes the payload and the FIN of an acceptable segment; 0: the connection is gone. */
int tcp_receive(struct tcp_connection *c, const struct tcp_segment *segment);
uint32_t tcp_window_edge(const struct tcp_connection *c); /* right edge that could be advertised now */

/* --- tcp_congestion.c */

void tcp_congestion_start(struct tcp_connection *c);
void tcp_congestion_begin(struct tcp_connection *c); /* about to send, with nothing in flight */
void tcp_congestion_acked(struct tcp_connection *c, uint32_t acked, uint32_t flight_before);
void tcp_congestion_duplicate(struct tcp_connection *c, int sack_news);
/* The peer has reported something new while recovering: was what was sent again lost as well? */
void tcp_congestion_check_head(struct tcp_connection *c);
void tcp_congestion_timeout(struct tcp_connection *c);
/* What fast recovery by SACK wants to send again next (NextSeg of RFC 6675 section 4): the next hole that
 * is lost (rule 1), or any (rule 3). 0: there is none. */
int tcp_recovery_next(const struct tcp_connection *c, int lost_only, uint32_t *sequence,
                      uint32_t *length);
uint32_t tcp_recovery_pipe(const struct tcp_connection *c);

/* --- tcp_timer.c */

void tcp_rtt_sample(struct tcp_connection *c, uint32_t microseconds);
void tcp_arm_retransmit(struct tcp_connection *c);
void tcp_arm_after_send(struct tcp_connection *c);
void tcp_reschedule(struct tcp_connection *c); /* after any change of the four deadlines */
void tcp_keepalive_reset(struct tcp_connection *c);
void tcp_expire(struct net_timer *timer);

/* --- tcp_output.c */

void tcp_output(struct tcp_connection *c);
void tcp_output_later(struct tcp_connection *c);  /* at the end of this batch of frames */
void tcp_output_forget(struct tcp_connection *c); /* it is about to be freed */
void tcp_send_ack(struct tcp_connection *c);
void tcp_send_syn(struct tcp_connection *c);
void tcp_send_reset(struct tcp_connection *c);
void tcp_send_probe(struct tcp_connection *c);
void tcp_send_tail(struct tcp_connection *c); /* the last segment once more (RFC 8985 section 7) */
uint32_t tcp_payload_room(const struct tcp_connection *c); /* payload bytes of a full segment */
/* ... and of what may be sent as one: many full segments, if others cut it into segments. */
uint32_t tcp_large_room(const struct tcp_connection *c);

/* The first sequence number behind the data in the send ring: that of the FIN. */
static inline uint32_t tcp_stream_end(const struct tcp_connection *c) {
  return c->snd_una + c->send.used;
}

#endif
