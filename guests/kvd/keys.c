/* Commands of keys, whatever they have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "glob.h"
#include "memory.h"
#include "persist.h"

static void remove_keys(struct call *call) {
  int removed = 0;
  for (int i = 1; i < call->count; i++) {
    if (database_find(&call->arguments[i])) removed += database_remove(&call->arguments[i]);
  }
  if (removed) command_changed();
  reply_number(call->reply, removed);
}

static void exists(struct call *call) {
  int found = 0;
  for (int i = 1; i < call->count; i++) found += database_find(&call->arguments[i]) != NULL;
  reply_number(call->reply, found);
}

static const char *const type_names[] = {"string", "list", "hash"};

static void type(struct call *call) {
  struct entry *entry = database_find(&call->arguments[1]);
  reply_status(call->reply, entry ? type_names[entry->type] : "none");
}

/* 1: it has the new name; 0: it is the same, or taken and `if_free`; -1: there is none. */
static int move(const struct call *call, int if_free) {
  const struct argument *to = &call->arguments[2];
  struct entry *entry = database_find(&call->arguments[1]), *there = database_find(to);
  if (!entry) return -1;
  if (entry == there || (there && if_free)) return 0;
  if (there) database_remove(to);
  int fresh;
  there = table_add(&database, to->bytes, to->length, &fresh);
  there->type = entry->type;
  there->value = entry->value;
  database_expire(there, entry->expires);
  entry->type = TYPE_STRING;
  entry->value.text = NULL;
  database_remove(&call->arguments[1]);
  command_changed();
  return 1;
}

static void rename_key(struct call *call) {
  if (move(call, 0) < 0) reply_error(call->reply, "ERR no such key");
  else reply_status(call->reply, "OK");
}

static void rename_if_free(struct call *call) {
  int moved = move(call, 1);
  if (moved < 0) reply_error(call->reply, "ERR no such key");
  else reply_number(call->reply, moved);
}

/* --- time */

static void expire(struct call *call, int unit, int relative) {
  long long number;
  struct entry *entry = database_find(&call->arguments[1]);
  if (!argument_number(&call->arguments[2], &number)) {
    reply_not_number(call);
    return;
  }
  long long now = relative ? (long long)database_now() : 0, at;
  if (__builtin_mul_overflow(number, unit, &at) || __builtin_add_overflow(at, now, &at)) {
    reply_error(call->reply, "ERR invalid expire time in 'expire' command");
    return;
  }
  reply_number(call->reply, entry != NULL);
  if (!entry) return;
  if (at <= (long long)database_now() && !persist_replaying) { /* over already */
    struct argument words[] = {{"DEL", 3}, call->arguments[1]};
    database_remove(&words[1]);
    command_changed_as(words, 2);
    return;
  }
  char text[24];
  struct argument words[] = {{"PEXPIREAT", 9}, call->arguments[1], {text, 0}};
  words[2].length = (size_t)snprintf(text, sizeof text, "%lld", at);
  command_changed_as(words, 3);
  database_expire(entry, (uint64_t)at);
}
static void expire_seconds(struct call *call) { expire(call, 1000, 1); }
static void expire_milliseconds(struct call *call) { expire(call, 1, 1); }
static void expire_at_seconds(struct call *call) { expire(call, 1000, 0); }
static void expire_at_milliseconds(struct call *call) { expire(call, 1, 0); }

static void left(struct call *call, unsigned unit) {
  struct entry *entry = database_find(&call->arguments[1]);
  if (!entry || !entry->expires) {
    reply_number(call->reply, entry ? -1 : -2);
    return;
  }
  uint64_t now = database_now(), ms = entry->expires > now ? entry->expires - now : 0;
  reply_number(call->reply, (long long)((ms + unit / 2) / unit));
}
static void left_seconds(struct call *call) { left(call, 1000); }
static void left_milliseconds(struct call *call) { left(call, 1); }

static void persist(struct call *call) {
  struct entry *entry = database_find(&call->arguments[1]);
  int timed = entry && entry->expires;
  if (timed) {
    database_expire(entry, 0);
    command_changed();
  }
  reply_number(call->reply, timed);
}

