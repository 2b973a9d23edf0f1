/*
 * Does what it is told with its disks, a line each, and answers each with a line: "ok ...", or "error"
 * and the errno.
 *
 *     info                     devices, and the name, blocks and mode of each
 *     write DISK BLOCK COUNT SEED
 *     read DISK BLOCK COUNT SEED   expects what a write with this seed wrote
 *     zero DISK BLOCK COUNT        expects zeros
 *     flush DISK
 *     many DISK SEED           writes every block by a request of its own, all at once, in a mixed
 *                              order, and then expects each
 */

#include <denali/block.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAXIMUM = 512 };

static uint32_t buffer[BLOCKS_MAXIMUM * BLOCK_BYTES / 4];

static uint32_t word(uint32_t seed, uint32_t block, uint32_t index) {
  uint32_t value = (seed * 0x9e3779b1u) ^ (block * 0x85ebca6bu) ^ (index * 0xc2b2ae35u);
  return value ^ value >> 15;
}

static void fill(uint32_t seed, uint32_t block, uint32_t count) {
  for (uint32_t i = 0; i < count * 1024; i++) buffer[i] = word(seed, block + i / 1024, i % 1024);
}

static void verify(int seeded, uint32_t seed, uint32_t block, uint32_t count) {
  for (uint32_t i = 0; i < count * 1024; i++) {
    uint32_t expected = seeded ? word(seed, block + i / 1024, i % 1024) : 0;
    if (buffer[i] == expected) continue;
    printf("wrong block %u word %u\n", block + i / 1024, i % 1024);
    return;
  }
  puts("ok");
}

static void answer(int result) {
  if (result) printf("error %d\n", errno);
  else puts("ok");
}

static void info(void) {
  struct block_info info;
  printf("ok %d", block_devices());
  for (int device = 0; block_info(device, &info) == 0; device++) {
    printf(" %s:%u:%s:%d", info.name, info.blocks, info.read_only ? "ro" : "rw",
           block_find(info.name));
  }
  puts("");
}

static int run_all(enum block_operation operation, int disk, uint32_t blocks) {
  static struct block_request requests[BLOCKS_MAXIMUM];
  int result = 0;
  for (uint32_t i = 0; i < blocks; i++) {
    uint32_t block = i * 7 % blocks;
    struct block_request request = {.device = disk, .operation = operation, .block = block,
                                    .count = 1, .buffer = buffer + block * 1024};
    requests[i] = request;
    if (block_submit(&requests[i])) return -1;
  }
  for (uint32_t i = 0; i < blocks; i++) {
    if (block_wait(&requests[i])) result = -1;
  }
  return result;
}

static void many(int disk, uint32_t seed) {
  struct block_info info;
  if (block_info(disk, &info)) return answer(-1);
  fill(seed, 0, info.blocks);
  if (run_all(BLOCK_WRITE, disk, info.blocks)) return answer(-1);
  memset(buffer, 0, sizeof buffer);
  if (run_all(BLOCK_READ, disk, info.blocks)) return answer(-1);
  verify(1, seed, 0, info.blocks);
}

int main(void) {
  char line[128], verb[16];
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    unsigned disk = 0, block = 0, count = 0, seed = 0;
    if (sscanf(line, "%15s %u %u %u %u", verb, &disk, &block, &count, &seed) < 1) continue;
    if (count > BLOCKS_MAXIMUM) count = BLOCKS_MAXIMUM;
    if (!strcmp(verb, "info")) {
      info();
    } else if (!strcmp(verb, "flush")) {
      answer(block_flush((int)disk));
    } else if (!strcmp(verb, "many")) {
      many((int)disk, block);
    } else if (!strcmp(verb, "write")) {
      fill(seed, block, count);
      answer(block_write((int)disk, block, buffer, count));
    } else {
      memset(buffer, 0xee, sizeof buffer);
      if (block_read((int)disk, block, buffer, count)) answer(-1);
      else verify(!strcmp(verb, "read"), seed, block, count);
    }
  }
  return 0;
}
