/* Commands of strings. */
#include <stdio.h>
#include <string.h>

#include "database.h"
#include "memory.h"
#include "persist.h"

enum { TEXT_MAXIMUM = 512 << 20 };

static void set_text(struct entry *entry, const struct argument *value) {
  struct text *text = text_new(value->bytes, value->length);
  value_free(entry);
  entry->value.text = text;
}

/* The entry of a key, whatever it had, without a value. */
static struct entry *make(const struct argument *key) {
  int fresh;
  struct entry *entry = table_add(&database, key->bytes, key->length, &fresh);
  return entry;
}

struct set_options {
  int if_absent, if_present, keep, get;
  uint64_t expires;
};

/* A time as EX, PX, EXAT and PXAT give it. 0: the call is answered. */
static int read_time(struct call *call, const struct argument *value, int in_seconds, int relative,
                     uint64_t *at) {
  long long number, limit = INT64_MAX / (in_seconds ? 1000 : 1) - (1ll << 42);
  if (!argument_number(value, &number)) {
    reply_not_number(call);
    return 0;
  }
  if (number <= 0 || number > limit) {
    reply_error(call->reply, "ERR invalid expire time in 'set' command");
    return 0;
  }
  *at = (uint64_t)number * (in_seconds ? 1000 : 1) + (relative ? database_now() : 0);
  return 1;
}

static int read_options(struct call *call, struct set_options *o) {
  for (int i = 3; i < call->count; i++) {
    const struct argument *a = &call->arguments[i];
    int in_seconds = argument_is(a, "EX") || argument_is(a, "EXAT");
    int relative = argument_is(a, "EX") || argument_is(a, "PX");
    if (argument_is(a, "NX")) o->if_absent = 1;
    else if (argument_is(a, "XX")) o->if_present = 1;
    else if (argument_is(a, "KEEPTTL")) o->keep = 1;
    else if (argument_is(a, "GET")) o->get = 1;
    else if ((in_seconds || relative || argument_is(a, "PXAT")) && i + 1 < call->count && !o->expires) {
      if (!read_time(call, &call->arguments[++i], in_seconds, relative, &o->expires)) return 0;
    } else {
      reply_syntax(call);
      return 0;
    }
  }
  if ((o->if_absent && o->if_present) || (o->keep && o->expires)) {
    reply_syntax(call);
    return 0;
  }
  return 1;
}

/* Logged with the time when it is over, in one record. */
static void log_set(const struct argument *key, const struct argument *value, uint64_t expires) {
  char at[24];
  struct argument words[] = {{"SET", 3}, *key, *value, {"PXAT", 4}, {at, 0}};
  if (expires) words[4].length = (size_t)snprintf(at, sizeof at, "%llu", (unsigned long long)expires);
  command_changed_as(words, expires ? 5 : 3);
}

/* `entry`: what database_find says of the key. */
static void assign(const struct argument *key, struct entry *entry, const struct argument *value,
                   uint64_t expires) {
  if (!entry) entry = make(key);
  set_text(entry, value);
  database_expire(entry, expires);
  log_set(key, value, expires);
}

static void set(struct call *call) {
  struct set_options o = {0};
  const struct argument *key = &call->arguments[1];
  if (!read_options(call, &o)) return;
  struct entry *entry = database_find(key);
  if (o.get && entry && entry->type != TYPE_STRING) {
    int wrong;
    database_peek(call, key, TYPE_STRING, &wrong);
    return;
  }
  if (o.get) reply_text(call->reply, entry ? entry->value.text : NULL);
  if ((o.if_absent && entry) || (o.if_present && !entry)) {
    if (!o.get) reply_text(call->reply, NULL);
    return;
  }
  assign(key, entry, &call->arguments[2], o.keep && entry ? entry->expires : o.expires);
  if (!o.get) reply_status(call->reply, "OK");
}

static void set_absent(struct call *call) {
  int absent = !database_find(&call->arguments[1]);
  if (absent) assign(&call->arguments[1], NULL, &call->arguments[2], 0);
  reply_number(call->reply, absent);
}

static void set_with_time(struct call *call, int in_seconds) {
  uint64_t at;
  if (!read_time(call, &call->arguments[2], in_seconds, 1, &at)) return;
  const struct argument *key = &call->arguments[1];
  assign(key, database_find(key), &call->arguments[3], at);
  reply_status(call->reply, "OK");
}
static void set_seconds(struct call *call) { set_with_time(call, 1); }
static void set_milliseconds(struct call *call) { set_with_time(call, 0); }

static void get(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_STRING, &wrong);
  if (!wrong) reply_text(call->reply, entry ? entry->value.text : NULL);
}

static void get_set(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_STRING, &wrong);
  if (wrong) return;
  reply_text(call->reply, entry ? entry->value.text : NULL);
  assign(&call->arguments[1], entry, &call->arguments[2], 0);
}

