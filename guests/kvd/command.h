/* Commands: what they get, and how they are found. */
#ifndef KVD_COMMAND_H
#define KVD_COMMAND_H

#include "reply.h"

struct argument {
  const char *bytes;
  size_t length;
};

struct call {
  int count;
  const struct argument *arguments; /* [0]: the name */
  struct reply *reply;
  int quit; /* set by the command: the connection ends behind the answer */
};

/* Runs a command, answers it, and appends to the log what it changed. */
void command_run(struct call *call);

unsigned command_count(void);

/* --- for the commands */

typedef void (*command_function)(struct call *call);

struct command {
  const char *name;
  int least, most; /* arguments with the name; most 0: no bound */
  int flags;
  command_function run;
};

enum { WRITES = 1, GROWS = 2 }; /* GROWS: refused when memory is full */

extern const struct command string_commands[], list_commands[], hash_commands[], key_commands[],
    server_commands[]; /* each ends with a name that is NULL */

/* Something was changed by this command, which is to be logged as it came. */
void command_changed(void);
/* ... or in these words instead. */
void command_changed_as(const struct argument *arguments, int count);

/* Whether an argument is this word, in any case. */
int argument_is(const struct argument *argument, const char *word);
/* A whole number of 64 bits. 0: it is none. */
int argument_number(const struct argument *argument, long long *number);

struct range {
  long long first, last;
};
/* Arguments 2 and 3, of which each counts from the end if it is less than 0. 0: the call is answered. */
int argument_range(struct call *call, struct range *range);
/* What of the range is there among `count` items: 0 <= first, -1 <= last < count; empty if first > last. */
void range_clip(struct range *range, long long count);

void reply_syntax(struct call *call);
void reply_not_number(struct call *call);

#endif
