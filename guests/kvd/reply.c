/* See reply.h. */
#include "reply.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

enum { FIRST = 256, LARGE = 128 << 10 };

void reply_raw(struct reply *reply, const char *text, size_t length) {
  if (reply->muted || reply->lost) return;
  if (reply->capacity - reply->used < length) {
    size_t larger = reply->capacity ? reply->capacity * 2 : FIRST;
    if (reply->capacity > LARGE) larger = reply->capacity + reply->capacity / 4;
    if (larger - reply->used < length) larger = reply->used + length;
    char *bytes = memory_try(reply->bytes, larger);
    if (!bytes) {
      reply->lost = 1;
      return;
    }
    reply->bytes = bytes;
    reply->capacity = larger;
  }
  memcpy(reply->bytes + reply->used, text, length);
  reply->used += length;
}

static void line(struct reply *reply, char kind, const char *text) {
  reply_raw(reply, &kind, 1);
  reply_raw(reply, text, strlen(text));
  reply_raw(reply, "\r\n", 2);
}

static void numbered(struct reply *reply, char kind, long long number) {
  char text[24];
  snprintf(text, sizeof text, "%lld", number);
  line(reply, kind, text);
}

void reply_status(struct reply *reply, const char *text) { line(reply, '+', text); }
void reply_error(struct reply *reply, const char *text) { line(reply, '-', text); }
void reply_number(struct reply *reply, long long number) { numbered(reply, ':', number); }
void reply_array(struct reply *reply, size_t count) { numbered(reply, '*', (long long)count); }

void reply_bulk(struct reply *reply, const char *bytes, size_t length) {
  numbered(reply, '$', (long long)length);
  reply_raw(reply, bytes, length);
  reply_raw(reply, "\r\n", 2);
}

void reply_text(struct reply *reply, const struct text *text) {
  if (text) reply_bulk(reply, text->bytes, text->length);
  else line(reply, '$', "-1");
}
