/*
 * Address resolution (RFC 826).
 *
 * The cache is small and recycled by age. Only neighbours this host talks to enter it: requests for us
 * (whose sender is about to get an answer) and answers to our own questions, so that a flood of ARP
 * cannot fill it with strangers unless they ask for us. An entry in use is asked for again shortly
 * before it expires, and when its peer does not answer (arp_doubt); meanwhile it is used as before, so
 * that traffic does not stall for a lost question. There is no timer unless a question is open.
 */
#include "arp.h"

#include <errno.h>
#include <string.h>

#include "ethernet.h"
#include "ipv4.h"
#include "memory.h"
#include "network.h"
#include "timer.h"
#include "wire.h"

enum {
  CACHE_ENTRIES = 32,
  WAITING_MAXIMUM = 48, /* packets per unresolved neighbour: the fragments of one large datagram */
  QUESTIONS = 3,
};
#define QUESTION_INTERVAL_US 1000000u
#define LIFETIME_US (300 * 1000000ull)
#define REFRESH_US (30 * 1000000ull) /* before the end of its life an entry in use is asked for again */

enum { ARP_ETHERNET = 1, ARP_REQUEST = 1, ARP_REPLY = 2 };

struct packet {
  struct packet *next;
  size_t length;
  struct virtio_header offload;
  uint8_t bytes[];
};

struct entry {
  uint32_t address; /* 0: free */
  uint8_t mac[6];
  uint8_t resolved;
  uint8_t asking;        /* a question is open */
  uint8_t questions;     /* asked without an answer */
  uint8_t waiting_count;
  uint64_t expires;      /* if resolved */
  uint64_t ask_at;       /* if asking: when to ask again, or give up */
  struct packet *waiting;
};

static uint32_t probed; /* the address that is being tried, or 0 */
static int conflict;
static struct entry *cache;
static struct net_timer timer;

static struct entry *find(uint32_t address) {
  for (int i = 0; i < CACHE_ENTRIES; i++) {
    if (cache[i].address == address) return &cache[i];
  }
  return NULL;
}

static void drop_waiting(struct entry *entry, int tell) {
  while (entry->waiting) {
    struct packet *packet = entry->waiting;
    entry->waiting = packet->next;
    network_counters.dropped_unresolved++;
    if (tell) ipv4_failed(packet->bytes, packet->length, EHOSTUNREACH, 0);
    net_free(packet, sizeof *packet + packet->length);
  }
  entry->waiting_count = 0;
}

/* A free entry, or the one whose time is up first. */
static struct entry *recycle(uint32_t address) {
  struct entry *oldest = &cache[0];
  for (int i = 0; i < CACHE_ENTRIES; i++) {
    if (cache[i].address == 0) {
      oldest = &cache[i];
      break;
    }
    if (cache[i].expires < oldest->expires) oldest = &cache[i];
  }
  drop_waiting(oldest, 0);
  memset(oldest, 0, sizeof *oldest);
  oldest->address = address;
  return oldest;
}

static void transmit(uint16_t operation, const uint8_t destination[6], uint32_t target) {
  struct arp_packet *packet = (struct arp_packet *)nic_frame->payload;
  packet->hardware = swap16(ARP_ETHERNET);
  packet->protocol = swap16(ETHERTYPE_IPV4);
  packet->hardware_bytes = 6;
  packet->protocol_bytes = 4;
  packet->operation = swap16(operation);
  ethernet_address(packet->sender_mac);
  packet->sender = network_address();
  if (operation == ARP_REPLY) {
    memcpy(packet->target_mac, destination, 6);
  } else {
    memset(packet->target_mac, 0, 6);
  }
  packet->target = target;
  ethernet_send(destination, ETHERTYPE_ARP, sizeof *packet);
}

static void set_timer(void) {
  uint64_t next = NET_NEVER;
  for (int i = 0; i < CACHE_ENTRIES; i++) {
    if (cache[i].asking && cache[i].ask_at < next) next = cache[i].ask_at;
  }
  timer_set(&timer, next);
}

/* A neighbour that is known is asked directly first. */
static void ask(struct entry *entry, uint64_t now) {
  int known = entry->resolved && entry->questions == 0;
  entry->asking = 1;
  entry->questions++;
  entry->ask_at = now + QUESTION_INTERVAL_US;
  transmit(ARP_REQUEST, known ? entry->mac : ethernet_broadcast, entry->address);
}

