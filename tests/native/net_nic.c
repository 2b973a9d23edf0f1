/* What replaces ilwaco/net/nic.c in the native port: a TAP device below (net_port.c), and a look at the
 * network's books for leak checks. */
#include "../../ilwaco/net/nic.h"

#include "../../ilwaco/net/ethernet.h"
#include "../../ilwaco/net/memory.h"
#include "../../ilwaco/net/network.h"

struct frame nic_transmit_frame;
static struct frame receive_frame;

void port_nic_start(void);
void port_nic_wake(void);
void port_nic_wait(uint64_t deadline);
void port_transmit(const void *frame, size_t length);
size_t port_receive(void *frame, size_t capacity);

void nic_start(void) { port_nic_start(); }
void nic_wake(void) { port_nic_wake(); }
void nic_wait(uint64_t deadline) { port_nic_wait(deadline); }

void nic_send(size_t payload) {
  network_counters.frames_out++;
  port_transmit(&nic_transmit_frame.ethernet, ETHERNET_HEADER_BYTES + payload);
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
