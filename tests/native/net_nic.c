/* What replaces ilwaco/net/nic.c in the native port: a TAP device below (net_port.c), and a look at the
 * network's books for leak checks. */
#include "../../ilwaco/net/nic.h"

#include <string.h>

#include "../../ilwaco/net/ethernet.h"
#include "../../ilwaco/net/memory.h"
#include "../../ilwaco/net/network.h"

static struct frame transmit_frame, receive_frame;
struct frame *nic_frame = &transmit_frame;
static const uint8_t *attached;
static size_t attached_length;

void port_nic_start(void);
void port_nic_wake(void);
void port_nic_wait(uint64_t deadline);
void port_transmit(const void *frame, size_t length);
size_t port_receive(void *frame, size_t capacity);

void nic_start(void) { port_nic_start(); }
void nic_wake(void) { port_nic_wake(); }
void nic_wait(uint64_t deadline) { port_nic_wait(deadline); }

int nic_offloads(void) { return 0; }
void nic_leave_checksum(size_t start, size_t field) { (void)start, (void)field; }
void nic_leave_segmentation(size_t headers, size_t segment) { (void)headers, (void)segment; }
void nic_attach(const void *bytes, size_t length) { attached = bytes, attached_length = length; }
void nic_discard(void) { attached_length = 0; }
void nic_flush(void) {}

void nic_take(uint8_t *payload, size_t length, struct virtio_header *offload) {
  memcpy(payload, nic_frame->payload, length);
  *offload = nic_frame->offload;
}

void nic_put(const uint8_t *payload, size_t length, const struct virtio_header *offload) {
  (void)offload;
  nic_attach(payload, length);
}

void nic_send(size_t payload) {
  memcpy(nic_frame->payload + payload - attached_length, attached, attached_length);
  nic_discard();
  network_counters.frames_out++;
  port_transmit(&nic_frame->ethernet, ETHERNET_HEADER_BYTES + payload);
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
