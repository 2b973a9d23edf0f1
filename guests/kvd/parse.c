/* See parse.h. */
#include "parse.h"

#include <string.h>

#include "memory.h"

enum { LARGE = 1 << 20, USUAL = 16384, SPANS = 64 };

/* A buffer of the usual size that nobody has: who waits for a command keeps none. */
static char *spare;

int parser_reserve(struct parser *p, uint32_t bytes) {
  if (p->capacity - p->used >= bytes) return 1;
  uint32_t larger = p->used + bytes;
  if (!p->input && bytes <= USUAL && spare) {
    p->input = spare;
    p->capacity = USUAL;
    spare = NULL;
    return 1;
  }
  uint32_t step = p->capacity < LARGE ? p->capacity : p->capacity / 4;
  if (larger < p->capacity + step) larger = p->capacity + step;
  /* By what has come, not by what is announced: that costs a client nothing. */
  char *input = memory_try(p->input, larger);
  if (!input) return 0;
  p->input = input;
  p->capacity = larger;
  return 1;
}

static void add(struct parser *p, uint32_t at, uint32_t length) {
  if (p->count == p->room) {
    p->room = p->room ? p->room * 2 : 8;
    p->arguments = memory_resize(p->arguments, p->room * sizeof *p->arguments);
  }
  p->arguments[p->count++] = (struct span){at, length};
}

/* Length of the line at `at` without its end, and `*next` behind it; -1: it is not whole. */
static long line_at(const struct parser *p, uint32_t *next) {
  const char *start = p->input + p->at, *end = memchr(start, '\n', p->used - p->at);
  if (!end) return -1;
  *next = (uint32_t)(end + 1 - p->input);
  if (end > start && end[-1] == '\r') end--;
  return end - start;
}

/* A decimal number; -1: it is none or too large. */
static long long number_in(const char *text, long length) {
  long long value = 0;
  if (length <= 0 || length > 10) return -1;
  for (long i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

static int is_space(char c) { return c == ' ' || c == '\t'; }

static int parse_inline(struct parser *p, const char **error) {
  uint32_t next;
  long length = line_at(p, &next);
  if (length < 0) {
    *error = "ERR Protocol error: too big inline request";
    return p->used - p->at > LINE_MAXIMUM ? -1 : 0;
  }
  uint32_t at = p->at, end = p->at + (uint32_t)length;
  while (at < end) {
    while (at < end && is_space(p->input[at])) at++;
    uint32_t start = at;
    while (at < end && !is_space(p->input[at])) at++;
    if (at > start) add(p, start, at - start);
  }
  p->at = next;
  return 1;
}

/* The header of an array: 1, 0 or -1. */
static int parse_array(struct parser *p, const char **error) {
  uint32_t next;
  long length = line_at(p, &next);
  *error = "ERR Protocol error: invalid multibulk length";
  if (length < 0) return p->used - p->at > LINE_MAXIMUM ? -1 : 0;
  long long count = number_in(p->input + p->at + 1, length - 1);
  if (count < 0 && p->input[p->at + 1] == '-') count = 0;
  if (count < 0 || count > ARGUMENTS_MAXIMUM) return -1;
  p->at = next;
  p->expected = (uint32_t)count;
  return 1;
}

static int parse_bulk(struct parser *p, uint32_t limit, const char **error) {
  uint32_t next;
  if (p->at == p->used) return 0;
  *error = "ERR Protocol error: expected '$'";
  if (p->input[p->at] != '$') return -1;
  long length = line_at(p, &next);
  *error = "ERR Protocol error: invalid bulk length";
  if (length < 0) return p->used - p->at > 64 ? -1 : 0;
  long long bytes = number_in(p->input + p->at + 1, length - 1);
  if (bytes < 0 || bytes > limit) return -1;
  if (p->used - next < (uint32_t)bytes + 2) return 0;
  add(p, next, (uint32_t)bytes);
  p->at = next + (uint32_t)bytes + 2;
  return 1;
}

int parser_next(struct parser *p, uint32_t limit, const char **error) {
  if (!p->expected) {
    if (p->at == p->used) return 0;
    if (p->input[p->at] != '*') return parse_inline(p, error);
    int result = parse_array(p, error);
    if (result <= 0 || !p->expected) return result;
  }
  while (p->count < p->expected) {
    int result = parse_bulk(p, limit, error);
    if (result <= 0) return result;
  }
  return 1;
}

void parser_done(struct parser *p) {
  p->count = p->expected = 0;
  if (p->room > SPANS) {
    memory_free(p->arguments);
    p->arguments = NULL;
    p->room = 0;
  }
  if (p->at == p->used) {
    p->at = p->used = 0;
    if (p->capacity == USUAL && !spare) spare = p->input;
    else memory_free(p->input);
    p->input = NULL;
    p->capacity = 0;
  } else if (p->at > p->capacity / 2) {
    memmove(p->input, p->input + p->at, p->used - p->at);
    p->used -= p->at;
    p->at = 0;
  }
}

void parser_free(struct parser *p) {
  memory_free(p->input);
  memory_free(p->arguments);
  *p = (struct parser){0};
}
