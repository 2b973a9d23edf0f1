/*
 * What paths take in one piece (RFC 1191): a few destinations whose MTU is known to be smaller than the
 * link's, forgotten after ten minutes, so that a path which got better is found out.
 *
 * Rules for callers: learn only from messages about packets that this host really sent (tcp_failed and
 * udp_failed check that), since anybody can send ICMP.
 */
#include "ipv4.h"
#include "network.h"
#include "wire.h"

enum { PATHS = 8, MTU_MINIMUM = 552 }; /* the least that Linux believes, too */
#define LIFETIME_US (600 * 1000000ull)

struct path {
  uint32_t destination; /* 0: free */
  uint16_t mtu;
  uint8_t narrow; /* takes less than MTU_MINIMUM */
  uint64_t until;
};

static struct path paths[PATHS];
static unsigned used;

static struct path *find(uint32_t destination) {
  for (unsigned i = 0; i < used; i++) {
    if (paths[i].destination == destination && network_now() < paths[i].until) return &paths[i];
  }
  return NULL;
}

static unsigned link_mtu(void) { return (unsigned)ipv4_payload_maximum() + IPV4_HEADER_BYTES; }

unsigned ipv4_path_mtu(uint32_t destination) {
  const struct path *path = used ? find(destination) : NULL;
  return path && path->mtu < link_mtu() ? path->mtu : link_mtu();
}

int ipv4_path_is_narrow(uint32_t destination) {
  const struct path *path = used ? find(destination) : NULL;
  return path && path->narrow;
}

void ipv4_path_learn(uint32_t destination, unsigned mtu) {
  static unsigned next;
  if (mtu >= ipv4_path_mtu(destination)) return;
  struct path *path = find(destination);
  if (!path) {
    path = &paths[next];
    next = (next + 1) % PATHS;
    if (used < PATHS) used++;
  }
  int narrow = mtu && mtu < MTU_MINIMUM;
  *path = (struct path){destination, (uint16_t)(mtu < MTU_MINIMUM ? MTU_MINIMUM : mtu),
                        (uint8_t)narrow, network_now() + LIFETIME_US};
}
