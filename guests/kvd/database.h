/* The keys; those whose time is over are not there any more. */
#ifndef KVD_DATABASE_H
#define KVD_DATABASE_H

#include "command.h"
#include "value.h"

extern struct table database;

struct totals {
  unsigned long long commands, hits, misses, expired, connections;
  unsigned long long dropped_reading, dropped_answering; /* clients that would have taken too much memory */
};
extern struct totals totals;

uint64_t database_now(void); /* milliseconds since 1970 */

void database_init(void);
void database_clear(void);

/* The entry of a key, or NULL. */
struct entry *database_find(const struct argument *key);

/* The entry of a key if it has this type or is new; NULL: it has another one, and the call is answered. */
struct entry *database_get(struct call *call, const struct argument *key, enum type type);

/* As database_find, but of this type: NULL and `*wrong` 1 if it has another one; the call is answered then. */
struct entry *database_peek(struct call *call, const struct argument *key, enum type type,
                            int *wrong);

int database_remove(const struct argument *key);

void database_expire(struct entry *entry, uint64_t at); /* 0: never */

/* Removes some keys whose time is over; milliseconds until it wants to be called again, -1: never. */
int database_tidy(void);
uint32_t database_expiring(void); /* keys that have a time */

#endif
