/*
 * Puts load on disk 0 as it is told, a line each:
 *
 *     OPERATION PATTERN BLOCKS DEPTH MILLISECONDS
 *
 * OPERATION is read, write or flush (a write of one request, then a flush, again and again), PATTERN seq or
 * rand, BLOCKS what a request moves, DEPTH how many are under way at once. The answer:
 *
 *     ok REQUESTS MICROSECONDS P50 P99      (latency of a request, or of a flush, in nanoseconds)
 */

#include <denali/block.h>
#include <ilwaco.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAXIMUM = 64, SUB = 16, BUCKETS = 40 * SUB };

static struct slot {
  struct block_request request;
  uint64_t begun;
  char buffer[BLOCK_REQUEST_BLOCKS * BLOCK_BYTES];
} slots[DEPTH_MAXIMUM];

static uint32_t counts[BUCKETS], total, blocks, length, position, seed;
static uint64_t end;
static int random_pattern;

static ILWACO_HANDLER uint64_t cycles(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static ILWACO_HANDLER uint32_t next_block(void) {
  uint32_t places = blocks / length;
  if (random_pattern) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * places >> 32) * length;
  }
  position = position + 1 < places ? position + 1 : 0;
  return position * length;
}

/* Logarithmic, with SUB buckets to each power of two. */
static ILWACO_HANDLER void count(uint64_t duration) {
  uint32_t power = 0, value = duration > 0xffffffffu ? 0xffffffffu : (uint32_t)duration;
  while (value >> power >= 2 * SUB) power++;
  counts[power * SUB + (value >> power)]++;
  total++;
}

static uint64_t percentile(uint32_t percent) {
  uint64_t wanted = (uint64_t)total * percent / 100, seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    seen += counts[i];
    if (seen <= wanted) continue;
    uint32_t power = i < 2 * SUB ? 0 : i / SUB - 1;
    uint64_t ticks = (uint64_t)(i - power * SUB) << power;
    return ticks * 1000000 / DENALI_REGISTERS->cpu_khz;
  }
  return 0;
}

static ILWACO_HANDLER void again(struct block_request *request) {
  struct slot *slot = (struct slot *)request;
  uint64_t now = cycles();
  count(now - slot->begun);
  if (request->error || now >= end) return;
  slot->begun = now;
  request->block = next_block();
  block_submit(request);
}

static int run_depth(enum block_operation operation, int depth) {
  int error = 0;
  for (int i = 0; i < depth; i++) {
    struct block_request request = {.operation = operation, .count = length, .done = again};
    slots[i].request = request;
    slots[i].request.buffer = slots[i].buffer;
    slots[i].request.block = next_block();
    slots[i].begun = cycles();
    if (block_submit(&slots[i].request)) return -1;
  }
  for (int i = 0; i < depth; i++) {
    /* A request that has been submitted again is open again before anybody else runs. */
    if (block_wait(&slots[i].request)) error = -1;
  }
  return error;
}

static int run_flushes(void) {
  do {
    if (block_write(0, next_block(), slots[0].buffer, length)) return -1;
    uint64_t begun = cycles();
    if (block_flush(0)) return -1;
    count(cycles() - begun);
  } while (cycles() < end);
  return 0;
}

int main(void) {
  char line[128], operation[8], pattern[8];
  struct block_info info;
  unsigned depth, milliseconds;
  if (block_info(0, &info)) return 1;
  blocks = info.blocks;
  seed = ilwaco_random32();
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "%7s %7s %u %u %u", operation, pattern, &length, &depth, &milliseconds) != 5) {
      continue;
    }
    if (depth > DEPTH_MAXIMUM || length < 1 || length > BLOCK_REQUEST_BLOCKS) return 1;
    memset(counts, 0, sizeof counts);
    total = 0;
    random_pattern = !strcmp(pattern, "rand");
    uint64_t begun = cycles();
    end = begun + (uint64_t)milliseconds * DENALI_REGISTERS->cpu_khz;
    int failed = !strcmp(operation, "flush") ? run_flushes()
                                             : run_depth(!strcmp(operation, "read") ? BLOCK_READ
                                                                                    : BLOCK_WRITE,
                                                         (int)depth);
    uint64_t microseconds = (cycles() - begun) * 1000 / DENALI_REGISTERS->cpu_khz;
    if (failed) printf("failed\n");
    else printf("ok %u %llu %llu %llu\n", total, microseconds, percentile(50), percentile(99));
  }
  return 0;
}
