/* /burn; see burn.h. */
#include "burn.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../common/net.h"

enum { BURNING_MAXIMUM = 8, STACK_BYTES = 16384 };

struct burn {
  int fd;
  unsigned milliseconds;
  int used;
};

static struct burn burns[BURNING_MAXIMUM];

static void answer(const struct burn *burn, unsigned rounds) {
  char body[64], text[256];
  int length = snprintf(body, sizeof body, "burned %u ms: %u rounds\n", burn->milliseconds, rounds);
  int total = snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                       "Connection: close\r\n\r\n%s",
                       length, body);
  struct timeval patience = {.tv_sec = 10};
  fcntl(burn->fd, F_SETFL, 0);
  setsockopt(burn->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  send(burn->fd, text, (size_t)total, MSG_NOSIGNAL);
  close(burn->fd);
}

static void *run(void *argument) {
  struct burn *burn = argument;
  uint64_t end = net_now_us() + burn->milliseconds * 1000ull;
  volatile unsigned value = 1;
  unsigned rounds = 0;
  while (net_now_us() < end) {
    for (int i = 0; i < 1000; i++) value = value * 1664525u + 1013904223u;
    rounds++;
  }
  answer(burn, rounds);
  burn->used = 0;
  return NULL;
}

int burn_start(int fd, unsigned milliseconds) {
  struct burn *burn = burns;
  while (burn < burns + BURNING_MAXIMUM && burn->used) burn++;
  if (burn == burns + BURNING_MAXIMUM) return 0;
  *burn = (struct burn){.fd = fd, .milliseconds = milliseconds, .used = 1};
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  if (pthread_create(&thread, &attributes, run, burn) != 0) {
    burn->used = 0;
    return 0;
  }
  return 1;
}
