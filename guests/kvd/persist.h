/*
 * The log of changes, on a disk with a store (denali/store.h). A record is a command as it was run: the
 * number of its words (4 bytes, little-endian), and for each its length (4) and its bytes. Replaying
 * them gives the keys. When the log is full, or twice as long as after it was last written anew, one that
 * makes the same keys takes its place.
 */
#ifndef KVD_PERSIST_H
#define KVD_PERSIST_H

#include <stdint.h>

#include "command.h"

enum append_flush { FLUSH_ALWAYS, FLUSH_EVERY_SECOND, FLUSH_NEVER };

extern enum append_flush persist_mode;
extern int persist_replaying;

/* Opens the disk of that name, or the first one if it is NULL and there is one, and replays its log. 0: done, or no
 * disk and none was asked for; -1: it said why. */
int persist_open(const char *disk);

int persist_is_on(void);

/* Why changes cannot be kept any more ("Input/output error"), or NULL. */
const char *persist_failure(void);

/* Whether there is room for a change of so many bytes; writes the log anew if that makes some. */
int persist_has_room(uint64_t bytes);

void persist_append(const struct argument *arguments, int count);

/* Before answers are sent: with FLUSH_ALWAYS what they tell is durable. 0: it is not, and must not be told. */
int persist_commit(void);

/* About every second: hands on, and with FLUSH_EVERY_SECOND makes durable, what has been appended. Milliseconds until
 * it wants to be called again, -1: after the next change. */
int persist_tidy(uint64_t now_ms);

int persist_compact(void); /* 0, or an errno */

struct persist_info {
  uint64_t capacity, used, records, compactions, flushes;
};
void persist_info(struct persist_info *info);

#endif
