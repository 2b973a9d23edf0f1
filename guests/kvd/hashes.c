/* Commands of hashes. A hash without fields is no key. */
#include <stdio.h>

#include "database.h"
#include "memory.h"

static int set_field(struct table *table, const struct argument *field,
                     const struct argument *value) {
  int fresh;
  struct text *text = text_new(value->bytes, value->length);
  struct entry *entry = table_add(table, field->bytes, field->length, &fresh);
  value_free(entry);
  entry->value.text = text;
  return fresh;
}

static struct entry *field_of(const struct entry *entry, const struct argument *field) {
  return entry ? table_find(entry->value.table, field->bytes, field->length) : NULL;
}

/* The number of fields that are new, or -1: the call is answered. */
static int set_all(struct call *call, const char *name) {
  int added = 0;
  if (call->count % 2) {
    char line[80];
    snprintf(line, sizeof line, "ERR wrong number of arguments for '%s' command", name);
    reply_error(call->reply, line);
    return -1;
  }
  struct entry *entry = database_get(call, &call->arguments[1], TYPE_HASH);
  if (!entry) return -1;
  for (int i = 2; i < call->count; i += 2) {
    added += set_field(entry->value.table, &call->arguments[i], &call->arguments[i + 1]);
  }
  command_changed();
  return added;
}

static void set(struct call *call) {
  int added = set_all(call, "hset");
  if (added >= 0) reply_number(call->reply, added);
}
static void set_status(struct call *call) {
  if (set_all(call, "hmset") >= 0) reply_status(call->reply, "OK");
}

static void get(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  struct entry *field = field_of(entry, &call->arguments[2]);
  reply_text(call->reply, field ? field->value.text : NULL);
}

static void get_many(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  reply_array(call->reply, (size_t)call->count - 2);
  for (int i = 2; i < call->count; i++) {
    struct entry *field = field_of(entry, &call->arguments[i]);
    reply_text(call->reply, field ? field->value.text : NULL);
  }
}

static void remove_fields(struct call *call) {
  int wrong, removed = 0;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  for (int i = 2; entry && i < call->count; i++) {
    const struct argument *field = &call->arguments[i];
    removed += table_remove(entry->value.table, field->bytes, field->length);
  }
  if (removed) command_changed();
  if (entry && !entry->value.table->count) database_remove(&call->arguments[1]);
  reply_number(call->reply, removed);
}

enum { KEYS = 1, VALUES = 2 };
struct listing {
  struct reply *reply;
  int what;
};

static void show(struct entry *entry, void *context) {
  struct listing *listing = context;
  if (listing->what & KEYS) reply_text(listing->reply, entry->key);
  if (listing->what & VALUES) reply_text(listing->reply, entry->value.text);
}

static void list(struct call *call, int what) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  size_t fields = entry ? entry->value.table->count : 0;
  reply_array(call->reply, fields * (what == (KEYS | VALUES) ? 2 : 1));
  struct listing listing = {call->reply, what};
  uint32_t cursor = 0;
  while (entry && (cursor = table_scan(entry->value.table, cursor, show, &listing))) continue;
}
static void get_all(struct call *call) { list(call, KEYS | VALUES); }
static void keys(struct call *call) { list(call, KEYS); }
static void values(struct call *call) { list(call, VALUES); }

static void length(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (!wrong) reply_number(call->reply, entry ? entry->value.table->count : 0);
}

static void exists(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (!wrong) reply_number(call->reply, field_of(entry, &call->arguments[2]) != NULL);
}

static void set_absent(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  int absent = !field_of(entry, &call->arguments[2]);
  if (absent) set_all(call, "hsetnx");
  reply_number(call->reply, absent);
}

static void increment(struct call *call) {
  int wrong;
  long long value = 0, change;
  if (!argument_number(&call->arguments[3], &change)) {
    reply_not_number(call);
    return;
  }
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  struct entry *field = field_of(entry, &call->arguments[2]);
  struct argument now = {0};
  if (field) now = (struct argument){field->value.text->bytes, field->value.text->length};
  if (field && !argument_number(&now, &value)) {
    reply_error(call->reply, "ERR hash value is not an integer");
    return;
  }
  if (__builtin_add_overflow(value, change, &value)) {
    reply_error(call->reply, "ERR increment or decrement would overflow");
    return;
  }
  char text[24];
  struct argument sum = {text, (size_t)snprintf(text, sizeof text, "%lld", value)};
  entry = database_get(call, &call->arguments[1], TYPE_HASH);
  set_field(entry->value.table, &call->arguments[2], &sum);
  command_changed();
  reply_number(call->reply, value);
}

static void field_length(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_HASH, &wrong);
  if (wrong) return;
  struct entry *field = field_of(entry, &call->arguments[2]);
  reply_number(call->reply, field ? field->value.text->length : 0);
}

const struct command hash_commands[] = {{"HSET", 4, 0, WRITES | GROWS, set},
                                        {"HMSET", 4, 0, WRITES | GROWS, set_status},
                                        {"HSETNX", 4, 4, WRITES | GROWS, set_absent},
                                        {"HGET", 3, 3, 0, get},
                                        {"HMGET", 3, 0, 0, get_many},
                                        {"HDEL", 3, 0, WRITES, remove_fields},
                                        {"HGETALL", 2, 2, 0, get_all},
                                        {"HKEYS", 2, 2, 0, keys},
                                        {"HVALS", 2, 2, 0, values},
                                        {"HLEN", 2, 2, 0, length},
                                        {"HEXISTS", 3, 3, 0, exists},
                                        {"HSTRLEN", 3, 3, 0, field_length},
                                        {"HINCRBY", 4, 4, WRITES | GROWS, increment},
                                        {NULL, 0, 0, 0, NULL}};
