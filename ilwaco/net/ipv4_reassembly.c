/*
 * Datagrams in pieces (RFC 791 section 3.2, RFC 815): the receiving side.
 *
 * Fragments wait as they came, sorted by offset, until none is missing. What strangers can make us keep is
 * bounded: DATAGRAMS_MAXIMUM begun datagrams and MEMORY_MAXIMUM bytes, beyond which the oldest goes, and
 * LIFETIME_US for each. Fragments that overlap have no honest origin, so the whole datagram is dropped
 * (the rule of RFC 5722 for IPv6, and of Linux for IPv4); an exact repetition is ignored.
 */
#include <string.h>

#include "icmp.h"
#include "ipv4.h"
#include "memory.h"
#include "network.h"
#include "timer.h"
#include "wire.h"

enum { DATAGRAMS_MAXIMUM = 32, MEMORY_MAXIMUM = 256 * 1024 };
#define LIFETIME_US (30 * 1000000ull)

struct fragment {
  struct fragment *next; /* ascending by offset */
  uint32_t offset, length;
  uint32_t header_bytes;
  uint8_t bytes[]; /* header and payload */
};

struct datagram {
  struct datagram *next; /* oldest first */
  uint32_t source, destination;
  uint16_t identification;
  uint8_t protocol, broadcast;
  uint32_t total, present; /* payload bytes; total 0: the last fragment has not come */
  uint64_t until;
  struct fragment *fragments;
};

static struct datagram *oldest;
static unsigned count;
static size_t memory;
static struct net_timer timer;
static int timer_ready;
static uint8_t *complete; /* the datagram that was completed last */
static size_t complete_bytes;

static void set_timer(void) { timer_set(&timer, oldest ? oldest->until : NET_NEVER); }

static void drop(struct datagram *datagram) {
  struct datagram **link = &oldest;
  while (*link != datagram) link = &(*link)->next;
  *link = datagram->next;
  while (datagram->fragments) {
    struct fragment *fragment = datagram->fragments;
    datagram->fragments = fragment->next;
    size_t bytes = sizeof *fragment + fragment->header_bytes + fragment->length;
    memory -= bytes;
    net_free(fragment, bytes);
  }
  net_free(datagram, sizeof *datagram);
  count--;
}

static struct ipv4_packet packet_of(const struct datagram *datagram,
                                    const struct fragment *fragment) {
  return (struct ipv4_packet){.header = fragment->bytes,
                              .source = datagram->source,
                              .destination = datagram->destination,
                              .payload = fragment->bytes + fragment->header_bytes,
                              .length = fragment->length,
                              .protocol = datagram->protocol,
                              .broadcast = datagram->broadcast};
}

static void on_timer(struct net_timer *unused) {
  (void)unused;
  while (oldest && oldest->until <= network_now()) {
    const struct fragment *first = oldest->fragments;
    if (first && first->offset == 0) {
      struct ipv4_packet packet = packet_of(oldest, first);
      icmp_send_time_exceeded(&packet);
    }
    network_counters.dropped_fragment++;
    drop(oldest);
  }
  set_timer();
}

static struct datagram *find(const struct ipv4_packet *packet, uint16_t identification) {
  struct datagram *d = oldest;
  while (d && (d->identification != identification || d->source != packet->source ||
               d->destination != packet->destination || d->protocol != packet->protocol)) {
    d = d->next;
  }
  return d;
}

static struct datagram *begin(const struct ipv4_packet *packet, uint16_t identification) {
  if (!timer_ready && !timer_reserve(&timer, on_timer)) return NULL;
  timer_ready = 1;
  if (count == DATAGRAMS_MAXIMUM) {
    network_counters.dropped_fragment++;
    drop(oldest);
  }
  struct datagram *datagram = net_allocate_zeroed(sizeof *datagram);
  if (!datagram) return NULL;
  datagram->source = packet->source;
  datagram->destination = packet->destination;
  datagram->identification = identification;
  datagram->protocol = packet->protocol;
  datagram->broadcast = packet->broadcast != 0;
  datagram->until = network_now() + LIFETIME_US;
  struct datagram **link = &oldest;
  while (*link) link = &(*link)->next;
  *link = datagram;
  count++;
  set_timer();
  return datagram;
}

