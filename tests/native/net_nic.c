/* What replaces ilwaco/net/nic.c in the native port: a TAP device below (net_port.c), and a look at the
 * network's books for leak checks. With the setting `offload` the network leaves checksums and segmentation to
 * it. */
#include "../../ilwaco/net/nic.h"

#include <ilwaco.h>
#include <string.h>

#include "../../ilwaco/net/ethernet.h"
#include "../../ilwaco/net/memory.h"
#include "../../ilwaco/net/network.h"
#include "net_offload.h"

enum { ATTACHED_MAXIMUM = 3, PACKET_MAXIMUM = 65535 };

static struct frame transmit_frame, receive_frame;
struct frame *nic_frame = &transmit_frame;
static struct {
  const void *bytes;
  size_t length;
} attached[ATTACHED_MAXIMUM];
static unsigned attached_count;

void port_nic_start(void);
void port_nic_wake(void);
void port_nic_wait(uint64_t deadline);
void port_transmit(const void *frame, size_t length);
size_t port_receive(void *frame, size_t capacity);

void nic_start(void) { port_nic_start(); }
void nic_wake(void) { port_nic_wake(); }
void nic_wait(uint64_t deadline) { port_nic_wait(deadline); }
void nic_move_deadline(uint64_t deadline) { (void)deadline, port_nic_wake(); }

int nic_offloads(void) { return ilwaco_setting("offload") != NULL; }

void nic_leave_checksum(size_t start, size_t field) {
  nic_frame->offload.flags = VIRTIO_NEEDS_CHECKSUM;
  nic_frame->offload.checksum_start = (uint16_t)(ETHERNET_HEADER_BYTES + start);
  nic_frame->offload.checksum = (uint16_t)field;
}

void nic_leave_segmentation(size_t headers, size_t segment) {
  nic_frame->offload.type = VIRTIO_TCPV4;
  nic_frame->offload.headers = (uint16_t)(ETHERNET_HEADER_BYTES + headers);
  nic_frame->offload.segment = (uint16_t)segment;
}

void nic_attach(const void *bytes, size_t length) {
  if (!length) return;
  if (attached_count == ATTACHED_MAXIMUM) __builtin_trap();
  attached[attached_count].bytes = bytes;
  attached[attached_count++].length = length;
}

void nic_discard(void) {
  attached_count = 0;
  memset(&nic_frame->offload, 0, sizeof nic_frame->offload);
}

void nic_flush(void) {}

static void gather(uint8_t *payload, size_t length) {
  size_t sum = 0;
  for (unsigned i = 0; i < attached_count; i++) sum += attached[i].length;
  memcpy(payload, nic_frame->payload, length - sum);
  uint8_t *at = payload + length - sum;
  for (unsigned i = 0; i < attached_count; i++) {
    memcpy(at, attached[i].bytes, attached[i].length);
    at += attached[i].length;
  }
}

void nic_take(uint8_t *payload, size_t length, struct virtio_header *offload) {
  gather(payload, length);
  *offload = nic_frame->offload;
  nic_discard();
}

void nic_put(const uint8_t *payload, size_t length, const struct virtio_header *offload) {
  nic_frame->offload = *offload;
  nic_attach(payload, length);
}

void nic_send(size_t payload) {
  static uint8_t whole[ETHERNET_HEADER_BYTES + PACKET_MAXIMUM];
  if (payload > PACKET_MAXIMUM) __builtin_trap();
  memcpy(whole, &nic_frame->ethernet, ETHERNET_HEADER_BYTES);
  gather(whole + ETHERNET_HEADER_BYTES, payload);
  network_counters.frames_out++;
  net_complete(whole, ETHERNET_HEADER_BYTES + payload, &nic_frame->offload, port_transmit);
  nic_discard();
}

int nic_receive(void) {
  size_t capacity = sizeof receive_frame - offsetof(struct frame, ethernet);
  size_t length = port_receive(&receive_frame.ethernet, capacity);
  if (length == 0) return 0;
  network_counters.frames_in++;
  ethernet_input(&receive_frame, length);
  return 1;
}

/* Memory blocks in use, and segments sent again, by fast retransmit and by timeout. */
void port_report(unsigned values[4]) {
  network_lock();
  values[0] = net_memory_blocks();
  values[1] = network_counters.tcp_retransmits;
  values[2] = network_counters.tcp_fast_retransmits;
  values[3] = network_counters.tcp_timeouts;
  network_unlock();
}