/* --- looking through all */

struct listing {
  struct reply *reply;
  const struct argument *pattern; /* NULL: all */
  const struct argument *type;    /* NULL: all */
  uint64_t now;
  size_t found;
};

static void show(struct entry *entry, void *context) {
  struct listing *l = context;
  if (entry->expires && entry->expires <= l->now) return;
  if (l->type && !argument_is(l->type, type_names[entry->type])) return;
  if (l->pattern && !glob_match(l->pattern->bytes, l->pattern->length, entry->key->bytes,
                                entry->key->length)) {
    return;
  }
  l->found++;
  reply_text(l->reply, entry->key);
}

/* The array's length stands before it and is known behind it. */
static void reply_found(struct call *call, struct reply *found, size_t count) {
  reply_array(call->reply, count);
  reply_raw(call->reply, found->bytes ? found->bytes : "", found->used);
  memory_free(found->bytes);
}

static void keys(struct call *call) {
  struct reply found = {0};
  struct listing l = {&found, &call->arguments[1], NULL, database_now(), 0};
  uint32_t cursor = 0;
  do cursor = table_scan(&database, cursor, show, &l);
  while (cursor);
  reply_found(call, &found, l.found);
}

static void scan(struct call *call) {
  struct reply found = {0};
  struct listing l = {&found, NULL, NULL, database_now(), 0};
  long long cursor, count = 10;
  if (!argument_number(&call->arguments[1], &cursor) || cursor < 0 || cursor > UINT32_MAX) {
    reply_error(call->reply, "ERR invalid cursor");
    return;
  }
  for (int i = 2; i < call->count; i += 2) {
    const struct argument *word = &call->arguments[i], *value = word + 1;
    int last = i + 1 == call->count;
    if (!last && argument_is(word, "MATCH")) l.pattern = value;
    else if (!last && argument_is(word, "TYPE")) l.type = value;
    else if (last || !argument_is(word, "COUNT") || !argument_number(value, &count) || count < 1) {
      reply_syntax(call);
      return;
    }
  }
  uint32_t next = (uint32_t)cursor;
  for (long long looked = 0; looked < count; looked++) {
    next = table_scan(&database, next, show, &l);
    if (!next || l.found >= (size_t)count) break;
  }
  char text[16];
  int length = snprintf(text, sizeof text, "%u", next);
  reply_array(call->reply, 2);
  reply_bulk(call->reply, text, (size_t)length);
  reply_found(call, &found, l.found);
}

static void size(struct call *call) { reply_number(call->reply, database.count); }

static void flush(struct call *call) {
  database_clear();
  command_changed();
  reply_status(call->reply, "OK");
}

const struct command key_commands[] = {{"DEL", 2, 0, WRITES, remove_keys},
                                       {"UNLINK", 2, 0, WRITES, remove_keys},
                                       {"EXISTS", 2, 0, 0, exists},
                                       {"TYPE", 2, 2, 0, type},
                                       {"RENAME", 3, 3, WRITES, rename_key},
                                       {"RENAMENX", 3, 3, WRITES, rename_if_free},
                                       {"EXPIRE", 3, 3, WRITES, expire_seconds},
                                       {"PEXPIRE", 3, 3, WRITES, expire_milliseconds},
                                       {"EXPIREAT", 3, 3, WRITES, expire_at_seconds},
                                       {"PEXPIREAT", 3, 3, WRITES, expire_at_milliseconds},
                                       {"TTL", 2, 2, 0, left_seconds},
                                       {"PTTL", 2, 2, 0, left_milliseconds},
                                       {"PERSIST", 2, 2, WRITES, persist},
                                       {"KEYS", 2, 2, 0, keys},
                                       {"SCAN", 2, 0, 0, scan},
                                       {"DBSIZE", 1, 1, 0, size},
                                       {"FLUSHALL", 1, 2, WRITES, flush},
                                       {"FLUSHDB", 1, 2, WRITES, flush},
                                       {NULL, 0, 0, 0, NULL}};
