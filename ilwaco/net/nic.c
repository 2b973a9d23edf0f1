/* The NIC's driver: `rep outsb` sends a frame, `rep insb` takes one, unless the NIC has registers. */
#include "nic.h"

#include <ilwaco.h>

#include "ethernet.h"
#include "network.h"
#include "nic_registers.h"

enum { TRANSMIT_PATIENCE_US = 1000000 };

struct frame nic_transmit_frame;
static struct frame receive_frame;
static struct ilwaco_event received, transmitted;
static int has_registers;

static ILWACO_HANDLER void on_receive(void) { ilwaco_event_signal(&received); }
static ILWACO_HANDLER void on_transmit(void) { ilwaco_event_signal(&transmitted); }

void nic_start(void) {
  has_registers = nic_registers_present();
  ilwaco_on_interrupt(DENALI_INTERRUPT_NIC_RECEIVE, on_receive);
  ilwaco_on_interrupt(DENALI_INTERRUPT_NIC_TRANSMIT, on_transmit);
}

static int transmit(size_t length) {
  const void *frame = &nic_transmit_frame.ethernet;
  if (has_registers) return nic_registers_send(frame, length);
  return ilwaco_outs(DENALI_PORT_NIC_SEND, frame, length) != 0;
}

void nic_send(size_t payload) {
  size_t length = ETHERNET_HEADER_BYTES + payload;
  uint64_t deadline = 0;
  while (transmit(length) != 0) {
    if (!deadline) deadline = ilwaco_now_us() + TRANSMIT_PATIENCE_US;
    if (!ilwaco_event_wait(&transmitted, deadline)) {
      network_counters.dropped_transmit++;
      return;
    }
  }
  network_counters.frames_out++;
}

int nic_receive(void) {
  size_t capacity = sizeof receive_frame - offsetof(struct frame, ethernet);
  void *frame = &receive_frame.ethernet;
  size_t length = has_registers ? nic_registers_receive(frame, capacity)
                                : ilwaco_ins(DENALI_PORT_NIC_RECEIVE, frame, capacity);
  if (length == 0) return 0;
  network_counters.frames_in++;
  ethernet_input(&receive_frame, length);
  return 1;
}

void nic_wait(uint64_t deadline) { ilwaco_event_wait(&received, deadline); }

void nic_wake(void) { ilwaco_event_signal(&received); }
