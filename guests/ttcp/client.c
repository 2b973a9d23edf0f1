/* See client.h. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/net.h"
#include "latency.h"

enum { SILENCE_MS = 30000, HELLO_MS = 100, HELLOS = 50 };

static const char *const mode_names[MODES] = {"tcp-send", "tcp-receive", "tcp-latency",
                                              "udp-send", "udp-receive", "udp-latency"};

static const char *const refusals[] = {"", "the request is not sound", "too many clients",
                                       "out of memory"};

static int fail(const char *what, const char *why) {
  fprintf(stderr, "ttcp: %s: %s\n", what, why);
  return -1;
}

static int reach(const struct target *target, struct sockaddr_in *address) {
  const char *why;
  uint64_t deadline = net_now_us() + target->connect_ms * 1000ull;
  if (net_resolve(target->host, target->port, address, &why) < 0) return fail(target->host, why);
  for (;;) {
    int fd = net_connect(SOCK_STREAM, address);
    if (fd >= 0) return fd;
    if (net_now_us() >= deadline) return fail(target->host, strerror(errno));
    usleep(50000);
  }
}

/* The server's UDP port, 0 for TCP, or -1. */
static int negotiate(int fd, const struct plan *plan) {
  struct request request = {htonl(WIRE_MAGIC),
                            htonl(WIRE_VERSION),
                            htonl((uint32_t)plan->mode),
                            htonl(plan->verify ? FLAG_VERIFY : 0),
                            htonl(plan->length),
                            htonl((uint32_t)(plan->count >> 32)),
                            htonl((uint32_t)plan->count),
                            htonl(plan->milliseconds),
                            htonl(plan->kilobits)};
  struct reply reply;
  if (net_write(fd, &request, sizeof request) < 0) return fail("request", strerror(errno));
  if (net_read(fd, &reply, sizeof reply) != sizeof reply) return fail("reply", "none came");
  if (ntohl(reply.magic) != WIRE_MAGIC || ntohl(reply.version) != WIRE_VERSION) {
    return fail("reply", "the other side is no ttcp of this version");
  }
  uint32_t refusal = ntohl(reply.refusal);
  if (refusal) return fail("refused", refusals[refusal < 4 ? refusal : 0]);
  return (int)(ntohl(reply.port) & 0xffff);
}

static void print_rate(const struct plan *plan, const struct tally *tally, uint64_t sent) {
  uint64_t us = tally->us ? tally->us : 1;
  uint64_t rate = tally->bytes * 8000 / us; /* kilobits per second */
  printf("{\"ttcp\":\"%s\",\"bytes\":%llu,\"us\":%llu,\"megabits_per_second\":%llu.%03llu,"
         "\"verified\":%s,\"wrong_bytes\":%llu",
         mode_names[plan->mode], (unsigned long long)tally->bytes, (unsigned long long)us,
         (unsigned long long)(rate / 1000), (unsigned long long)(rate % 1000),
         plan->verify ? "true" : "false", (unsigned long long)tally->wrong);
  if (plan->mode >= MODE_UDP_SEND) {
    printf(",\"sent\":%llu,\"received\":%u,\"lost\":%llu,\"duplicates\":%u,\"reordered\":%u",
           (unsigned long long)sent, tally->datagrams,
           (unsigned long long)(sent - tally->datagrams), tally->duplicates, tally->reordered);
  }
  puts("}");
}

static int print_latency(const struct plan *plan, const struct latency *latency) {
  uint64_t sum = 0;
  uint32_t n = latency->answered;
  for (uint32_t i = 0; i < n; i++) sum += latency->us[i];
  printf("{\"ttcp\":\"%s\",\"length\":%u,\"answered\":%u,\"lost\":%u,\"wrong_bytes\":%llu",
         mode_names[plan->mode], plan->length, n, latency->lost,
         (unsigned long long)latency->wrong);
  if (n) {
    printf(",\"us_minimum\":%u,\"us_mean\":%llu,\"us_median\":%u,\"us_p99\":%u,\"us_maximum\":%u",
           latency->us[0], (unsigned long long)(sum / n), latency->us[n / 2],
           latency->us[(uint32_t)((uint64_t)n * 99 / 100)], latency->us[n - 1]);
  }
  puts("}");
  return latency->wrong ? 3 : n ? 0 : 1;
}

