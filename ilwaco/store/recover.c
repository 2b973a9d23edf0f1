/* Reading a log to its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A window of the area, STAGE_BLOCKS at a time. */
static int load(struct store *store, uint64_t at) {
  uint32_t first = (uint32_t)(at / BLOCK_BYTES), count = store->area_blocks - first;
  if (count > STAGE_BLOCKS) count = STAGE_BLOCKS;
  if (block_read(store->device, store_area_block(store, store->area) + first, store->stage, count) <
      0) {
    return errno;
  }
  store->staged = (uint64_t)first * BLOCK_BYTES;
  return 0;
}

/* Copies bytes of the area, which must lie in it. 0 or an errno. */
static int fetch(struct store *store, uint64_t at, uint8_t *to, size_t length) {
  while (length) {
    if (at < store->staged || at >= store->staged + STAGE_BYTES) {
      int error = load(store, at);
      if (error) return error;
    }
    size_t offset = (size_t)(at - store->staged), piece = STAGE_BYTES - offset;
    if (piece > length) piece = length;
    memcpy(to, store->stage + offset, piece);
    at += piece;
    to += piece;
    length -= piece;
  }
  return 0;
}

struct payload {
  uint8_t *bytes;
  size_t capacity;
};

/* 1: there is a valid record at `at`, and its payload is fetched; 0: there is none; or -errno. */
static int read_record(struct store *store, uint64_t at, uint32_t epoch, struct store_head *head,
                       struct payload *payload) {
  uint64_t end = store_area_bytes(store);
  if (at + RECORD_HEAD > end) return 0;
  int error = fetch(store, at, (uint8_t *)head, RECORD_HEAD);
  if (error) return -error;
  uint64_t sequence = (uint64_t)head->sequence_high << 32 | head->sequence_low;
  if (head->crc != store_crc(0, &head->length, RECORD_HEAD - 4) || sequence != store->sequence ||
      head->epoch < epoch || head->epoch > store->super.epoch ||
      head->length > end - at - RECORD_HEAD) {
    return 0;
  }
  if (head->length > payload->capacity) {
    uint8_t *more = realloc(payload->bytes, head->length);
    if (!more) return -ENOMEM;
    payload->bytes = more;
    payload->capacity = head->length;
  }
  error = fetch(store, at + RECORD_HEAD, payload->bytes, head->length);
  if (error) return -error;
  return head->payload_crc == store_crc(0, payload->bytes, head->length);
}

static uint64_t round_up(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

int store_recover(struct store *store, store_reader reader, void *context) {
  struct payload payload = {0};
  struct store_head head;
  uint64_t at = 0;
  uint32_t epoch = store->super.first_epoch;
  int result;
  store->staged = UINT64_MAX / 2; /* nothing is loaded */
  for (;;) {
    result = read_record(store, at, epoch, &head, &payload);
    if (result == 0 && at % BLOCK_BYTES) {
      at = round_up(at, BLOCK_BYTES);
      result = read_record(store, at, epoch, &head, &payload);
    }
    if (result <= 0) break;
    at += round_up(RECORD_HEAD + (uint64_t)head.length, RECORD_ALIGN);
    epoch = head.epoch;
    store->sequence++;
    store->records++;
    store->at = at;
    result = -reader(context, payload.bytes, head.length);
    if (result < 0) break;
  }
  free(payload.bytes);
  return -result;
}