static void get_many(struct call *call) {
  reply_array(call->reply, (size_t)call->count - 1);
  for (int i = 1; i < call->count; i++) {
    struct entry *entry = database_find(&call->arguments[i]);
    reply_text(call->reply, entry && entry->type == TYPE_STRING ? entry->value.text : NULL);
  }
}

static void set_many(struct call *call) {
  if (call->count % 2 == 0) {
    reply_error(call->reply, "ERR wrong number of arguments for 'mset' command");
    return;
  }
  for (int i = 1; i < call->count; i += 2) {
    struct entry *entry = make(&call->arguments[i]);
    set_text(entry, &call->arguments[i + 1]);
    database_expire(entry, 0);
  }
  command_changed(); /* one record: all of it or nothing */
  reply_status(call->reply, "OK");
}

static void append(struct call *call) {
  const struct argument *more = &call->arguments[2];
  struct entry *entry = database_get(call, &call->arguments[1], TYPE_STRING);
  if (!entry) return;
  if (!entry->value.text) entry->value.text = text_new("", 0);
  if (entry->value.text->length + more->length > TEXT_MAXIMUM) {
    reply_error(call->reply, "ERR string exceeds maximum allowed size");
    return;
  }
  /* While it is moved it is there twice. */
  if (!persist_replaying && !memory_allows(entry->value.text->length + more->length)) {
    reply_error(call->reply, "OOM command not allowed when used memory > 'maxmemory'.");
    return;
  }
  entry->value.text = text_append(entry->value.text, more->bytes, more->length);
  command_changed();
  reply_number(call->reply, entry->value.text->length);
}

static void get_delete(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_STRING, &wrong);
  if (wrong) return;
  reply_text(call->reply, entry ? entry->value.text : NULL);
  if (!entry) return;
  database_remove(&call->arguments[1]);
  command_changed();
}

static void range(struct call *call) {
  int wrong;
  struct range range;
  if (!argument_range(call, &range)) return;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_STRING, &wrong);
  if (wrong) return;
  long long count = entry ? entry->value.text->length : 0;
  int reversed = range.first < 0 && range.last < 0 && range.first > range.last;
  range_clip(&range, count);
  /* As in Redis, what ends before the first byte has that byte. */
  if (range.last < 0 && count) range.last = 0;
  if (reversed || range.first > range.last) {
    reply_bulk(call->reply, "", 0);
  } else {
    const char *bytes = entry->value.text->bytes + range.first;
    reply_bulk(call->reply, bytes, (size_t)(range.last - range.first + 1));
  }
}

static void length(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_STRING, &wrong);
  if (!wrong) reply_number(call->reply, entry ? entry->value.text->length : 0);
}

static void add(struct call *call, long long change) {
  int wrong;
  long long value = 0;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_STRING, &wrong);
  if (wrong) return;
  if (entry) {
    struct argument now = {entry->value.text->bytes, entry->value.text->length};
    if (!argument_number(&now, &value)) {
      reply_not_number(call);
      return;
    }
  }
  if (__builtin_add_overflow(value, change, &value)) {
    reply_error(call->reply, "ERR increment or decrement would overflow");
    return;
  }
  char text[24];
  struct argument sum = {text, (size_t)snprintf(text, sizeof text, "%lld", value)};
  if (!entry) entry = make(&call->arguments[1]);
  set_text(entry, &sum);
  command_changed();
  reply_number(call->reply, value);
}

static void increment(struct call *call) { add(call, 1); }
static void decrement(struct call *call) { add(call, -1); }

static void increment_by(struct call *call) {
  long long change;
  if (argument_number(&call->arguments[2], &change)) add(call, change);
  else reply_not_number(call);
}

static void decrement_by(struct call *call) {
  long long change;
  if (!argument_number(&call->arguments[2], &change)) reply_not_number(call);
  else if (change == INT64_MIN) reply_error(call->reply, "ERR decrement would overflow");
  else add(call, -change);
}

const struct command string_commands[] = {{"GET", 2, 2, 0, get},
                                          {"SET", 3, 0, WRITES | GROWS, set},
                                          {"SETNX", 3, 3, WRITES | GROWS, set_absent},
                                          {"SETEX", 4, 4, WRITES | GROWS, set_seconds},
                                          {"PSETEX", 4, 4, WRITES | GROWS, set_milliseconds},
                                          {"MGET", 2, 0, 0, get_many},
                                          {"MSET", 3, 0, WRITES | GROWS, set_many},
                                          {"APPEND", 3, 3, WRITES | GROWS, append},
                                          {"GETRANGE", 4, 4, 0, range},
                                          {"GETDEL", 2, 2, WRITES, get_delete},
                                          {"STRLEN", 2, 2, 0, length},
                                          {"GETSET", 3, 3, WRITES | GROWS, get_set},
                                          {"INCR", 2, 2, WRITES | GROWS, increment},
                                          {"DECR", 2, 2, WRITES | GROWS, decrement},
                                          {"INCRBY", 3, 3, WRITES | GROWS, increment_by},
                                          {"DECRBY", 3, 3, WRITES | GROWS, decrement_by},
                                          {NULL, 0, 0, 0, NULL}};
