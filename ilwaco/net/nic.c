/* The NIC's driver: rings of frames, or `rep outsb` and `rep insb` for one, or registers. */
#include "nic.h"

#include <ilwaco.h>
#include <string.h>

#include "ethernet.h"
#include "network.h"
#include "nic_registers.h"
#include "nic_ring.h"

enum { TRANSMIT_PATIENCE_US = 1000000 };
/* One frame is composed while a few short ones wait: more would cost idle VMs a page. */
enum { COMPOSE_BYTES = sizeof(struct frame) + 256, ATTACHED_MAXIMUM = 3 };

struct piece {
  const void *bytes;
  size_t length;
};

static uint8_t composed[COMPOSE_BYTES] __attribute__((aligned(16), section(".sbss.1.2.composed")));
struct frame *nic_frame = (struct frame *)composed;
static struct frame received_frame __attribute__((section(".sbss.1.1.received_frame")));
static struct piece attached[ATTACHED_MAXIMUM];
static unsigned attached_count;
static struct ilwaco_event received, transmitted;
static enum { SIMPLE, REGISTERS, RINGS } kind;
static int offloads;

static ILWACO_HANDLER void on_receive(void) { ilwaco_event_signal(&received); }
static ILWACO_HANDLER void on_transmit(void) { ilwaco_event_signal(&transmitted); }

void nic_start(void) {
  uint32_t features = DENALI_REGISTERS->features;
  if (nic_registers_present()) kind = REGISTERS;
  if (features & DENALI_FEATURE_NIC_RINGS) kind = RINGS;
  offloads = kind == RINGS && (features & DENALI_FEATURE_NIC_OFFLOAD);
  if (offloads) {
    ilwaco_out(DENALI_PORT_NIC_OFFLOAD, DENALI_NIC_OFFLOAD_CHECKSUM | DENALI_NIC_OFFLOAD_TCP);
  }
  ilwaco_on_interrupt(DENALI_INTERRUPT_NIC_RECEIVE, on_receive);
  ilwaco_on_interrupt(DENALI_INTERRUPT_NIC_TRANSMIT, on_transmit);
}

int nic_offloads(void) { return offloads; }

void nic_leave_checksum(size_t start, size_t field) {
  struct virtio_header *offload = &nic_frame->offload;
  offload->flags = VIRTIO_NEEDS_CHECKSUM;
  offload->checksum_start = (uint16_t)(ETHERNET_HEADER_BYTES + start);
  offload->checksum = (uint16_t)field;
}

void nic_leave_segmentation(size_t headers, size_t segment) {
  struct virtio_header *offload = &nic_frame->offload;
  offload->type = VIRTIO_TCPV4;
  offload->headers = (uint16_t)(ETHERNET_HEADER_BYTES + headers);
  offload->segment = (uint16_t)segment;
}

void nic_attach(const void *bytes, size_t length) {
  if (length) attached[attached_count++] = (struct piece){bytes, length};
}

static size_t attached_bytes(void) {
  size_t sum = 0;
  for (unsigned i = 0; i < attached_count; i++) sum += attached[i].length;
  return sum;
}

/* A new frame begins at nic_frame. */
static void begin(void) {
  attached_count = 0;
  memset(&nic_frame->offload, 0, sizeof nic_frame->offload);
}

void nic_discard(void) { begin(); }

/* Copies the attached bytes to the end of a payload of `length` bytes. */
static void gather(uint8_t *payload, size_t length) {
  uint8_t *at = payload + length - attached_bytes();
  for (unsigned i = 0; i < attached_count; i++) {
    memcpy(at, attached[i].bytes, attached[i].length);
    at += attached[i].length;
  }
}

void nic_take(uint8_t *payload, size_t length, struct virtio_header *offload) {
  memcpy(payload, nic_frame->payload, length - attached_bytes());
  gather(payload, length);
  *offload = nic_frame->offload;
  begin();
}

void nic_put(const uint8_t *payload, size_t length, const struct virtio_header *offload) {
  nic_frame->offload = *offload;
  nic_attach(payload, length);
}

/* Until the send queue has room; 0: it has had none for too long. */
static int wait_for_room(uint64_t *deadline) {
  if (!*deadline) *deadline = ilwaco_now_us() + TRANSMIT_PATIENCE_US;
  return ilwaco_event_wait(&transmitted, *deadline);
}

/* Hands over what is in the ring. */
static void hand_over(void) {
  uint64_t deadline = 0;
  while (nic_ring_send() != 0) {
    if (!wait_for_room(&deadline)) {
      network_counters.dropped_transmit++;
      nic_ring_drop();
      break;
    }
  }
  nic_frame = (struct frame *)composed;
  begin();
}

void nic_flush(void) {
  int waits = nic_frame != (struct frame *)composed;
  if (waits) hand_over();
}

/* Frames that wait in the ring must not be written over: the next one is composed behind this one. */
static void send_by_ring(size_t length) {
  nic_ring_add(nic_frame, length, attached_count != 0);
  for (unsigned i = 0; i < attached_count; i++) {
    nic_ring_add(attached[i].bytes, attached[i].length, i + 1 < attached_count);
  }
  network_counters.frames_out++;
  size_t next = (size_t)((uint8_t *)nic_frame - composed) + ((length + 3) & ~(size_t)3);
  if (attached_count || next + sizeof(struct frame) > sizeof composed ||
      nic_ring_room() < 1 + ATTACHED_MAXIMUM) {
    hand_over();
  } else {
    nic_frame = (struct frame *)(composed + next);
  }
}

static int transmit(size_t length) {
  const void *frame = &nic_frame->ethernet;
  if (kind == REGISTERS) return nic_registers_send(frame, length);
  return ilwaco_outs(DENALI_PORT_NIC_SEND, frame, length) != 0;
}

static void send_by_itself(size_t length) {
  uint64_t deadline = 0;
  while (transmit(length) != 0) {
    if (!wait_for_room(&deadline)) {
      network_counters.dropped_transmit++;
      return;
    }
  }
  network_counters.frames_out++;
}

void nic_send(size_t payload) {
  size_t length = ETHERNET_HEADER_BYTES + payload;
  if (kind == RINGS) {
    send_by_ring(sizeof(struct virtio_header) + length - attached_bytes());
  } else {
    gather(nic_frame->payload, payload);
    send_by_itself(length);
  }
  begin();
}

/* The next frame, of `length` bytes from its Ethernet header on; NULL: none waits. */
static struct frame *take_by_itself(size_t *length) {
  struct frame *frame = &received_frame;
  size_t capacity = sizeof *frame - offsetof(struct frame, ethernet);
  *length = kind == REGISTERS ? nic_registers_receive(&frame->ethernet, capacity)
                              : ilwaco_ins(DENALI_PORT_NIC_RECEIVE, &frame->ethernet, capacity);
  return *length ? frame : NULL;
}

int nic_receive(void) {
  size_t length;
  struct frame *frame = kind == RINGS ? nic_ring_receive(&received_frame, &length) : take_by_itself(&length);
  if (!frame) return 0;
  network_counters.frames_in++;
  ethernet_input(frame, length);
  return 1;
}

void nic_wait(uint64_t deadline) { ilwaco_event_wait(&received, deadline); }

void nic_wake(void) { ilwaco_event_signal(&received); }

void nic_move_deadline(uint64_t deadline) { ilwaco_event_move_deadline(&received, deadline); }
