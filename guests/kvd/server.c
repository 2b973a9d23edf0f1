/* Commands of the server. */
#include "server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "database.h"
#include "glob.h"
#include "memory.h"
#include "persist.h"

unsigned server_port, server_clients;
uint64_t server_started;

static void ping(struct call *call) {
  if (call->count == 1) reply_status(call->reply, "PONG");
  else reply_bulk(call->reply, call->arguments[1].bytes, call->arguments[1].length);
}

static void echo(struct call *call) {
  reply_bulk(call->reply, call->arguments[1].bytes, call->arguments[1].length);
}

static void quit(struct call *call) {
  call->quit = 1;
  reply_status(call->reply, "OK");
}

static void select_database(struct call *call) {
  if (argument_is(&call->arguments[1], "0")) reply_status(call->reply, "OK");
  else reply_error(call->reply, "ERR DB index is out of range");
}

/* Clients ask for what they could do with the answer; there is nothing to tell. */
static void command(struct call *call) {
  if (call->count > 1 && argument_is(&call->arguments[1], "COUNT")) {
    reply_number(call->reply, command_count());
  } else {
    reply_array(call->reply, 0);
  }
}

static void client(struct call *call) {
  if (argument_is(&call->arguments[1], "ID")) reply_number(call->reply, 1);
  else reply_status(call->reply, "OK");
}

static void hello(struct call *call) {
  (void)call->arguments;
  reply_error(call->reply, "NOPROTO this server speaks version 2 of the protocol");
}

/* --- settings */

static const char *const flush_words[] = {"always", "everysec", "no"};

int server_set_flush(const char *word, unsigned long length) {
  for (int i = 0; i < 3; i++) {
    if (strlen(flush_words[i]) != length || strncasecmp(word, flush_words[i], length) != 0) continue;
    persist_mode = (enum append_flush)i;
    return 1;
  }
  return 0;
}

static void config_get(struct call *call) {
  char memory[24];
  snprintf(memory, sizeof memory, "%llu", (unsigned long long)memory_limit);
  const char *settings[][2] = {{"appendfsync", flush_words[persist_mode]},
                               {"appendonly", persist_is_on() ? "yes" : "no"},
                               {"databases", "1"},
                               {"maxmemory", memory},
                               {"maxmemory-policy", "noeviction"},
                               {"save", ""}};
  enum { SETTINGS = sizeof settings / sizeof *settings };
  int found[SETTINGS], count = 0;
  for (int i = 0; i < SETTINGS; i++) {
    const char *name = settings[i][0];
    found[i] = 0;
    for (int k = 2; k < call->count; k++) {
      const struct argument *a = &call->arguments[k];
      found[i] |= glob_match(a->bytes, a->length, name, strlen(name));
    }
    count += found[i];
  }
  reply_array(call->reply, (size_t)count * 2);
  for (int i = 0; i < SETTINGS; i++) {
    for (int k = 0; found[i] && k < 2; k++) {
      reply_bulk(call->reply, settings[i][k], strlen(settings[i][k]));
    }
  }
}

static void config_set(struct call *call) {
  const struct argument *name = &call->arguments[2], *value = &call->arguments[3];
  if (argument_is(name, "appendfsync") && server_set_flush(value->bytes, value->length)) {
    reply_status(call->reply, "OK");
  } else {
    reply_error(call->reply, "ERR only appendfsync can be set, to always, everysec or no");
  }
}

static void config(struct call *call) {
  if (call->count >= 3 && argument_is(&call->arguments[1], "GET")) config_get(call);
  else if (call->count == 4 && argument_is(&call->arguments[1], "SET")) config_set(call);
  else reply_error(call->reply, "ERR CONFIG has GET PATTERN and SET NAME VALUE");
}

static void rewrite(struct call *call) {
  int error = persist_compact();
  char line[96];
  snprintf(line, sizeof line, "ERR %s", error ? strerror(error) : "");
  if (error) reply_error(call->reply, line);
  else reply_status(call->reply, "OK");
}

