/*
 * The network as a whole: its lock, its thread, its configuration and its counters.
 *
 * One lock guards everything in ilwaco/net. It is taken by the socket functions on behalf of a program's
 * thread and by the network thread, which receives frames and runs timers; nobody else touches the
 * stack. The lock may be held while the NIC's send queue drains, and never while waiting for a peer.
 *
 * The network thread sleeps until a frame comes or the earliest timer expires: a VM whose connections
 * are quiet executes nothing.
 */
#ifndef ILWACO_NET_NETWORK_H
#define ILWACO_NET_NETWORK_H

#include <ilwaco.h>
#include <stdint.h>

/* Starts the network on the first call: socket() calls it. 0, or an error number if there is no memory.
 * Without a NIC there is the host itself (127.0.0.1) and nothing else. */
int network_start(void);

static inline int network_has_link(void) {
  return (DENALI_REGISTERS->features & DENALI_FEATURE_NIC) != 0;
}

void network_lock(void);
void network_unlock(void); /* and wakes the network thread if it now has to be earlier */

/* Microseconds, as of ilwaco_now_us when this was first asked since the lock was taken or, in the network
 * thread, since this batch of frames began: the clock is read once, however many ask. */
static inline uint64_t network_now(void) {
  extern uint64_t network_time; /* 0: not read yet */
  if (network_time == 0) network_time = ilwaco_now_us();
  return network_time;
}

/* What was dropped and why, and what happened how often. Counters wrap. */
struct network_counters {
  uint32_t frames_in, frames_out;
  uint32_t dropped_length;      /* shorter than its headers say */
  uint32_t dropped_checksum;    /* of IPv4, ICMP, UDP or TCP */
  uint32_t dropped_fragment;    /* IPv4 datagrams and fragments: overlapping, late, or too many */
  uint32_t dropped_address;     /* not for us, or from an impossible source */
  uint32_t dropped_protocol;    /* neither ARP nor IPv4; neither ICMP, UDP nor TCP */
  uint32_t dropped_port;        /* nobody listens */
  uint32_t dropped_full;        /* a receive queue or backlog was full */
  uint32_t dropped_memory;      /* the network's memory was used up */
  uint32_t dropped_unresolved;  /* no answer to ARP */
  uint32_t dropped_transmit;    /* the NIC's send queue did not drain within a second */
  uint32_t tcp_retransmits, tcp_fast_retransmits, tcp_timeouts;
  uint32_t tcp_out_of_order, tcp_duplicates, tcp_challenge_acks, tcp_resets_in, tcp_resets_out;
  uint32_t tcp_cookies_sent, tcp_cookies_taken; /* SYNs answered without keeping anything */
};

extern struct network_counters network_counters;

/* This host's IPv4 address and that of the link's broadcast, network byte order. */
static inline uint32_t network_address(void) { return DENALI_REGISTERS->nic_address; }
static inline uint32_t network_broadcast(void) {
  return DENALI_REGISTERS->nic_address | ~DENALI_REGISTERS->nic_netmask;
}

#endif
