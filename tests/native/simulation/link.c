/*
 * The link between the two hosts: one queue each way with a bandwidth, a delay and a length, and faults
 * by chance. Settings, each way:
 *
 *   mbps (100)       bandwidth            delay (100)   microseconds one way
 *   jitter (0)       microseconds at most, added to each frame's delay; reorders
 *   queue (200)      frames that wait; more are dropped
 *   cut (never)      second from which on nothing arrives
 *   loss, duplicate, corrupt (0)          percent of the frames
 *   trace (0)        1: prints every TCP segment sent
 *
 * Corruption changes bits within 15 neighbouring ones of an IP packet: what the Internet checksum is
 * sure to notice. ARP has no checksum and is spared, as the frame check sequence would on a real link.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulation.h"

static struct frame *travelling; /* by arrival */
static uint64_t free_at[HOSTS], order;
static unsigned waiting[HOSTS];
static unsigned long sent, lost, overflowed, corrupted, duplicated;

static void insert(struct frame *frame) {
  struct frame **link = &travelling;
  while (*link && ((*link)->at < frame->at || ((*link)->at == frame->at && (*link)->order < frame->order))) {
    link = &(*link)->next;
  }
  frame->next = *link;
  *link = frame;
}

static void corrupt(uint8_t *bytes, size_t length) {
  size_t at = 14 + chance((uint32_t)(length - 15));
  uint32_t bits = 1 + chance(0x7fff);
  bytes[at] ^= (uint8_t)(bits >> 8);
  if (at + 1 < length) bytes[at + 1] ^= (uint8_t)bits;
}

static void travel(int from, const uint8_t *bytes, size_t length) {
  struct frame *frame = malloc(sizeof *frame);
  double bits = (double)(length + 24) * 8; /* preamble, FCS and gap included */
  if (free_at[from] < now) free_at[from] = now;
  free_at[from] += (uint64_t)(bits / setting_number("mbps", 100)) + 1;
  frame->at = free_at[from] + (uint64_t)setting_number("delay", 100);
  uint32_t jitter = (uint32_t)setting_number("jitter", 0);
  if (jitter) frame->at += chance(jitter);
  frame->order = order++ << 1 | (uint64_t)from;
  frame->length = length;
  memcpy(frame->bytes, bytes, length);
  if (length > 40 && bytes[12] == 8 && bytes[13] == 0 && happens(setting_number("corrupt", 0))) {
    corrupt(frame->bytes, length);
    corrupted++;
  }
  waiting[from]++;
  insert(frame);
}

static uint32_t get32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void trace(int from, const uint8_t *bytes, size_t length, const char *fate) {
  if (length < 54 || bytes[12] != 8 || bytes[23] != 6) return;
  const uint8_t *tcp = bytes + 34;
  printf("%10.6f %d %u>%u %s%s%s%s seq %u ack %u window %u length %zu%s\n", (double)now / 1e6, from,
         get32(tcp) >> 16, get32(tcp) & 0xffff, tcp[13] & 2 ? "S" : "", tcp[13] & 1 ? "F" : "",
         tcp[13] & 4 ? "R" : "", tcp[13] & 16 ? "." : "", get32(tcp + 4), get32(tcp + 8),
         get32(tcp + 14) >> 16, length - 34 - (tcp[12] >> 4) * 4u, fate);
}

void link_send(int from, const uint8_t *bytes, size_t length) {
  int is_cut = now >= (uint64_t)setting_number("cut", 1e9) * 1000000;
  int is_lost = is_cut || happens(setting_number("loss", 0));
  if (setting_number("trace", 0)) {
    int full = waiting[from] >= setting_number("queue", 200);
    trace(from, bytes, length, is_lost ? " lost" : full ? " dropped" : "");
  }
  sent++;
  if (is_lost) {
    lost++;
    return;
  }
  if (waiting[from] >= setting_number("queue", 200)) {
    overflowed++;
    return;
  }
  travel(from, bytes, length);
  if (happens(setting_number("duplicate", 0))) {
    travel(from, bytes, length);
    duplicated++;
  }
}

uint64_t link_next(void) { return travelling ? travelling->at : UINT64_MAX; }

static void put(int to, struct frame *frame) {
  struct host *host = &hosts[to];
  frame->next = NULL;
  *host->inbox_last = frame;
  host->inbox_last = &frame->next;
  host->inbox_count++;
  ilwaco_event_signal(&host->received);
}

void link_deliver(void) {
  while (travelling && travelling->at <= now) {
    struct frame *frame = travelling;
    travelling = frame->next;
    int from = (int)(frame->order & 1);
    waiting[from]--;
    put(1 - from, frame);
  }
}

void link_inject(int to, const uint8_t *bytes, size_t length) {
  struct frame *frame = malloc(sizeof *frame);
  frame->length = length;
  memcpy(frame->bytes, bytes, length);
  put(to, frame);
}

void link_print(void) {
  printf("frames %lu lost %lu overflowed %lu corrupted %lu duplicated %lu\n", sent, lost, overflowed,
         corrupted, duplicated);
}
