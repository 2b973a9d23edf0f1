/*
 * Writes numbered, checksummed records, one to a block, round and round over disk 0, and says which are
 * on stable storage.
 *
 * Begins by reading what is there: "found LAST bad COUNT". Then record after record, in requests of one
 * to eight records, several at a time; a flush is submitted while they are under way, and further ones
 * after it. When a flush has ended: "acked NUMBER", the last record that was submitted before it.
 */

#include <denali/block.h>
#include <ilwaco.h>
#include <stdio.h>
#include <string.h>

enum { WORDS = BLOCK_BYTES / 4, MAGIC = 0x52454344, BATCH = 8, RECORDS = 8, HALVES = 2 };

struct record {
  uint32_t magic, number, checksum, payload[WORDS - 3];
};

_Static_assert(sizeof(struct record) == BLOCK_BYTES, "a record is a block");

static struct record records[HALVES][BATCH * RECORDS];
static struct block_request writes[HALVES][BATCH];
static uint32_t blocks, next;

static uint32_t word(uint32_t number, uint32_t index) {
  uint32_t value = number * 0x9e3779b1u ^ index * 0x85ebca6bu;
  return value ^ value >> 13;
}

static uint32_t checksum(const struct record *record) {
  uint32_t sum = record->number;
  for (int i = 0; i < WORDS - 3; i++) sum = sum * 31 + record->payload[i];
  return sum;
}

static void make(struct record *record, uint32_t number) {
  record->magic = MAGIC;
  record->number = number;
  for (int i = 0; i < WORDS - 3; i++) record->payload[i] = word(number, i);
  record->checksum = checksum(record);
}

static void scan(void) {
  static struct record record;
  uint32_t last = 0, bad = 0;
  for (uint32_t block = 0; block < blocks; block++) {
    if (block_read(0, block, &record, 1)) ilwaco_panic("a block cannot be read");
    if (record.magic == 0 && record.number == 0) continue;
    int right = record.magic == MAGIC && record.number % blocks == block &&
                record.checksum == checksum(&record);
    if (!right) bad++;
    else if (record.number > last) last = record.number;
  }
  printf("found %u bad %u\n", last, bad);
  next = last + 1;
}

/* Submits some requests; returns how many. */
static int submit(int half) {
  int count = 1 + (int)(ilwaco_random32() % BATCH);
  struct record *record = records[half];
  for (int i = 0; i < count; i++) {
    uint32_t block = next % blocks, length = 1 + ilwaco_random32() % RECORDS;
    if (length > blocks - block) length = blocks - block;
    struct block_request request = {
        .operation = BLOCK_WRITE, .block = block, .count = length, .buffer = record};
    for (uint32_t j = 0; j < length; j++) make(record++, next++);
    writes[half][i] = request;
    if (block_submit(&writes[half][i])) ilwaco_panic("a write was refused");
  }
  return count;
}

static void wait(struct block_request *requests, int count) {
  for (int i = 0; i < count; i++) {
    if (block_wait(&requests[i])) ilwaco_panic("a request failed");
  }
}

int main(void) {
  struct block_info info;
  if (block_info(0, &info)) ilwaco_panic("there is no disk");
  blocks = info.blocks;
  setvbuf(stdout, NULL, _IOLBF, 0);
  scan();
  for (;;) {
    int first = submit(0);
    uint32_t flushed = next - 1;
    struct block_request flush = {.operation = BLOCK_FLUSH};
    if (block_submit(&flush)) ilwaco_panic("a flush was refused");
    int second = submit(1);
    wait(&flush, 1);
    printf("acked %u\n", flushed);
    wait(writes[0], first);
    wait(writes[1], second);
  }
}
