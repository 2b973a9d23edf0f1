/* See persist.h. */
#include "persist.h"

#include <denali/block.h>
#include <denali/store.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "memory.h"

enum { SMALL = 512, /* bytes of a record that is put together before it is appended */
       WORDS = 64, COMPACT_AT_LEAST = 256 << 10, SECOND_MS = 1000 };

enum append_flush persist_mode = FLUSH_EVERY_SECOND;
int persist_replaying;

static struct store *store;
static int failure;       /* an errno: what was appended may be lost */
static int dirty;         /* something was appended since the last commit */
static int unflushed;     /* ... since the last flush */
static uint64_t flush_at; /* milliseconds */
static size_t memory_then; /* used when the log was last written anew, or that was tried */
static unsigned attempts;
static uint64_t compacted_to, compactions, flushes; /* bytes of the log when it was last written anew */

static uint32_t word_at(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, 4);
  return word;
}

static int replay_one(void *context, const void *record, size_t length) {
  static struct argument *words;
  static uint32_t room;
  const uint8_t *at = record, *end = at + length;
  struct reply *reply = context;
  if (length < 4) return EBADMSG;
  uint32_t count = word_at(at);
  at += 4;
  if (count == 0 || count > length / 4) return EBADMSG;
  if (count > room) {
    words = memory_resize(words, count * sizeof *words);
    room = count;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (end - at < 4 || (size_t)(end - at - 4) < word_at(at)) return EBADMSG;
    words[i] = (struct argument){(const char *)at + 4, word_at(at)};
    at += 4 + words[i].length;
  }
  struct call call = {.count = (int)count, .arguments = words, .reply = reply};
  command_run(&call);
  return 0;
}

static int say(const char *disk, int error) {
  fprintf(stderr, "kvd: disk %s: %s%s\n", disk, strerror(error),
          error == EMEDIUMTYPE ? " (what is on it is not a log of kvd; it was not touched)" : "");
  return -1;
}

int persist_open(const char *disk) {
  struct block_info info;
  struct reply muted = {.muted = 1};
  int device = 0;
  if (!disk && !block_devices()) return 0;
  if (disk) device = block_find(disk);
  if (device < 0) return say(disk, errno);
  if (block_info(device, &info) < 0) return say(disk ? disk : "0", errno);
  persist_replaying = 1;
  store = store_open(device, replay_one, &muted);
  persist_replaying = 0;
  if (!store) return say(info.name, errno);
  if (info.read_only) failure = EROFS;
  struct store_info log;
  store_info(store, &log);
  compacted_to = log.used;
  printf("kvd: %llu records of disk %s give %u keys\n", (unsigned long long)log.records, info.name,
         database.count);
  return 0;
}

int persist_is_on(void) { return store != NULL; }

const char *persist_failure(void) { return failure ? strerror(failure) : NULL; }

static void fail(int error) {
  if (!failure) fprintf(stderr, "kvd: the log cannot be written: %s\n", strerror(error));
  failure = error;
}

static uint8_t *put_word(uint8_t *at, uint32_t word) {
  memcpy(at, &word, 4);
  return at + 4;
}

static int append_small(struct store *to, const struct argument *arguments, int count) {
  uint8_t record[SMALL], *at = put_word(record, (uint32_t)count);
  for (int i = 0; i < count; i++) {
    at = put_word(at, (uint32_t)arguments[i].length);
    memcpy(at, arguments[i].bytes, arguments[i].length);
    at += arguments[i].length;
  }
  struct iovec whole = {record, (size_t)(at - record)};
  return store_append(to, &whole, 1) < 0 ? errno : 0;
}

static int append(struct store *to, const struct argument *arguments, int count) {
  size_t bytes = 4 + 4 * (size_t)count;
  for (int i = 0; i < count; i++) bytes += arguments[i].length;
  if (bytes <= SMALL) return append_small(to, arguments, count);
  struct iovec small[1 + 2 * WORDS], *pieces = small;
  uint32_t sizes[1 + WORDS], *numbers = sizes;
  if (count > WORDS) {
    pieces = memory_get((1 + 2 * (size_t)count) * sizeof *pieces);
    numbers = memory_get((1 + (size_t)count) * sizeof *numbers);
  }
  numbers[0] = (uint32_t)count;
  pieces[0] = (struct iovec){numbers, 4};
  for (int i = 0; i < count; i++) {
    numbers[1 + i] = (uint32_t)arguments[i].length;
    pieces[1 + 2 * i] = (struct iovec){&numbers[1 + i], 4};
    pieces[2 + 2 * i] = (struct iovec){(void *)arguments[i].bytes, arguments[i].length};
  }
  int error = store_append(to, pieces, 1 + 2 * count) < 0 ? errno : 0;
  if (pieces != small) memory_free(pieces);
  if (numbers != sizes) memory_free(numbers);
  return error;
}

void persist_append(const struct argument *arguments, int count) {
  if (!store || persist_replaying || failure) return;
  int error = append(store, arguments, count);
  if (error) fail(error);
  dirty = unflushed = 1;
}

/* --- a log that makes the keys there are */

