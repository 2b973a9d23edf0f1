/* See shell.h. */
#include "shell.h"

#include <denali/inspect.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/net.h"

enum { WORDS = 8, PINGS_MAXIMUM = 100, LISTED = 64 };

struct command {
  const char *name, *arguments, *help;
  void (*run)(struct terminal *terminal, int count, char **words);
};

static const struct command commands[];

static void help(struct terminal *t, int count, char **words) {
  (void)count, (void)words;
  for (const struct command *c = commands; c->name; c++) {
    terminal_print(t, "  %-8s %-18s %s\n", c->name, c->arguments, c->help);
  }
}

static const char *const states[] = {"running", "ready", "waiting", "sleeping"};

static void threads(struct terminal *t, int count, char **words) {
  (void)count, (void)words;
  struct inspect_thread list[LISTED];
  int all = inspect_threads(list, LISTED);
  terminal_print(t, "  ID  STATE       STACK  NAME\n");
  for (int i = 0; i < all && i < LISTED; i++) {
    char stack[16] = "grows";
    if (list[i].stack_bytes) snprintf(stack, sizeof stack, "%u", list[i].stack_bytes);
    terminal_print(t, "%4u  %-8s %8s  %s\n", list[i].id, states[list[i].state], stack, list[i].name);
  }
  if (all > LISTED) terminal_print(t, "... and %d more\n", all - LISTED);
}

static void show_address(char text[32], const struct sockaddr_in *address) {
  char host[INET_ADDRSTRLEN] = "*";
  if (address->sin_addr.s_addr) inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
  snprintf(text, 32, "%s:%u", host, ntohs(address->sin_port));
}

static void sockets(struct terminal *t, int count, char **words) {
  (void)count, (void)words;
  struct inspect_socket *list = malloc(LISTED * sizeof *list);
  if (!list) {
    terminal_print(t, "sockets: no memory left\n");
    return;
  }
  int all = inspect_sockets(list, LISTED);
  terminal_print(t, "PROTO  LOCAL                  REMOTE                 STATE        RECV   SEND     RTT\n");
  for (int i = 0; i < all && i < LISTED; i++) {
    const struct inspect_socket *s = &list[i];
    char local[32], remote[32];
    show_address(local, &s->local);
    show_address(remote, &s->remote);
    terminal_print(t, "%-5s  %-21s  %-21s  %-11s %5u  %5u  %u us\n",
                   s->protocol == IPPROTO_TCP ? "tcp" : "udp", local, remote, s->state,
                   s->receive_queue, s->send_queue, s->round_trip_us);
  }
  if (all > LISTED) terminal_print(t, "... and %d more\n", all - LISTED);
  free(list);
}

static void memory(struct terminal *t, int count, char **words) {
  (void)count, (void)words;
  struct inspect_memory m;
  struct inspect_network n;
  inspect_memory(&m);
  inspect_network(&n);
  terminal_print(t,
                 "total      %8u KiB\nimage      %8u KiB\nheap used  %8u KiB\nheap free  %8u KiB\n"
                 "untouched  %8u KiB\nstack      %8u KiB\nnetwork    %8u KiB of at most %u\n",
                 m.total / 1024, m.image / 1024, m.heap_used / 1024, m.heap_free / 1024,
                 m.untouched / 1024, m.stack / 1024, n.memory_used / 1024, n.memory_limit / 1024);
}

static void counters(struct terminal *t, int count, char **words) {
  (void)count, (void)words;
  const char *name;
  uint32_t value;
  for (int i = 0; inspect_counter(i, &name, &value); i++) {
    if (value) terminal_print(t, "%10u  %s\n", value, name);
  }
}

static int resolve(struct terminal *t, const char *name, struct sockaddr_in *address) {
  const char *why;
  if (net_resolve(name, 0, address, &why) == 0) return 1;
  terminal_print(t, "%s: %s\n", name, why);
  return 0;
}

static void ping(struct terminal *t, int count, char **words) {
  struct sockaddr_in address;
  char text[INET_ADDRSTRLEN];
  int times = count > 2 ? atoi(words[2]) : 3, answered = 0;
  if (count < 2 || times < 1 || times > PINGS_MAXIMUM) {
    terminal_print(t, "usage: ping HOST [1..%d]\n", PINGS_MAXIMUM);
    return;
  }
  if (!resolve(t, words[1], &address)) return;
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  for (int i = 0; i < times && !t->gone; i++) {
    if (i) usleep(200000);
    long us = inspect_ping(address.sin_addr, 56, 1000);
    if (us >= 0) terminal_print(t, "%s: answer %d after %ld us\n", text, i + 1, us);
    else terminal_print(t, "%s: %s\n", text, strerror(errno));
    answered += us >= 0;
    terminal_flush(t);
  }
  terminal_print(t, "%d of %d answered\n", answered, times);
}

static void dns(struct terminal *t, int count, char **words) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
  if (count != 2) {
    terminal_print(t, "usage: dns NAME\n");
    return;
  }
  int error = getaddrinfo(words[1], NULL, &hints, &list);
  if (error) {
    terminal_print(t, "%s: %s\n", words[1], gai_strerror(error));
    return;
  }
  for (struct addrinfo *a = list; a; a = a->ai_next) {
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &((struct sockaddr_in *)a->ai_addr)->sin_addr, text, sizeof text);
    terminal_print(t, "%s\n", text);
  }
  freeaddrinfo(list);
}

static void uptime(struct terminal *t, int count, char **words) {
  (void)count, (void)words;
  uint64_t s = net_now_us() / 1000000;
  terminal_print(t, "up %u days, %02u:%02u:%02u\n", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24),
                 (unsigned)(s / 60 % 60), (unsigned)(s % 60));
}

static const struct command commands[] = {
    {"help", "", "this list", help},
    {"threads", "", "threads, and what they wait for", threads},
    {"sockets", "", "sockets and connections", sockets},
    {"memory", "", "where the memory is", memory},
    {"counters", "", "what the network has counted", counters},
    {"ping", "HOST [TIMES]", "asks a host to answer", ping},
    {"dns", "NAME", "addresses of a name", dns},
    {"uptime", "", "time since the start", uptime},
    {"exit", "", "ends the session", NULL},
    {NULL, NULL, NULL, NULL}};

static int split(char *line, char *words[WORDS]) {
  int count = 0;
  char *state = NULL;
  for (char *word = strtok_r(line, " \t", &state); word && count < WORDS;
       word = strtok_r(NULL, " \t", &state)) {
    words[count++] = word;
  }
  return count;
}

/* 0: the session ends. */
static int run(struct terminal *t, char *line) {
  char *words[WORDS];
  int count = split(line, words);
  if (!count) return 1;
  for (const struct command *c = commands; c->name; c++) {
    if (strcmp(words[0], c->name) != 0) continue;
    if (!c->run) return 0;
    c->run(t, count, words);
    return 1;
  }
  terminal_print(t, "%s: there is no such command; try help\n", words[0]);
  return 1;
}

void shell_run(struct terminal *t) {
  char line[LINE_MAXIMUM], name[65] = "", prompt[80];
  gethostname(name, sizeof name);
  snprintf(prompt, sizeof prompt, "%s> ", name);
  terminal_print(t, "This is %s. Try help.\n", name);
  while (terminal_line(t, prompt, line) >= 0 && run(t, line)) continue;
  terminal_print(t, "bye\n");
  terminal_flush(t);
}