static uint64_t join(uint32_t high, uint32_t low) {
  return (uint64_t)ntohl(high) << 32 | ntohl(low);
}

static int read_result(int fd, struct tally *tally) {
  struct result result;
  if (net_read(fd, &result, sizeof result) != sizeof result) return -1;
  *tally = (struct tally){.bytes = join(result.bytes_high, result.bytes_low),
                          .us = join(result.us_high, result.us_low),
                          .wrong = join(result.wrong_high, result.wrong_low),
                          .datagrams = ntohl(result.datagrams),
                          .duplicates = ntohl(result.duplicates),
                          .reordered = ntohl(result.reordered)};
  return 0;
}

/* Until data comes, the server does not know where to send it. */
static int send_hello(int udp) {
  struct datagram hello = {htonl(WIRE_MAGIC), htonl(KIND_HELLO), 0, htonl(sizeof hello)};
  char first;
  net_patience(udp, HELLO_MS);
  for (int i = 0; i < HELLOS; i++) {
    send(udp, &hello, sizeof hello, MSG_NOSIGNAL);
    if (recv(udp, &first, 1, MSG_PEEK) >= 0) return 0;
  }
  errno = ETIMEDOUT;
  return -1;
}

static int measure(int tcp, int udp, const struct plan *plan, uint8_t *buffer, struct tally *tally,
                   uint64_t *sent) {
  struct tally own = {0};
  uint64_t start = net_now_us();
  switch (plan->mode) {
    case MODE_TCP_SEND:
      if (stream_send(tcp, plan, buffer, &own) < 0 || read_result(tcp, tally) < 0) return -1;
      tally->us = net_now_us() - start; /* the last byte has come and been looked at */
      *sent = own.bytes;
      return 0;
    case MODE_TCP_RECEIVE:
      *sent = plan->count;
      return stream_receive(tcp, plan, buffer, tally);
    case MODE_UDP_SEND:
      if (datagrams_send(udp, tcp, plan, buffer, &own) < 0) return -1;
      *sent = own.datagrams;
      return read_result(tcp, tally);
    default:
      if (send_hello(udp) < 0 || datagrams_receive(udp, tcp, plan, buffer, tally) < 0) return -1;
      *sent = tally->sent;
      return 0;
  }
}

static int run(int tcp, int udp, const struct target *target, const struct plan *plan,
               uint8_t *buffer) {
  int is_udp = plan->mode >= MODE_UDP_SEND;
  if (plan->mode == MODE_TCP_LATENCY || plan->mode == MODE_UDP_LATENCY) {
    struct latency latency;
    int bad = is_udp ? latency_datagrams(udp, target->round_trips, plan->length, buffer, &latency)
                     : latency_stream(tcp, target->round_trips, plan->length, buffer, &latency);
    int code = bad < 0 ? 1 : print_latency(plan, &latency);
    if (bad < 0) fail(mode_names[plan->mode], strerror(errno));
    free(latency.us);
    return code;
  }
  struct tally tally = {0};
  uint64_t sent = 0;
  if (measure(tcp, udp, plan, buffer, &tally, &sent) < 0) {
    fail(mode_names[plan->mode], strerror(errno));
    return 1;
  }
  print_rate(plan, &tally, sent);
  int missing = !is_udp && sent && tally.bytes != sent;
  return tally.wrong || missing ? 3 : 0;
}

int client_run(const struct target *target, const struct plan *plan) {
  struct sockaddr_in address;
  int is_udp = plan->mode >= MODE_UDP_SEND, udp = -1, code = 1;
  int tcp = reach(target, &address);
  if (tcp < 0) return 1;
  net_patience(tcp, SILENCE_MS);
  int port = negotiate(tcp, plan);
  uint8_t *buffer = malloc(is_udp ? UDP_LENGTH_MAXIMUM : plan->length);
  if (is_udp && port > 0) {
    address.sin_port = htons((uint16_t)port);
    udp = net_connect(SOCK_DGRAM, &address);
  }
  if (port >= 0 && buffer && (!is_udp || udp >= 0)) code = run(tcp, udp, target, plan, buffer);
  free(buffer);
  if (udp >= 0) close(udp);
  close(tcp);
  return code;
}