/* --- INFO */

struct page {
  char text[2048];
  int length;
  const struct argument *section; /* NULL: all */
  int shown;
};

__attribute__((format(printf, 2, 3))) static void add(struct page *page, const char *format, ...) {
  va_list arguments;
  if (!page->shown) return;
  va_start(arguments, format);
  int room = (int)sizeof page->text - page->length;
  int length = vsnprintf(page->text + page->length, (size_t)room, format, arguments);
  page->length += length < room ? length : room - 1;
  va_end(arguments);
}

static void begin(struct page *page, const char *name) {
  page->shown = !page->section || argument_is(page->section, name) ||
                argument_is(page->section, "all") || argument_is(page->section, "everything") ||
                argument_is(page->section, "default");
  if (page->length) add(page, "\r\n");
  add(page, "# %s\r\n", name);
}

static void info(struct call *call) {
  typedef unsigned long long number;
  struct page page = {.section = call->count > 1 ? &call->arguments[1] : NULL};
  struct persist_info log;
  uint64_t now = database_now();
  persist_info(&log);
  begin(&page, "Server");
  /* Clients look for a version of Redis to know what they may ask. */
  add(&page, "redis_version:7.0.0\r\nkvd_version:1\r\nprocess_id:%d\r\ntcp_port:%u\r\n", (int)getpid(),
      server_port);
  add(&page, "uptime_in_seconds:%llu\r\n", (number)((now - server_started) / 1000));
  begin(&page, "Clients");
  add(&page, "connected_clients:%u\r\n", server_clients);
  begin(&page, "Memory");
  add(&page, "used_memory:%llu\r\nused_memory_peak:%llu\r\nmaxmemory:%llu\r\n", (number)memory_used,
      (number)memory_peak, (number)memory_limit);
  begin(&page, "Persistence");
  add(&page, "loading:0\r\naof_enabled:%d\r\naof_last_write_status:%s\r\naof_current_size:%llu\r\n",
      persist_is_on(), persist_failure() ? "err" : "ok", (number)log.used);
  add(&page, "log_capacity:%llu\r\nlog_records:%llu\r\nlog_rewrites:%llu\r\nlog_flushes:%llu\r\n",
      (number)log.capacity, (number)log.records, (number)log.compactions, (number)log.flushes);
  begin(&page, "Stats");
  add(&page, "total_connections_received:%llu\r\ntotal_commands_processed:%llu\r\n",
      totals.connections, totals.commands);
  add(&page, "expired_keys:%llu\r\nkeyspace_hits:%llu\r\nkeyspace_misses:%llu\r\n", totals.expired,
      totals.hits, totals.misses);
  add(&page,
      "client_query_buffer_limit_disconnections:%llu\r\nclient_output_buffer_limit_disconnections:%llu\r\n",
      totals.dropped_reading, totals.dropped_answering);
  begin(&page, "Keyspace");
  if (database.count) {
    add(&page, "db0:keys=%u,expires=%u,avg_ttl=0\r\n", database.count, database_expiring());
  }
  reply_bulk(call->reply, page.text, (size_t)page.length);
}

const struct command server_commands[] = {{"PING", 1, 2, 0, ping},
                                          {"ECHO", 2, 2, 0, echo},
                                          {"SELECT", 2, 2, 0, select_database},
                                          {"INFO", 1, 2, 0, info},
                                          {"CONFIG", 2, 0, 0, config},
                                          {"COMMAND", 1, 0, 0, command},
                                          {"CLIENT", 2, 0, 0, client},
                                          {"HELLO", 1, 0, 0, hello},
                                          {"BGREWRITEAOF", 1, 1, 0, rewrite},
                                          {"QUIT", 1, 1, 0, quit},
                                          {NULL, 0, 0, 0, NULL}};
