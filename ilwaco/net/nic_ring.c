/* Rings of frames; see nic_ring.h. */
#include "nic_ring.h"

#include <ilwaco.h>

#include "memory.h"
#include "network.h"

enum { IN_DESCRIPTORS = 32, OUT_DESCRIPTORS = 16 };
/* The large buffer: one segment of any size, or so many frames. */
enum { SLOT_BYTES = sizeof(struct frame), SLOTS = IN_DESCRIPTORS, LARGE_BYTES = 65536 + 32 };
/* Frames one by one before the large buffer is worth it, and quiet times before it is not any more. */
enum { STREAK = 8, QUIET = 8 };

_Static_assert(sizeof(struct frame) % 4 == 0, "slots are aligned");
_Static_assert(SLOTS * SLOT_BYTES <= LARGE_BYTES, "slots fit");

static struct {
  struct denali_nic_ring ring;
  struct denali_nic_descriptor descriptors[IN_DESCRIPTORS];
} in __attribute__((aligned(16)));
static struct {
  struct denali_nic_ring ring;
  struct denali_nic_descriptor descriptors[OUT_DESCRIPTORS];
} out __attribute__((aligned(16)));
static uint8_t *large;
static uint32_t taken;   /* descriptors of `in` that were looked at */
static unsigned streak;  /* frames since none waited */
static unsigned quiet;   /* times that none waited and the large buffer was not needed */
static int large_needed; /* since none waited */
static int has_slots;    /* every descriptor is that of its slot in the large buffer */
static int drained;      /* no frame waited when those that are being taken were got */

static struct denali_nic_descriptor describe(const void *bytes, size_t length, unsigned flags) {
  return (struct denali_nic_descriptor){
      .address = (uint32_t)(uintptr_t)bytes, .length = (uint32_t)length, .flags = flags};
}

void nic_ring_add(const void *bytes, size_t length, int more) {
  unsigned flags = more ? DENALI_NIC_DESCRIPTOR_MORE : 0;
  out.descriptors[out.ring.tail++ % OUT_DESCRIPTORS] = describe(bytes, length, flags);
}

unsigned nic_ring_room(void) { return OUT_DESCRIPTORS - (out.ring.tail - out.ring.head); }

int nic_ring_send(void) {
  out.ring.size = OUT_DESCRIPTORS;
  ilwaco_out(DENALI_PORT_NIC_RING_SEND, (uint32_t)(uintptr_t)&out);
  return out.ring.tail != out.ring.head;
}

void nic_ring_drop(void) { out.ring.head = out.ring.tail; }

/* None waits any more. */
static void rest(void) {
  streak = 0;
  if (large_needed) {
    large_needed = 0;
    quiet = 0;
  } else if (large && ++quiet == QUIET) {
    net_free(large, LARGE_BYTES);
    large = NULL;
  }
}

/* Gets what waits into empty buffers. */
static void get(struct frame *small) {
  int is_large = in.ring.wanted > sizeof *small;
  if (is_large || streak >= STREAK) {
    large_needed = 1;
    if (!large) large = net_allocate(LARGE_BYTES);
  }
  taken = in.ring.head;
  if (large && !is_large) {
    for (unsigned i = has_slots ? SLOTS : 0; i < SLOTS; i++) {
      in.descriptors[i] = describe(large + i * SLOT_BYTES, SLOT_BYTES, 0);
    }
    in.ring.tail = taken + SLOTS;
  } else {
    in.descriptors[taken % IN_DESCRIPTORS] =
        large ? describe(large, LARGE_BYTES, 0) : describe(small, sizeof *small, 0);
    in.ring.tail = taken + 1;
  }
  has_slots = large && !is_large;
  in.ring.size = IN_DESCRIPTORS;
  ilwaco_out(DENALI_PORT_NIC_RING_RECEIVE, (uint32_t)(uintptr_t)&in);
  drained = in.ring.wanted == 0;
}

/* Drops a segment for which there is no buffer. */
static void drop(struct frame *small) {
  ilwaco_ins(DENALI_PORT_NIC_RECEIVE, small, sizeof *small);
  network_counters.dropped_memory++;
  in.ring.wanted = 0;
}

struct frame *nic_ring_receive(struct frame *small, size_t *length) {
  while (taken == in.ring.head) {
    if (drained) {
      drained = 0;
      rest();
      return NULL;
    }
    uint32_t wanted = in.ring.wanted;
    get(small);
    if (taken == in.ring.head && wanted > sizeof *small && !large) drop(small);
  }
  const struct denali_nic_descriptor *next = &in.descriptors[taken++ % IN_DESCRIPTORS];
  streak++;
  *length = next->used - sizeof(struct virtio_header);
  return (struct frame *)(uintptr_t)next->address;
}
