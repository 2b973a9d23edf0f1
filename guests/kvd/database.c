/* See database.h. */
#include "database.h"

#include <sys/time.h>

#include "memory.h"
#include "persist.h"

enum { TIDY_MS = 100, TIDY_BUCKETS = 64 };

struct table database;
struct totals totals;

static uint32_t expiring, tidied;

uint64_t database_now(void) {
  struct timeval now;
  gettimeofday(&now, NULL);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

void database_init(void) { table_init(&database); }

void database_clear(void) {
  table_clear(&database);
  table_init(&database);
  expiring = 0;
}

void database_expire(struct entry *entry, uint64_t at) {
  expiring += (at != 0) - (entry->expires != 0);
  entry->expires = at;
}

uint32_t database_expiring(void) { return expiring; }

static void remove_expired(struct entry *entry) {
  struct text *key = text_new(entry->key->bytes, entry->key->length);
  struct argument words[] = {{"DEL", 3}, {key->bytes, key->length}};
  database_remove(&words[1]);
  totals.expired++;
  command_changed_as(words, 2);
  memory_free(key);
}

struct entry *database_find(const struct argument *key) {
  struct entry *entry = table_find(&database, key->bytes, key->length);
  /* While the log is replayed nothing expires: what did then is told there. */
  if (!entry || !entry->expires || persist_replaying || entry->expires > database_now()) {
    return entry;
  }
  remove_expired(entry);
  return NULL;
}

static const char wrong_type[] =
    "WRONGTYPE Operation against a key holding the wrong kind of value";

struct entry *database_get(struct call *call, const struct argument *key, enum type type) {
  int fresh;
  database_find(key); /* what is over goes */
  struct entry *entry = table_add(&database, key->bytes, key->length, &fresh);
  if (!fresh && entry->type != type) {
    reply_error(call->reply, wrong_type);
    return NULL;
  }
  if (!fresh || type == TYPE_STRING) return entry;
  entry->type = (uint8_t)type;
  if (type == TYPE_LIST) {
    entry->value.list = memory_get(sizeof(struct list));
    *entry->value.list = (struct list){0};
  } else {
    entry->value.table = memory_get(sizeof(struct table));
    table_init(entry->value.table);
  }
  return entry;
}

struct entry *database_peek(struct call *call, const struct argument *key, enum type type,
                            int *wrong) {
  struct entry *entry = database_find(key);
  *wrong = entry && entry->type != type;
  if (entry) totals.hits++;
  else totals.misses++;
  if (!*wrong) return entry;
  reply_error(call->reply, wrong_type);
  return NULL;
}

int database_remove(const struct argument *key) {
  struct entry *entry = table_find(&database, key->bytes, key->length);
  if (!entry) return 0;
  database_expire(entry, 0);
  return table_remove(&database, key->bytes, key->length);
}

static void tidy_one(struct entry *entry, void *now) {
  if (entry->expires && entry->expires <= *(uint64_t *)now) remove_expired(entry);
}

int database_tidy(void) {
  if (!expiring) return -1;
  uint64_t now = database_now();
  for (int i = 0; i < TIDY_BUCKETS && expiring; i++) {
    tidied = table_scan(&database, tidied, tidy_one, &now);
  }
  return expiring ? TIDY_MS : -1;
}
