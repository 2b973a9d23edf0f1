/* See command.h. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "database.h"
#include "memory.h"
#include "persist.h"

enum { NAME_MAXIMUM = 32 };

static const struct command *const groups[] = {string_commands, list_commands, hash_commands,
                                               key_commands, server_commands};
enum { GROUPS = sizeof groups / sizeof *groups };

static int changed; /* by the command that runs: log it as it came */

void command_changed(void) { changed = 1; }

void command_changed_as(const struct argument *arguments, int count) {
  persist_append(arguments, count);
}

unsigned command_count(void) {
  unsigned count = 0;
  for (int i = 0; i < GROUPS; i++) {
    for (const struct command *c = groups[i]; c->name; c++) count++;
  }
  return count;
}

int argument_is(const struct argument *argument, const char *word) {
  return strlen(word) == argument->length &&
         strncasecmp(argument->bytes, word, argument->length) == 0;
}

static const struct command *find(const struct argument *name) {
  for (int i = 0; i < GROUPS; i++) {
    for (const struct command *c = groups[i]; c->name; c++) {
      if (argument_is(name, c->name)) return c;
    }
  }
  return NULL;
}

int argument_number(const struct argument *argument, long long *number) {
  char text[24], *end;
  if (!argument->length || argument->length >= sizeof text) return 0;
  memcpy(text, argument->bytes, argument->length);
  text[argument->length] = 0;
  if ((text[0] < '0' || text[0] > '9') && (text[0] != '-' || text[1] < '0' || text[1] > '9')) return 0;
  errno = 0;
  *number = strtoll(text, &end, 10);
  return *end == 0 && errno == 0;
}

int argument_range(struct call *call, struct range *range) {
  if (argument_number(&call->arguments[2], &range->first) &&
      argument_number(&call->arguments[3], &range->last)) {
    return 1;
  }
  reply_not_number(call);
  return 0;
}

void range_clip(struct range *range, long long count) {
  if (range->first < 0) range->first += count;
  if (range->first < 0) range->first = 0;
  if (range->last < 0) range->last += count;
  if (range->last < -1) range->last = -1;
  if (range->last >= count) range->last = count - 1;
}

void reply_syntax(struct call *call) { reply_error(call->reply, "ERR syntax error"); }

void reply_not_number(struct call *call) {
  reply_error(call->reply, "ERR value is not an integer or out of range");
}

static void refuse(struct call *call, const char *format, const char *text, size_t length) {
  char line[160];
  snprintf(line, sizeof line, format, (int)(length < 64 ? length : 64), text);
  for (char *c = line; *c; c++) {
    if ((unsigned char)*c < ' ') *c = ' ';
  }
  reply_error(call->reply, line);
}

static uint64_t bytes_of(const struct call *call) {
  uint64_t bytes = 64;
  for (int i = 0; i < call->count; i++) bytes += call->arguments[i].length + 32;
  return bytes;
}

/* 0: it is refused. */
static int is_allowed(struct call *call, const struct command *command) {
  if (persist_replaying || !(command->flags & WRITES)) return 1;
  if (command->flags & GROWS && memory_used + bytes_of(call) > memory_limit) {
    reply_error(call->reply, "OOM command not allowed when used memory > 'maxmemory'.");
    return 0;
  }
  if (persist_failure()) {
    const char *why = persist_failure();
    refuse(call, "MISCONF the log cannot be written: %.*s; changes are refused", why, strlen(why));
    return 0;
  }
  if (command->flags & GROWS && !persist_has_room(bytes_of(call))) {
    reply_error(call->reply, "OOM the disk has no room for this change");
    return 0;
  }
  return 1;
}

void command_run(struct call *call) {
  const struct argument *name = &call->arguments[0];
  const struct command *command = find(name);
  totals.commands++;
  if (!command) {
    refuse(call, "ERR unknown command '%.*s'", name->bytes, name->length);
    return;
  }
  if (call->count < command->least || (command->most && call->count > command->most)) {
    refuse(call, "ERR wrong number of arguments for '%.*s' command", name->bytes, name->length);
    return;
  }
  if (!is_allowed(call, command)) return;
  changed = 0;
  command->run(call);
  if (changed) persist_append(call->arguments, call->count);
}