enum verdict { TAKEN, REPEATED, REFUSED };

static enum verdict insert(struct datagram *datagram, const struct ipv4_packet *packet,
                           uint32_t offset) {
  uint32_t end = offset + (uint32_t)packet->length;
  struct fragment **link = &datagram->fragments;
  while (*link && (*link)->offset + (*link)->length <= offset) link = &(*link)->next;
  const struct fragment *after = *link;
  if (after && after->offset < end) {
    return after->offset == offset && after->length == packet->length ? REPEATED : REFUSED;
  }
  size_t header_bytes = (size_t)(packet->payload - packet->header);
  size_t bytes = sizeof **link + header_bytes + packet->length;
  if (memory + bytes > MEMORY_MAXIMUM) return REFUSED;
  struct fragment *fragment = net_allocate(bytes);
  if (!fragment) return REFUSED;
  memory += bytes;
  fragment->next = *link;
  fragment->offset = offset;
  fragment->length = (uint32_t)packet->length;
  fragment->header_bytes = (uint32_t)header_bytes;
  memcpy(fragment->bytes, packet->header, header_bytes + packet->length);
  *link = fragment;
  datagram->present += fragment->length;
  return TAKEN;
}

/* 0: its end contradicts what came before. */
static int take_end(struct datagram *datagram, uint32_t end, int last) {
  if (datagram->total) return last ? end == datagram->total : end <= datagram->total;
  if (!last) return 1;
  for (const struct fragment *f = datagram->fragments; f; f = f->next) {
    if (f->offset + f->length > end) return 0;
  }
  datagram->total = end;
  return 1;
}

void ipv4_reassembly_release(void) {
  net_free(complete, complete_bytes);
  complete = NULL;
}

/* Joins the fragments behind the first one's header. */
static int join(struct datagram *datagram, struct ipv4_packet *packet) {
  const struct fragment *first = datagram->fragments;
  complete_bytes = first->header_bytes + datagram->total;
  complete = net_allocate(complete_bytes);
  if (!complete) return 0;
  memcpy(complete, first->bytes, first->header_bytes);
  for (const struct fragment *f = first; f; f = f->next) {
    memcpy(complete + first->header_bytes + f->offset, f->bytes + f->header_bytes, f->length);
  }
  *packet = packet_of(datagram, first);
  packet->header = complete;
  packet->payload = complete + first->header_bytes;
  packet->length = datagram->total;
  return 1;
}

static void make_room(const struct datagram *keep, size_t bytes) {
  while (oldest && oldest != keep && memory + bytes > MEMORY_MAXIMUM) {
    network_counters.dropped_fragment++;
    drop(oldest);
  }
}

int ipv4_reassemble(struct ipv4_packet *packet) {
  const struct ipv4_header *header = (const struct ipv4_header *)packet->header;
  uint16_t field = swap16(header->fragment);
  int last = !(field & IPV4_MORE_FRAGMENTS);
  uint32_t offset = (field & IPV4_OFFSET_MASK) * 8u;
  uint32_t end = offset + (uint32_t)packet->length;
  if (packet->length == 0 || (!last && packet->length % 8) ||
      end > IPV4_PACKET_MAXIMUM - IPV4_HEADER_BYTES) {
    network_counters.dropped_fragment++;
    return 0;
  }
  struct datagram *datagram = find(packet, header->identification);
  if (!datagram) datagram = begin(packet, header->identification);
  if (!datagram) {
    network_counters.dropped_memory++;
    return 0;
  }
  make_room(datagram, sizeof(struct fragment) + packet->length + 60);
  enum verdict verdict = insert(datagram, packet, offset);
  if (verdict == REPEATED) return 0;
  int whole = 0;
  if (verdict == REFUSED || !take_end(datagram, end, last)) {
    network_counters.dropped_fragment++;
    drop(datagram);
  } else if (datagram->total && datagram->present == datagram->total) {
    whole = join(datagram, packet);
    if (!whole) network_counters.dropped_memory++;
    drop(datagram);
  }
  set_timer();
  return whole;
}
