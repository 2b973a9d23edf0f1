/*
 * Writes a log (denali/store.h) on the disk of DENALI_DISK whose records are nearly those of kvd: log_noise SEED
 *
 * Commands at random with numbers of words and lengths that may lie, so that what reads the log meets all
 * that a sound log can hold.
 */
#include <denali/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state;
static uint32_t chance(uint32_t range) {
  state = state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)state * range >> 32);
}

static const char *const words[] = {
    "SET", "GET", "DEL", "APPEND", "INCR", "INCRBY", "MSET", "LPUSH", "RPUSH", "LPOP", "LTRIM", "LREM",
    "LSET", "HSET", "HDEL", "HINCRBY", "RENAME", "GETDEL", "PEXPIREAT", "PERSIST", "PXAT", "KEEPTTL", "SCAN",
    "FLUSHALL", "QUIT", "BGREWRITEAOF", "CONFIG", "SETEX", "INFO", "KEYS", "*", "a", "b", "c", "a", "b", "c",
    "0", "1", "-1", "99999999999", "9223372036854775807", "-9223372036854775808", "2000000000000"};
enum { COUNT = sizeof words / sizeof *words };

static uint32_t odd(uint32_t usual) {
  static const uint32_t borders[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
  return chance(60) ? usual : chance(2) ? borders[chance(6)] : usual + chance(9) - 4;
}

static size_t make(uint8_t *record) {
  uint32_t count = 1 + chance(6), length = odd(count);
  uint8_t *at = record + 4;
  memcpy(record, &length, 4);
  for (uint32_t i = 0; i < count; i++) {
    char noise[64];
    const char *word = words[chance(COUNT)];
    if (chance(10) == 0) {
      for (size_t k = 0; k < sizeof noise; k++) noise[k] = (char)(1 + chance(255));
      noise[chance(sizeof noise)] = 0;
      word = noise;
    }
    uint32_t bytes = (uint32_t)strnlen(word, sizeof noise);
    length = odd(bytes);
    memcpy(at, &length, 4);
    memcpy(at + 4, word, bytes);
    at += 4 + bytes;
  }
  return (size_t)(at - record) - (chance(100) ? 0 : chance(5));
}

static int ignore(void *context, const void *record, size_t length) {
  (void)context, (void)record, (void)length;
  return 0;
}

int main(int argc, char **argv) {
  uint8_t record[1024];
  state = argc > 1 ? (uint32_t)atoi(argv[1]) * 2654435761u : 1;
  struct store *store = store_open(0, ignore, NULL);
  if (!store) return perror("store_open"), 1;
  for (uint32_t i = chance(300); i > 0; i--) {
    struct iovec piece = {record, make(record)};
    if (store_append(store, &piece, 1) < 0) return perror("store_append"), 1;
  }
  if (store_flush(store) < 0) return perror("store_flush"), 1;
  store_close(store);
  return 0;
}
