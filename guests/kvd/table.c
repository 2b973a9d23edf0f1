/* Tables; see value.h. Chains, and twice the buckets when there are more entries than buckets. */
#include <string.h>

#include "../common/hash.h"
#include "../common/random.h"
#include "memory.h"
#include "value.h"

enum { BUCKETS_FIRST = 4 };

static uint32_t hash_of(const char *key, size_t length) {
  static uint32_t secret[2];
  if (!secret[0]) secret[0] = random_word() | 1, secret[1] = random_word();
  return keyed_hash(secret, key, length);
}

static struct entry **new_buckets(uint32_t count) {
  struct entry **buckets = memory_get(count * sizeof *buckets);
  memset(buckets, 0, count * sizeof *buckets);
  return buckets;
}

void table_init(struct table *table) {
  *table = (struct table){.buckets = new_buckets(BUCKETS_FIRST), .mask = BUCKETS_FIRST - 1};
}

static void free_entry(struct entry *entry) {
  value_free(entry);
  memory_free(entry->key);
  memory_free(entry);
}

void table_clear(struct table *table) {
  for (uint32_t i = 0; i <= table->mask; i++) {
    while (table->buckets[i]) {
      struct entry *entry = table->buckets[i];
      table->buckets[i] = entry->next;
      free_entry(entry);
    }
  }
  memory_free(table->buckets);
  *table = (struct table){0};
}

static struct entry **link_of(const struct table *table, const char *key, size_t length,
                              uint32_t hash) {
  struct entry **link = &table->buckets[hash & table->mask];
  while (*link && ((*link)->hash != hash || !text_is((*link)->key, key, length))) {
    link = &(*link)->next;
  }
  return link;
}

struct entry *table_find(const struct table *table, const char *key, size_t length) {
  return *link_of(table, key, length, hash_of(key, length));
}

static void grow(struct table *table) {
  uint32_t count = (table->mask + 1) * 2;
  struct entry **buckets = new_buckets(count);
  for (uint32_t i = 0; i <= table->mask; i++) {
    while (table->buckets[i]) {
      struct entry *entry = table->buckets[i];
      table->buckets[i] = entry->next;
      entry->next = buckets[entry->hash & (count - 1)];
      buckets[entry->hash & (count - 1)] = entry;
    }
  }
  memory_free(table->buckets);
  table->buckets = buckets;
  table->mask = count - 1;
}

struct entry *table_add(struct table *table, const char *key, size_t length, int *fresh) {
  uint32_t hash = hash_of(key, length);
  struct entry **link = link_of(table, key, length, hash);
  *fresh = !*link;
  if (*link) return *link;
  if (table->count > table->mask && table->mask < 1u << 28) {
    grow(table);
    link = link_of(table, key, length, hash);
  }
  struct entry *entry = memory_get(sizeof *entry);
  *entry = (struct entry){.key = text_new(key, length), .hash = hash, .type = TYPE_STRING};
  *link = entry;
  table->count++;
  return entry;
}

int table_remove(struct table *table, const char *key, size_t length) {
  struct entry **link = link_of(table, key, length, hash_of(key, length));
  struct entry *entry = *link;
  if (!entry) return 0;
  *link = entry->next;
  table->count--;
  free_entry(entry);
  return 1;
}

static uint32_t reverse(uint32_t value) {
  uint32_t result = 0;
  for (int i = 0; i < 32; i++) result = result << 1 | (value >> i & 1);
  return result;
}

/* The cursor counts with its highest bit first: the buckets that one becomes when the table doubles
 * follow one another. */
uint32_t table_scan(const struct table *table, uint32_t cursor,
                    void (*visit)(struct entry *entry, void *context), void *context) {
  struct entry *entry = table->buckets[cursor & table->mask];
  while (entry) {
    struct entry *next = entry->next;
    visit(entry, context);
    entry = next;
  }
  return reverse(reverse(cursor | ~table->mask) + 1);
}
