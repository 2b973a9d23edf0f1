/* See server.h. One thread for each measurement, so that each is written as it reads in wire.h. */
#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/net.h"
#include "transfer.h"

enum { BACKLOG = 64, SESSIONS_MAXIMUM = 32, STACK_BYTES = 64 << 10, SILENCE_MS = 30000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned sessions;

static int read_request(int fd, struct plan *plan) {
  struct request request;
  if (net_read(fd, &request, sizeof request) != sizeof request) return -1;
  uint32_t mode = ntohl(request.mode);
  *plan = (struct plan){
      .mode = (enum mode)mode,
      .verify = (ntohl(request.flags) & FLAG_VERIFY) != 0,
      .length = ntohl(request.length),
      .count = (uint64_t)ntohl(request.count_high) << 32 | ntohl(request.count_low),
      .milliseconds = ntohl(request.milliseconds),
      .kilobits = ntohl(request.kilobits),
  };
  int udp = mode >= MODE_UDP_SEND;
  uint32_t least = udp ? UDP_LENGTH_MINIMUM : 1;
  uint32_t most = udp ? UDP_LENGTH_MAXIMUM : TCP_LENGTH_MAXIMUM;
  if (ntohl(request.magic) != WIRE_MAGIC || ntohl(request.version) != WIRE_VERSION) return 0;
  return mode < MODES && plan->length >= least && plan->length <= most;
}

static int reply(int fd, uint32_t refusal, unsigned port) {
  struct reply words = {htonl(WIRE_MAGIC), htonl(WIRE_VERSION), htonl(refusal), htonl(port)};
  return net_write(fd, &words, sizeof words);
}

static int send_result(int fd, const struct tally *tally) {
  struct result result = {
      htonl((uint32_t)(tally->bytes >> 32)), htonl((uint32_t)tally->bytes),
      htonl((uint32_t)(tally->us >> 32)),    htonl((uint32_t)tally->us),
      htonl((uint32_t)(tally->wrong >> 32)), htonl((uint32_t)tally->wrong),
      htonl(tally->datagrams), htonl(tally->duplicates), htonl(tally->reordered)};
  return net_write(fd, &result, sizeof result);
}

static int echo_stream(int fd, uint32_t length, uint8_t *buffer) {
  while (net_read(fd, buffer, length) == (ssize_t)length) {
    if (net_write(fd, buffer, length) < 0) return -1;
  }
  return 0;
}

/* Sends datagrams back until the client closes its TCP connection or is silent. */
static int echo_datagrams(int udp, int tcp, uint8_t *buffer) {
  net_patience(udp, 200);
  for (uint64_t last = net_now_us(); net_now_us() - last < SILENCE_MS * 1000ull;) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(udp, buffer, UDP_LENGTH_MAXIMUM, 0, (struct sockaddr *)&from, &length);
    if (got >= 0) {
      sendto(udp, buffer, (size_t)got, MSG_NOSIGNAL, (struct sockaddr *)&from, length);
      last = net_now_us();
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      char end;
      ssize_t more = recv(tcp, &end, 1, MSG_DONTWAIT);
      if (more >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return 0;
    }
  }
  return 0;
}

/* The client's HELLO says where it waits. */
static int await_hello(int udp, uint8_t *buffer) {
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  net_patience(udp, 5000);
  if (recvfrom(udp, buffer, UDP_LENGTH_MAXIMUM, 0, (struct sockaddr *)&from, &length) < 0) return -1;
  return connect(udp, (struct sockaddr *)&from, length);
}

static int serve_datagrams(int tcp, int udp, const struct plan *plan, uint8_t *buffer) {
  struct tally tally = {0};
  if (plan->mode == MODE_UDP_LATENCY) return echo_datagrams(udp, tcp, buffer);
  if (plan->mode == MODE_UDP_RECEIVE) {
    if (await_hello(udp, buffer) < 0) return -1;
    return datagrams_send(udp, tcp, plan, buffer, &tally);
  }
  if (datagrams_receive(udp, tcp, plan, buffer, &tally) < 0) return -1;
  return send_result(tcp, &tally);
}

static int serve_stream(int fd, const struct plan *plan, uint8_t *buffer) {
  struct tally tally = {0};
  if (plan->mode == MODE_TCP_LATENCY) return echo_stream(fd, plan->length, buffer);
  if (plan->mode == MODE_TCP_RECEIVE) return stream_send(fd, plan, buffer, &tally);
  if (stream_receive(fd, plan, buffer, &tally) < 0) return -1;
  return send_result(fd, &tally);
}

static void serve(int fd) {
  struct plan plan;
  net_patience(fd, SILENCE_MS);
  int sound = read_request(fd, &plan);
  if (sound < 0) return;
  if (!sound) {
    reply(fd, REFUSAL_REQUEST, 0);
    return;
  }
  int is_udp = plan.mode >= MODE_UDP_SEND;
  int udp = is_udp ? net_bind(SOCK_DGRAM, 0, 0) : -1;
  uint8_t *buffer = malloc(is_udp ? UDP_LENGTH_MAXIMUM : plan.length);
  if (!buffer || (is_udp && udp < 0)) {
    reply(fd, REFUSAL_RESOURCES, 0);
  } else if (reply(fd, 0, is_udp ? net_port(udp) : 0) == 0) {
    int result = is_udp ? serve_datagrams(fd, udp, &plan, buffer) : serve_stream(fd, &plan, buffer);
    if (result < 0) fprintf(stderr, "ttcp: a client was lost: %s\n", strerror(errno));
  }
  free(buffer);
  if (udp >= 0) close(udp);
}

static void *session(void *argument) {
  int fd = (int)(intptr_t)argument;
  serve(fd);
  close(fd);
  pthread_mutex_lock(&lock);
  sessions--;
  pthread_mutex_unlock(&lock);
  return NULL;
}

static int start_session(int fd) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_mutex_lock(&lock);
  int free_place = sessions < SESSIONS_MAXIMUM;
  sessions += (unsigned)free_place;
  pthread_mutex_unlock(&lock);
  if (!free_place) return 0;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int error = pthread_create(&thread, &attributes, session, (void *)(intptr_t)fd);
  pthread_attr_destroy(&attributes);
  if (!error) return 1;
  pthread_mutex_lock(&lock);
  sessions--;
  pthread_mutex_unlock(&lock);
  return 0;
}

int server_run(unsigned port) {
  int listener = net_bind(SOCK_STREAM, port, BACKLOG);
  if (listener < 0) {
    fprintf(stderr, "ttcp: cannot listen on port %u: %s\n", port, strerror(errno));
    return 1;
  }
  printf("ttcp: listening on port %u\n", net_port(listener));
  fflush(stdout);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      fprintf(stderr, "ttcp: accept: %s\n", strerror(errno));
      if (errno != EMFILE && errno != ENFILE && errno != ENOMEM) return 1;
      usleep(100000);
      continue;
    }
    if (start_session(fd)) continue;
    reply(fd, REFUSAL_BUSY, 0);
    close(fd);
  }
}
