/* Texts and lists; see value.h. */
#include "value.h"

#include <string.h>

#include "memory.h"

struct text *text_new(const char *bytes, size_t length) {
  struct text *text = memory_get(sizeof *text + length);
  text->length = (uint32_t)length;
  memcpy(text->bytes, bytes, length);
  return text;
}

struct text *text_append(struct text *text, const char *bytes, size_t length) {
  text = memory_resize(text, sizeof *text + text->length + length);
  memcpy(text->bytes + text->length, bytes, length);
  text->length += (uint32_t)length;
  return text;
}

int text_is(const struct text *text, const char *bytes, size_t length) {
  return text->length == length && memcmp(text->bytes, bytes, length) == 0;
}

static void grow(struct list *list) {
  uint32_t larger = list->capacity ? list->capacity * 2 : 4;
  struct text **items = memory_get(larger * sizeof *items);
  for (uint32_t i = 0; i < list->count; i++) items[i] = list_at(list, i);
  memory_free(list->items);
  list->items = items;
  list->first = 0;
  list->capacity = larger;
}

void list_push(struct list *list, struct text *text, int front) {
  if (list->count == list->capacity) grow(list);
  if (front) list->first = (list->first - 1) & (list->capacity - 1);
  uint32_t index = front ? 0 : list->count;
  list->count++;
  list->items[(list->first + index) & (list->capacity - 1)] = text;
}

struct text *list_pop(struct list *list, int front) {
  if (!list->count) return NULL;
  struct text *text = list_at(list, front ? 0 : list->count - 1);
  if (front) list->first = (list->first + 1) & (list->capacity - 1);
  list->count--;
  return text;
}

void list_replace(struct list *list, uint32_t index, struct text *text) {
  struct text **item = &list->items[(list->first + index) & (list->capacity - 1)];
  memory_free(*item);
  *item = text;
}

struct text *list_at(const struct list *list, uint32_t index) {
  return list->items[(list->first + index) & (list->capacity - 1)];
}

void value_free(struct entry *entry) {
  if (entry->type == TYPE_STRING) {
    memory_free(entry->value.text);
  } else if (entry->type == TYPE_LIST) {
    struct text *text;
    while ((text = list_pop(entry->value.list, 1))) memory_free(text);
    memory_free(entry->value.list->items);
    memory_free(entry->value.list);
  } else {
    table_clear(entry->value.table);
    memory_free(entry->value.table);
  }
  entry->type = TYPE_STRING;
  entry->value.text = NULL;
}
