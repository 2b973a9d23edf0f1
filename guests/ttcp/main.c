/*
 * ttcp: how fast a network is, after the program of 1984 by Mike Muuss and Terry Slattery.
 *
 *     ttcp -s [-p PORT]          serves measurements on a port (5001)
 *     ttcp [OPTIONS] HOST        makes one, and prints one line of JSON
 *
 * Options of the client:
 *     -r         the server sends (default: the client does)
 *     -e N       N requests that are answered one by one, instead of bulk data
 *     -u         UDP (default: TCP)
 *     -v         both sides check every byte against a pattern (pattern.h); exit code 3 if one is wrong
 *     -l LENGTH  bytes of a write (65536), of a datagram (1472) or of a request (64)
 *     -n BYTES   bytes in all; K, M and G stand for powers of 1024 (16M, or no bound with -t)
 *     -t MS      for so many milliseconds
 *     -b KBIT    datagrams at most at this rate, kilobits per second
 *     -p PORT    of the server (5001)
 *     -w MS      tries for so long to connect (0: once)
 *
 * The same sources make a Linux program, which is what figures are compared with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "latency.h"
#include "server.h"

enum { EXIT_USAGE = 2 };

struct options {
  int serve, receive, udp, verify;
  uint64_t round_trips, length, bytes, milliseconds, kilobits, port, patience;
  const char *host;
};

static int usage(const char *why) {
  fprintf(stderr,
          "ttcp: %s\n"
          "usage: ttcp -s [-p PORT]\n"
          "       ttcp [-r | -e N] [-u] [-v] [-l LENGTH] [-n BYTES] [-t MS] [-b KBIT] [-p PORT] "
          "[-w MS] HOST\n",
          why);
  return EXIT_USAGE;
}

/* A number, perhaps with K, M or G; 0: it is none. */
static int read_number(const char *text, uint64_t maximum, uint64_t *value) {
  char *end;
  if (!text || *text < '0' || *text > '9') return 0;
  *value = strtoull(text, &end, 10);
  int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (shift) end++;
  if (*end || *value > maximum >> shift) return 0;
  *value <<= shift;
  return 1;
}

/* The place of an option's number and the largest it may be. */
static uint64_t *number_of(struct options *o, char option, uint64_t *maximum) {
  *maximum = UINT32_MAX;
  switch (option) {
    case 'e':
      *maximum = LATENCY_MAXIMUM;
      return &o->round_trips;
    case 'l':
      *maximum = TCP_LENGTH_MAXIMUM;
      return &o->length;
    case 'n':
      *maximum = 1ull << 50;
      return &o->bytes;
    case 't':
      return &o->milliseconds;
    case 'b':
      return &o->kilobits;
    case 'p':
      *maximum = 65535;
      return &o->port;
    case 'w':
      return &o->patience;
    default:
      return NULL;
  }
}

static const char *read_option(char *const *argv, int *i, struct options *o) {
  uint64_t maximum;
  char option = argv[*i][1];
  if (argv[*i][1] && argv[*i][2]) return "options stand one by one";
  if (option == 's') return o->serve = 1, NULL;
  if (option == 'r') return o->receive = 1, NULL;
  if (option == 'u') return o->udp = 1, NULL;
  if (option == 'v') return o->verify = 1, NULL;
  uint64_t *number = number_of(o, option, &maximum);
  if (!number) return "unknown option";
  if (!read_number(argv[++*i], maximum, number)) return "expected a number in range";
  return NULL;
}

static const char *read_options(int argc, char **argv, struct options *o) {
  for (int i = 1; i < argc; i++) {
    const char *wrong = NULL;
    if (argv[i][0] == '-') {
      wrong = read_option(argv, &i, o);
    } else if (o->host) {
      wrong = "expected one host";
    } else {
      o->host = argv[i];
    }
    if (wrong) return wrong;
  }
  if (!o->serve && !o->host) return "expected -s or a host";
  if (o->round_trips && o->receive) return "-r and -e exclude each other";
  return NULL;
}

int main(int argc, char **argv) {
  struct options o = {.port = TTCP_PORT};
  const char *wrong = read_options(argc, argv, &o);
  if (wrong) return usage(wrong);
  if (o.serve) return server_run((unsigned)o.port);
  int kind = o.round_trips ? MODE_TCP_LATENCY : o.receive ? MODE_TCP_RECEIVE : MODE_TCP_SEND;
  if (!o.length) o.length = o.round_trips ? 64 : o.udp ? 1472 : 65536;
  if (o.udp && (o.length < UDP_LENGTH_MINIMUM || o.length > UDP_LENGTH_MAXIMUM)) {
    return usage("expected datagrams of 16 to 65507 bytes");
  }
  if (!o.bytes && !o.milliseconds) o.bytes = 16 << 20;
  struct plan plan = {.mode = (enum mode)(kind + (o.udp ? MODE_UDP_SEND : 0)),
                      .verify = o.verify,
                      .length = (uint32_t)o.length,
                      .count = o.bytes,
                      .milliseconds = (uint32_t)o.milliseconds,
                      .kilobits = (uint32_t)o.kilobits};
  struct target target = {o.host, (unsigned)o.port, (unsigned)o.patience, o.round_trips};
  return client_run(&target, &plan);
}