static void begin_asking(struct entry *entry) {
  if (entry->asking) return;
  entry->questions = 0;
  ask(entry, network_now());
  set_timer();
}

static void on_timer(struct net_timer *unused) {
  (void)unused;
  uint64_t now = network_now();
  for (int i = 0; i < CACHE_ENTRIES; i++) {
    struct entry *entry = &cache[i];
    if (!entry->asking || entry->ask_at > now) continue;
    if (entry->questions < QUESTIONS) {
      ask(entry, now);
    } else {
      struct entry failed = *entry;
      memset(entry, 0, sizeof *entry);
      drop_waiting(&failed, 1);
    }
  }
  set_timer();
}

int arp_start(void) {
  if (cache) return 1;
  cache = net_allocate_zeroed(CACHE_ENTRIES * sizeof *cache);
  return cache && timer_reserve(&timer, on_timer);
}

static void resolve(struct entry *entry, const uint8_t mac[6]) {
  memcpy(entry->mac, mac, 6);
  entry->resolved = 1;
  entry->asking = 0;
  entry->expires = network_now() + LIFETIME_US;
  struct packet *packet = entry->waiting;
  entry->waiting = NULL;
  entry->waiting_count = 0;
  while (packet) {
    struct packet *next = packet->next;
    nic_put(packet->bytes, packet->length, &packet->offload);
    ethernet_send(mac, ETHERTYPE_IPV4, packet->length);
    net_free(packet, sizeof *packet + packet->length);
    packet = next;
  }
  set_timer();
}

void arp_input(const uint8_t *payload, size_t length) {
  struct arp_packet packet;
  if (length < sizeof packet) {
    network_counters.dropped_length++;
    return;
  }
  memcpy(&packet, payload, sizeof packet);
  uint32_t own = network_address();
  if (packet.hardware != swap16(ARP_ETHERNET) || packet.protocol != swap16(ETHERTYPE_IPV4) ||
      packet.hardware_bytes != 6 || packet.protocol_bytes != 4 || (packet.sender_mac[0] & 1) ||
      (own && packet.sender == own)) {
    network_counters.dropped_protocol++;
    return;
  }
  if (probed && (packet.sender == probed || (!packet.sender && packet.target == probed))) conflict = 1;
  int asked = own && packet.target == own && packet.operation == swap16(ARP_REQUEST);
  if (packet.sender != 0) {
    struct entry *entry = find(packet.sender);
    if (!entry && asked) entry = recycle(packet.sender);
    if (entry) resolve(entry, packet.sender_mac);
  }
  if (asked) transmit(ARP_REPLY, packet.sender_mac, packet.sender);
}

static void wait_for_answer(struct entry *entry, size_t length) {
  struct packet *packet = NULL;
  if (entry->waiting_count < WAITING_MAXIMUM) packet = net_allocate(sizeof *packet + length);
  if (!packet) {
    network_counters.dropped_unresolved++;
    nic_discard();
    return;
  }
  packet->next = NULL;
  packet->length = length;
  nic_take(packet->bytes, length, &packet->offload);
  struct packet **end = &entry->waiting;
  while (*end) end = &(*end)->next;
  *end = packet;
  entry->waiting_count++;
}

void arp_send(uint32_t address, size_t length) {
  static struct entry *recent; /* most packets go where the last one went */
  uint64_t now = network_now();
  struct entry *entry = recent && recent->address == address ? recent : find(address);
  if (!entry) entry = recycle(address);
  recent = entry;
  if (entry->resolved && now >= entry->expires) entry->resolved = 0;
  if (entry->resolved) {
    ethernet_send(entry->mac, ETHERTYPE_IPV4, length);
    if (now > entry->expires - REFRESH_US) begin_asking(entry);
  } else {
    wait_for_answer(entry, length);
    begin_asking(entry);
  }
}

void arp_doubt(uint32_t address) {
  struct entry *entry = find(address);
  if (entry && entry->resolved) begin_asking(entry);
}

void arp_probe(uint32_t address) {
  probed = address;
  conflict = 0;
  transmit(ARP_REQUEST, ethernet_broadcast, address);
}

int arp_probe_end(void) {
  probed = 0;
  return conflict;
}

void arp_announce(void) { transmit(ARP_REQUEST, ethernet_broadcast, network_address()); }
