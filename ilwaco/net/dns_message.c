/* DNS messages; see dns_message.h. What comes may be from anybody: every read is checked. */
#include "dns_message.h"

#include <ctype.h>
#include <string.h>

enum { HEADER_BYTES = 12, QUESTION_TAIL = 4, LABEL_MAXIMUM = 63, ALIASES_MAXIMUM = 8 };
enum { FLAG_ANSWER = 0x8000, FLAG_TRUNCATED = 0x0200, FLAG_RECURSE = 0x0100, OPCODE = 0x7800 };
enum { CODE_NO_NAME = 3 };
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, CLASS_INTERNET = 1 };

struct reader {
  const uint8_t *bytes;
  size_t length, at;
  int broken;
};

struct record {
  char name[DNS_NAME_MAXIMUM + 1];
  uint16_t type, class;
  uint32_t lifetime_s;
  size_t data, data_length;
};

static uint8_t *put16(uint8_t *at, unsigned value) {
  *at++ = (uint8_t)(value >> 8);
  *at++ = (uint8_t)value;
  return at;
}

static uint32_t take(struct reader *r, int bytes) {
  uint32_t value = 0;
  if (r->broken || r->length - r->at < (size_t)bytes) {
    r->broken = 1;
    return 0;
  }
  while (bytes--) value = value << 8 | r->bytes[r->at++];
  return value;
}

/* One name, as text without the last dot and in lower case. Pointers go only backwards, so it ends. */
static void take_name(struct reader *r, char text[DNS_NAME_MAXIMUM + 1]) {
  size_t used = 0, at = r->at, limit = r->at;
  int jumped = 0;
  text[0] = 0;
  for (;;) {
    if (at >= r->length) break;
    uint8_t size = r->bytes[at++];
    if (size == 0) {
      if (!jumped) r->at = at;
      text[used] = 0;
      return;
    }
    if ((size & 0xc0) == 0xc0) {
      if (at >= r->length) break;
      size_t target = (size_t)(size & 0x3f) << 8 | r->bytes[at++];
      if (!jumped) r->at = at;
      jumped = 1;
      if (target >= limit) break;
      at = limit = target;
      continue;
    }
    if (size > LABEL_MAXIMUM || r->length - at < size || used + size + 1 > DNS_NAME_MAXIMUM) break;
    if (used) text[used++] = '.';
    for (int i = 0; i < size; i++) text[used++] = (char)tolower(r->bytes[at++]);
  }
  text[0] = 0;
  r->broken = 1;
}

static void take_record(struct reader *r, struct record *record) {
  take_name(r, record->name);
  record->type = (uint16_t)take(r, 2);
  record->class = (uint16_t)take(r, 2);
  record->lifetime_s = take(r, 4);
  record->data_length = take(r, 2);
  record->data = r->at;
  if (r->broken || r->length - r->at < record->data_length) {
    r->broken = 1;
  } else {
    r->at += record->data_length;
  }
}

size_t dns_write_query(uint8_t query[DNS_QUERY_MAXIMUM], uint16_t id, const char *name) {
  size_t length = strlen(name);
  if (length && name[length - 1] == '.') length--;
  if (length == 0 || length > DNS_NAME_MAXIMUM) return 0;
  uint8_t *at = query;
  at = put16(at, id);
  at = put16(at, FLAG_RECURSE);
  at = put16(at, 1);
  memset(at, 0, 6);
  at += 6;
  for (size_t i = 0; i < length;) {
    size_t end = i;
    while (end < length && name[end] != '.') end++;
    if (end == i || end - i > LABEL_MAXIMUM || end + 1 == length) return 0;
    *at++ = (uint8_t)(end - i);
    memcpy(at, name + i, end - i);
    at += end - i;
    i = end + 1;
  }
  *at++ = 0;
  at = put16(at, TYPE_A);
  at = put16(at, CLASS_INTERNET);
  return (size_t)(at - query);
}

/* Whether the answer repeats the question, upper and lower case apart. */
static int same_question(const uint8_t *bytes, size_t length, const uint8_t *query, size_t query_length) {
  if (length < query_length) return 0;
  for (size_t i = HEADER_BYTES; i < query_length; i++) {
    if (tolower(bytes[i]) != tolower(query[i])) return 0;
  }
  return 1;
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The addresses of `name` among the answer's records; `*alias` is set if there is another name instead. */
static void collect(struct reader r, unsigned records, struct dns_answer *answer, int *alias) {
  char name[DNS_NAME_MAXIMUM + 1];
  strcpy(name, answer->canonical);
  *alias = 0;
  while (records--) {
    struct record record;
    take_record(&r, &record);
    if (r.broken) return;
    if (record.class != CLASS_INTERNET || strcmp(record.name, name) != 0) continue;
    if (record.type == TYPE_CNAME && !*alias) {
      struct reader target = {r.bytes, r.length, record.data, 0};
      take_name(&target, answer->canonical);
      answer->lifetime_s = least(answer->lifetime_s, record.lifetime_s);
      *alias = !target.broken;
    } else if (record.type == TYPE_A && record.data_length == 4 &&
               answer->count < DNS_ADDRESSES_MAXIMUM) {
      memcpy(&answer->addresses[answer->count++], r.bytes + record.data, 4);
      answer->lifetime_s = least(answer->lifetime_s, record.lifetime_s);
    }
  }
}

/* How long to believe that there is nothing (RFC 2308): the zone says so. */
static uint32_t negative_lifetime(struct reader r, unsigned answers, unsigned authorities) {
  struct record record;
  while (answers--) take_record(&r, &record);
  while (authorities-- && !r.broken) {
    take_record(&r, &record);
    if (r.broken || record.type != TYPE_SOA || record.data_length < 22) continue;
    struct reader minimum = {r.bytes, r.length, record.data + record.data_length - 4, 0};
    return least(record.lifetime_s, take(&minimum, 4));
  }
  return 0;
}

enum dns_outcome dns_read_answer(const uint8_t *bytes, size_t length, const uint8_t *query,
                                 size_t query_length, struct dns_answer *answer) {
  struct reader r = {bytes, length, 0, 0};
  uint32_t id = take(&r, 2), flags = take(&r, 2), questions = take(&r, 2);
  uint32_t answers = take(&r, 2), authorities = take(&r, 2);
  take(&r, 2);
  if (r.broken || id != (uint32_t)(query[0] << 8 | query[1]) || !(flags & FLAG_ANSWER) ||
      (flags & OPCODE) || questions != 1 || !same_question(bytes, length, query, query_length)) {
    return DNS_FOREIGN;
  }
  if (flags & FLAG_TRUNCATED) return DNS_TRUNCATED;
  unsigned code = flags & 15;
  if (code != 0 && code != CODE_NO_NAME) return DNS_FAILED;
  memset(answer, 0, sizeof *answer);
  answer->lifetime_s = UINT32_MAX;
  take_name(&r, answer->canonical);
  r.at = query_length;
  int alias = code == 0;
  for (int i = 0; alias && !answer->count && i < ALIASES_MAXIMUM; i++) {
    collect(r, answers, answer, &alias);
  }
  if (answer->count) return DNS_FOUND;
  answer->lifetime_s = negative_lifetime(r, answers, authorities);
  return code == CODE_NO_NAME ? DNS_NO_NAME : DNS_NO_ADDRESS;
}
