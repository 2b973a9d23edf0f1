/* Commands of lists. A list without items is no key. */
#include "database.h"
#include "memory.h"

static void push(struct call *call, int front) {
  struct entry *entry = database_get(call, &call->arguments[1], TYPE_LIST);
  if (!entry) return;
  for (int i = 2; i < call->count; i++) {
    const struct argument *a = &call->arguments[i];
    list_push(entry->value.list, text_new(a->bytes, a->length), front);
  }
  command_changed();
  reply_number(call->reply, entry->value.list->count);
}
static void push_front(struct call *call) { push(call, 1); }
static void push_back(struct call *call) { push(call, 0); }

/* Only to a list that there is. */
static void push_present(struct call *call, int front) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (entry) push(call, front);
  else if (!wrong) reply_number(call->reply, 0);
}
static void push_front_present(struct call *call) { push_present(call, 1); }
static void push_back_present(struct call *call) { push_present(call, 0); }

static void pop(struct call *call, int front) {
  int wrong;
  long long count = 1;
  int several = call->count == 3;
  if (several && (!argument_number(&call->arguments[2], &count) || count < 0)) {
    reply_error(call->reply, "ERR value is out of range, must be positive");
    return;
  }
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (wrong) return;
  if (!entry) {
    if (several) reply_raw(call->reply, "*-1\r\n", 5);
    else reply_text(call->reply, NULL);
    return;
  }
  struct list *list = entry->value.list;
  if (count > list->count) count = list->count;
  if (several) reply_array(call->reply, (size_t)count);
  for (long long i = 0; i < count; i++) {
    struct text *text = list_pop(list, front);
    reply_text(call->reply, text);
    memory_free(text);
  }
  if (count) command_changed();
  if (!list->count) database_remove(&call->arguments[1]);
}
static void pop_front(struct call *call) { pop(call, 1); }
static void pop_back(struct call *call) { pop(call, 0); }

static void length(struct call *call) {
  int wrong;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (!wrong) reply_number(call->reply, entry ? entry->value.list->count : 0);
}

static void index_of(struct call *call) {
  int wrong;
  long long index = 0;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (wrong) return;
  if (entry && !argument_number(&call->arguments[2], &index)) {
    reply_not_number(call);
    return;
  }
  long long count = entry ? entry->value.list->count : 0;
  if (index < 0) index += count;
  if (index < 0 || index >= count) reply_text(call->reply, NULL);
  else reply_text(call->reply, list_at(entry->value.list, (uint32_t)index));
}

static void range(struct call *call) {
  int wrong;
  struct range range;
  if (!argument_range(call, &range)) return;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (wrong) return;
  range_clip(&range, entry ? entry->value.list->count : 0);
  reply_array(call->reply, range.first > range.last ? 0 : (size_t)(range.last - range.first + 1));
  for (long long i = range.first; i <= range.last; i++) {
    reply_text(call->reply, list_at(entry->value.list, (uint32_t)i));
  }
}

static void set(struct call *call) {
  int wrong;
  long long index;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (wrong) return;
  if (!entry) {
    reply_error(call->reply, "ERR no such key");
    return;
  }
  if (!argument_number(&call->arguments[2], &index)) {
    reply_not_number(call);
    return;
  }
  struct list *list = entry->value.list;
  if (index < 0) index += list->count;
  if (index < 0 || index >= list->count) {
    reply_error(call->reply, "ERR index out of range");
    return;
  }
  const struct argument *value = &call->arguments[3];
  list_replace(list, (uint32_t)index, text_new(value->bytes, value->length));
  command_changed();
  reply_status(call->reply, "OK");
}

static void trim(struct call *call) {
  int wrong;
  struct range range;
  if (!argument_range(call, &range)) return;
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (wrong) return;
  if (entry) {
    struct list *list = entry->value.list;
    long long count = list->count;
    range_clip(&range, count);
    for (long long i = range.last + 1; i < count; i++) memory_free(list_pop(list, 0));
    for (long long i = 0; i < range.first && list->count; i++) memory_free(list_pop(list, 1));
    if (list->count != count) command_changed();
    if (!list->count) database_remove(&call->arguments[1]);
  }
  reply_status(call->reply, "OK");
}

/* Takes items that are a value out: so many from the front, or from the back if it is less than zero, or all. */
static void remove_items(struct call *call) {
  int wrong;
  long long wanted;
  const struct argument *value = &call->arguments[3];
  if (!argument_number(&call->arguments[2], &wanted) || wanted == INT64_MIN) {
    reply_not_number(call);
    return;
  }
  struct entry *entry = database_peek(call, &call->arguments[1], TYPE_LIST, &wrong);
  if (wrong) return;
  struct list *list = entry ? entry->value.list : NULL;
  uint32_t count = list ? list->count : 0, removed = 0;
  int from_back = wanted < 0;
  if (from_back) wanted = -wanted;
  /* Each item goes around once, so that the order stays. */
  for (uint32_t i = 0; i < count; i++) {
    struct text *text = list_pop(list, !from_back);
    if ((!wanted || removed < wanted) && text_is(text, value->bytes, value->length)) {
      memory_free(text);
      removed++;
    } else {
      list_push(list, text, from_back);
    }
  }
  if (removed) command_changed();
  if (list && !list->count) database_remove(&call->arguments[1]);
  reply_number(call->reply, removed);
}

const struct command list_commands[] = {{"LPUSH", 3, 0, WRITES | GROWS, push_front},
                                        {"RPUSH", 3, 0, WRITES | GROWS, push_back},
                                        {"LPUSHX", 3, 0, WRITES | GROWS, push_front_present},
                                        {"RPUSHX", 3, 0, WRITES | GROWS, push_back_present},
                                        {"LSET", 4, 4, WRITES | GROWS, set},
                                        {"LTRIM", 4, 4, WRITES, trim},
                                        {"LREM", 4, 4, WRITES, remove_items},
                                        {"LPOP", 2, 3, WRITES, pop_front},
                                        {"RPOP", 2, 3, WRITES, pop_back},
                                        {"LLEN", 2, 2, 0, length},
                                        {"LINDEX", 3, 3, 0, index_of},
                                        {"LRANGE", 4, 4, 0, range},
                                        {NULL, 0, 0, 0, NULL}};
