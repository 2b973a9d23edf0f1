/*
 * Commands in the format of Redis: arrays of bulk strings, and lines of words ("inline").
 *
 * The parser remembers where it is, so that a command that comes in a thousand pieces costs no more
 * than one that comes whole.
 */
#ifndef KVD_PARSE_H
#define KVD_PARSE_H

#include <stddef.h>
#include <stdint.h>

enum { ARGUMENTS_MAXIMUM = 65536, LINE_MAXIMUM = 65536 };

struct span {
  uint32_t at, length; /* in the input */
};

struct parser {
  char *input;
  uint32_t used, capacity;
  uint32_t at;       /* what is before is parsed */
  uint32_t expected; /* arguments of the command under way; 0: none is */
  struct span *arguments;
  uint32_t count, room;
};

/* Room for at least `bytes` more behind the input. 0: clients have no memory left for that. */
int parser_reserve(struct parser *parser, uint32_t bytes);

/* 1: a command stands in `arguments`, without any for an empty line; 0: more must come; -1: `*error` says what is wrong, and the
 * connection cannot go on. A bulk string has at most `limit` bytes. */
int parser_next(struct parser *parser, uint32_t limit, const char **error);

/* Drops the command that parser_next found. */
void parser_done(struct parser *parser);

void parser_free(struct parser *parser);

#endif
