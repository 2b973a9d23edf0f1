/*
 * arena-bot: players of arena that measure what its clients feel.
 *
 *     arena-bot [-c CLIENTS] [-t MS] [-p PORT] HOST      (1 client, 10000 ms, port 27910)
 *
 * Prints one line of JSON: updates that came and that should have, how late they were, round trips, and
 * whether every state was what the server meant. "late_us" is the arrival behind the schedule that the
 * client's earliest update sets, so it holds whatever delay varies on the way and in the server, and
 * not the constant part. Exit code 0; 1 if a client did not get in or was sent away; 3 if a state was
 * wrong.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/net.h"
#include "../common/random.h"
#include "bot.h"

enum { CLIENTS_MAXIMUM = 256 };

struct options {
  unsigned long clients, milliseconds, port;
  const char *host;
};

static int read_options(int argc, char **argv, struct options *o) {
  for (int i = 1; i < argc; i++) {
    unsigned long *number = strcmp(argv[i], "-c") == 0   ? &o->clients
                            : strcmp(argv[i], "-t") == 0 ? &o->milliseconds
                            : strcmp(argv[i], "-p") == 0 ? &o->port
                                                         : NULL;
    if (number) {
      char *end = "x";
      if (argv[++i]) *number = strtoul(argv[i], &end, 10);
      if (*end) return 0;
    } else if (argv[i][0] == '-' || o->host) {
      return 0;
    } else {
      o->host = argv[i];
    }
  }
  return o->host && o->clients >= 1 && o->clients <= CLIENTS_MAXIMUM && o->port <= 65535;
}

static void play(struct bot *bots, unsigned count, uint64_t end) {
  struct pollfd polls[CLIENTS_MAXIMUM];
  for (unsigned i = 0; i < count; i++) polls[i] = (struct pollfd){.fd = bots[i].fd, .events = POLLIN};
  for (;;) {
    uint64_t now = net_now_us(), next = end;
    if (now >= end) return;
    for (unsigned i = 0; i < count; i++) {
      uint64_t due = bot_send(&bots[i], now);
      if (due < next) next = due;
    }
    int wait = next > now ? (int)((next - now + 999) / 1000) : 0;
    if (poll(polls, count, wait) <= 0) continue;
    for (unsigned i = 0; i < count; i++) {
      if (polls[i].revents) bot_receive(&bots[i]);
    }
  }
}

static int compare(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return x < y ? -1 : x > y;
}

/* Prints "NAME_median":.., "NAME_p99":.., "NAME_maximum":.. and sorts. */
static void print_samples(const char *name, struct samples *all) {
  if (!all->count) return;
  qsort(all->values, all->count, sizeof *all->values, compare);
  printf(",\"%s_median\":%d,\"%s_p99\":%d,\"%s_maximum\":%d", name, all->values[all->count / 2],
         name, all->values[(uint32_t)((uint64_t)all->count * 99 / 100)], name,
         all->values[all->count - 1]);
}

/* Each client's offsets count from its own earliest update. */
static void add_late(struct samples *all, const struct samples *offsets) {
  int32_t least = INT32_MAX;
  for (uint32_t i = 0; i < offsets->count; i++) {
    if (offsets->values[i] < least) least = offsets->values[i];
  }
  for (uint32_t i = 0; i < offsets->count; i++) samples_add(all, offsets->values[i] - least);
}

static void add_all(struct samples *all, const struct samples *some) {
  for (uint32_t i = 0; i < some->count; i++) samples_add(all, some->values[i]);
}

static int report(const struct bot *bots, unsigned count) {
  struct samples late = {0}, behind = {0}, trips = {0};
  uint32_t playing = 0, updates = 0, expected = 0, duplicates = 0, reordered = 0, wrong = 0;
  uint32_t undecodable = 0, whole = 0, jitter = 0;
  uint64_t bytes = 0;
  for (unsigned i = 0; i < count; i++) {
    const struct bot *bot = &bots[i];
    playing += bot->stage == PLAYING;
    updates += bot->updates;
    if (bot->first) expected += bot->newest - bot->first + 1;
    duplicates += bot->duplicates;
    reordered += bot->reordered;
    wrong += bot->wrong;
    undecodable += bot->undecodable;
    whole += bot->whole;
    bytes += bot->bytes;
    if (bot->jitter / 16 > jitter) jitter = bot->jitter / 16;
    add_late(&late, &bot->offsets);
    add_all(&behind, &bot->behind);
    add_all(&trips, &bot->round_trips);
  }
  printf("{\"arena\":\"bot\",\"clients\":%u,\"playing\":%u,\"updates\":%u,\"expected\":%u,\"lost\":%d,"
         "\"duplicates\":%u,\"reordered\":%u,\"wrong\":%u,\"undecodable\":%u,\"whole\":%u,"
         "\"bytes\":%llu,\"jitter_us\":%u",
         count, playing, updates, expected, (int)(expected - updates), duplicates, reordered, wrong,
         undecodable, whole, (unsigned long long)bytes, jitter);
  print_samples("late_us", &late);
  print_samples("server_late_us", &behind);
  print_samples("round_trip_us", &trips);
  puts("}");
  return wrong ? 3 : playing < count || !updates ? 1 : 0;
}

int main(int argc, char **argv) {
  struct options o = {.clients = 1, .milliseconds = 10000, .port = ARENA_PORT};
  struct sockaddr_in server;
  const char *why;
  if (!read_options(argc, argv, &o)) {
    fprintf(stderr, "usage: arena-bot [-c CLIENTS] [-t MS] [-p PORT] HOST    (1 to %d clients)\n",
            CLIENTS_MAXIMUM);
    return 2;
  }
  if (net_resolve(o.host, (unsigned)o.port, &server, &why) < 0) {
    fprintf(stderr, "arena-bot: %s: %s\n", o.host, why);
    return 1;
  }
  struct bot *bots = calloc(o.clients, sizeof *bots);
  for (unsigned i = 0; bots && i < o.clients; i++) {
    if (bot_init(&bots[i], &server, random_word()) < 0) bots = NULL;
  }
  if (!bots) {
    perror("arena-bot");
    return 1;
  }
  play(bots, (unsigned)o.clients, net_now_us() + o.milliseconds * 1000ull);
  for (unsigned i = 0; i < o.clients; i++) bot_leave(&bots[i]);
  int code = report(bots, (unsigned)o.clients);
  fflush(stdout);
  usleep(20000); /* the farewell is on its way */
  return code;
}
