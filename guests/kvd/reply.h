/* What is to be sent to a client, in the format of Redis (RESP2). */
#ifndef KVD_REPLY_H
#define KVD_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "value.h"

struct reply {
  char *bytes;
  size_t used, capacity, sent;
  int muted; /* while the log is replayed */
  int lost;  /* clients have no memory left for all of it: nothing of it can be sent */
};

void reply_raw(struct reply *reply, const char *bytes, size_t length);
void reply_status(struct reply *reply, const char *text);
void reply_error(struct reply *reply, const char *text); /* "ERR ..." */
void reply_number(struct reply *reply, long long number);
void reply_bulk(struct reply *reply, const char *bytes, size_t length);
void reply_text(struct reply *reply, const struct text *text); /* NULL: nil */
void reply_array(struct reply *reply, size_t count);

#endif
