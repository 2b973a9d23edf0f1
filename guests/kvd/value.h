/* What keys have: strings, lists, and hashes, which are tables as the database itself is. */
#ifndef KVD_VALUE_H
#define KVD_VALUE_H

#include <stddef.h>
#include <stdint.h>

struct text {
  uint32_t length;
  char bytes[];
};

struct text *text_new(const char *bytes, size_t length);
struct text *text_append(struct text *text, const char *bytes, size_t length);
int text_is(const struct text *text, const char *bytes, size_t length);

/* A ring that doubles. */
struct list {
  struct text **items;
  uint32_t first, count, capacity;
};

void list_push(struct list *list, struct text *text, int front);
struct text *list_pop(struct list *list, int front); /* NULL: empty */
void list_replace(struct list *list, uint32_t index, struct text *text);
struct text *list_at(const struct list *list, uint32_t index);

enum type { TYPE_STRING, TYPE_LIST, TYPE_HASH };

struct entry {
  struct entry *next;
  struct text *key;
  uint32_t hash;
  uint8_t type;
  uint64_t expires; /* milliseconds since 1970, 0: never */
  union {
    struct text *text;
    struct list *list;
    struct table *table;
  } value;
};

struct table {
  struct entry **buckets;
  uint32_t mask, count; /* mask + 1 buckets, a power of two */
};

void table_init(struct table *table);
void table_clear(struct table *table);
struct entry *table_find(const struct table *table, const char *key, size_t length);
/* The entry of the key, a new string entry without a value if there was none. */
struct entry *table_add(struct table *table, const char *key, size_t length, int *fresh);
int table_remove(struct table *table, const char *key, size_t length);

/* Calls `visit` for the entries of one or more buckets and returns the next cursor, 0 at the end. Every entry
 * that is there from the first call to the last is visited, also if the table grows in between. */
uint32_t table_scan(const struct table *table, uint32_t cursor,
                    void (*visit)(struct entry *entry, void *context), void *context);

/* Frees what the entry has; it has nothing then. */
void value_free(struct entry *entry);

#endif