struct emission {
  struct store *store;
  int error;
  struct argument words[WORDS];
};

static struct argument word(const struct text *text) {
  return (struct argument){text->bytes, text->length};
}

/* So many words of one record that the record stays small. */
static void emit(struct emission *e, int count) {
  if (!e->error) e->error = append(e->store, e->words, count);
}

static void emit_list(struct emission *e, const struct list *list) {
  int count = 2;
  e->words[0] = (struct argument){"RPUSH", 5};
  for (uint32_t i = 0; i < list->count; i++) {
    e->words[count++] = word(list_at(list, i));
    if (count < WORDS && i + 1 < list->count) continue;
    emit(e, count);
    count = 2;
  }
}

struct hash_emission {
  struct emission *emission;
  int count;
};

static void emit_field(struct entry *entry, void *context) {
  struct hash_emission *h = context;
  h->emission->words[h->count++] = word(entry->key);
  h->emission->words[h->count++] = word(entry->value.text);
  if (h->count < WORDS) return;
  emit(h->emission, h->count);
  h->count = 2;
}

static void emit_hash(struct emission *e, const struct table *table) {
  struct hash_emission h = {e, 2};
  uint32_t cursor = 0;
  e->words[0] = (struct argument){"HSET", 4};
  do cursor = table_scan(table, cursor, emit_field, &h);
  while (cursor);
  if (h.count > 2) emit(e, h.count);
}

static void emit_entry(struct entry *entry, void *context) {
  struct emission *e = context;
  e->words[1] = word(entry->key);
  if (entry->type == TYPE_LIST) {
    emit_list(e, entry->value.list);
  } else if (entry->type == TYPE_HASH) {
    emit_hash(e, entry->value.table);
  } else {
    e->words[0] = (struct argument){"SET", 3};
    e->words[2] = word(entry->value.text);
    emit(e, 3);
  }
  if (!entry->expires) return;
  char at[24];
  int length = snprintf(at, sizeof at, "%llu", (unsigned long long)entry->expires);
  e->words[0] = (struct argument){"PEXPIREAT", 9};
  e->words[2] = (struct argument){at, (size_t)length};
  emit(e, 3);
}

static int emit_all(struct store *to, void *context) {
  struct emission *e = context;
  uint32_t cursor = 0;
  e->store = to;
  do cursor = table_scan(&database, cursor, emit_entry, e);
  while (cursor && !e->error);
  return e->error;
}

int persist_compact(void) {
  struct store_info info;
  if (!store) return ENODEV;
  if (failure) return failure;
  attempts++;
  memory_then = memory_used;
  struct emission *emission = memory_get(sizeof *emission);
  emission->error = 0;
  int error = store_compact(store, emit_all, emission) < 0 ? errno : 0;
  memory_free(emission);
  store_info(store, &info);
  if (info.error) fail(info.error);
  compacted_to = info.used; /* also if it was given up: nothing shorter is to be had */
  if (error) return error;
  compactions++;
  dirty = unflushed = 0;
  return 0;
}

/* A full disk does not cost a whole rewrite for each change that is refused: there must be something to
 * gain since the last one, in words that were appended or in keys that have gone. */
static int is_worthwhile(const struct store_info *info) {
  uint64_t least = info->used / 64 > BLOCK_BYTES ? info->used / 64 : BLOCK_BYTES;
  return !attempts || info->used > compacted_to + compacted_to / 4 ||
         memory_used + least < memory_then;
}

int persist_has_room(uint64_t bytes) {
  struct store_info info;
  if (!store || failure) return 1;
  store_info(store, &info);
  uint64_t needed = bytes + 2 * BLOCK_BYTES, room = info.capacity - info.used;
  int grown = info.used > 2 * compacted_to && info.used > COMPACT_AT_LEAST &&
              info.used > info.capacity / 4;
  if (room >= needed && !grown) return 1;
  if (!is_worthwhile(&info)) return room >= needed;
  if (persist_compact() == 0) store_info(store, &info);
  return info.capacity - info.used >= needed;
}

static int flush(void) {
  if (failure) return 0;
  if (store_flush(store) < 0) {
    fail(errno);
    return 0;
  }
  flushes++;
  unflushed = 0;
  return 1;
}

int persist_commit(void) {
  if (!dirty) return 1;
  dirty = 0;
  if (failure) return 0;
  return persist_mode == FLUSH_ALWAYS ? flush() : 1;
}

int persist_tidy(uint64_t now_ms) {
  if (!store || !unflushed || failure) return -1;
  if (!flush_at) flush_at = now_ms + SECOND_MS;
  if (now_ms < flush_at) return (int)(flush_at - now_ms);
  flush_at = 0;
  if (persist_mode != FLUSH_NEVER) {
    flush();
  } else if (store_write(store) < 0) {
    fail(errno);
  } else {
    unflushed = 0;
  }
  return -1;
}

void persist_info(struct persist_info *info) {
  struct store_info log = {0};
  if (store) store_info(store, &log);
  *info = (struct persist_info){log.capacity, log.used, log.records, compactions, flushes};
}
