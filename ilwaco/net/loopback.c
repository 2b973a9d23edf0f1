/* Packets from this host to itself; see loopback.h. */
#include "loopback.h"

#include <string.h>

#include "ipv4.h"
#include "memory.h"
#include "network.h"
#include "nic.h"

enum { QUEUE_MAXIMUM = 128 };

struct packet {
  struct packet *next;
  size_t length;
  struct virtio_header offload;
  uint8_t bytes[];
};

static struct packet *first, **last = &first;
static unsigned count;

int loopback_waits(void) { return count != 0; }

void loopback_send(size_t length) {
  struct packet *packet = count < QUEUE_MAXIMUM ? net_allocate(sizeof *packet + length) : NULL;
  if (!packet) {
    network_counters.dropped_full++;
    nic_discard();
    return;
  }
  packet->next = NULL;
  packet->length = length;
  nic_take(packet->bytes, length, &packet->offload);
  *last = packet;
  last = &packet->next;
  count++;
}

int loopback_receive(void) {
  struct packet *packet = first;
  if (!packet) return 0;
  first = packet->next;
  if (!first) last = &first;
  count--;
  ipv4_input(packet->bytes, packet->length, 0);
  net_free(packet, sizeof *packet + packet->length);
  return 1;
}
