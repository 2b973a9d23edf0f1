/*
 * The programs of the two hosts. The server (10.0.0.1) echoes TCP on port 7007 and UDP on 7, serves
 * documents on 80, and answers DNS on 53. The client (10.0.0.2) sends bytes on port 7007 in `streams`
 * connections of `bytes` each, both ways at once, and compares what comes back; with `chatter` it uses the
 * other services meanwhile, so that their frames can be mutated. Prints what went wrong.
 */
#include <arpa/inet.h>
#include <denali/inspect.h>
#include <errno.h>
#include <ilwaco.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct denali_registers port_registers;

void port_configure(int index, unsigned mtu) {
  static const unsigned char mac[6] = {2, 0, 0, 0, 0, 1};
  struct denali_registers *r = &port_registers;
  r->features = DENALI_FEATURE_CONSOLE | DENALI_FEATURE_NIC;
  r->vm_id = (unsigned)index + 1;
  r->memory_size = 32 << 20;
  memcpy((void *)r->nic_mac, mac, 6);
  ((unsigned char *)r->nic_mac)[5] = (unsigned char)(index + 1);
  r->nic_mtu = (unsigned short)mtu;
  r->nic_address = htonl(0x0a000001u + (unsigned)index);
  r->nic_netmask = htonl(0xffffff00);
  r->nic_dns = htonl(0x0a000001);
}

static void pause_ms(unsigned ms) {
  struct ilwaco_event never = ILWACO_EVENT_INITIALIZER;
  ilwaco_event_wait(&never, ilwaco_now_us() + ms * 1000ull);
}

static unsigned setting(const char *key, unsigned otherwise) {
  const char *text = ilwaco_setting(key);
  return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static struct sockaddr_in at(unsigned address, unsigned port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr = {htonl(address)}};
}

enum { SERVER = 0x0a000001 };

static void spawn(void *(*run)(void *), long argument) {
  pthread_t thread;
  pthread_create(&thread, NULL, run, (void *)argument);
}

/* --- server */

static void *echo(void *argument) {
  int fd = (int)(long)argument;
  char *block = malloc(16384);
  ssize_t got;
  while ((got = recv(fd, block, 16384, 0)) > 0) {
    for (ssize_t sent = 0, n; sent < got; sent += n) {
      n = send(fd, block + sent, (size_t)(got - sent), 0);
      if (n <= 0) goto end;
    }
  }
end:
  free(block);
  close(fd);
  return NULL;
}

static void *serve_document(void *argument) {
  int fd = (int)(long)argument;
  char *block = calloc(1, 4096);
  ssize_t got = recv(fd, block, 100, 0);
  for (int i = 0; got > 0 && i < block[0] % 16; i++) {
    if (send(fd, block, 4096, 0) < 0) break;
  }
  free(block);
  close(fd);
  return NULL;
}

static void *echo_datagrams(void *argument) {
  (void)argument;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in own = at(0, 7), from;
  bind(fd, (struct sockaddr *)&own, sizeof own);
  char *block = malloc(65536);
  for (;;) {
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, block, 65536, 0, (struct sockaddr *)&from, &length);
    if (got >= 0) sendto(fd, block, (size_t)got, 0, (struct sockaddr *)&from, length);
  }
  return NULL;
}

/* Every name has the address 10.9.8.7, by way of an alias. */
static void *answer_names(void *argument) {
  (void)argument;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in own = at(0, 53), from;
  bind(fd, (struct sockaddr *)&own, sizeof own);
  for (;;) {
    static const unsigned char records[] = {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, 4, 1, 'x', 0xc0, 12,
                                            1, 'x', 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 9, 8, 7};
    unsigned char block[600];
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, block, 512, 0, (struct sockaddr *)&from, &length);
    if (got < 12) continue;
    block[2] |= 0x80;
    block[7] = 2;
    memcpy(block + got, records, sizeof records);
    sendto(fd, block, (size_t)got + sizeof records, 0, (struct sockaddr *)&from, length);
  }
  return NULL;
}

/* Lends 10.0.0.77 for 100 seconds: answers from second 0 to 120 and from second 300 on. */
static void *lend(void *argument) {
  (void)argument;
  static const unsigned char terms[] = {53, 1, 0, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 0, 100,
                                        1,  4, 255, 255, 255, 0, 255};
  int fd = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
  struct sockaddr_in own = at(0, 67), to = at(0xffffffff, 68), from;
  bind(fd, (struct sockaddr *)&own, sizeof own);
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  for (;;) {
    unsigned char block[600];
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, block, sizeof block, 0, (struct sockaddr *)&from, &length);
    uint64_t second = ilwaco_now_us() / 1000000;
    if (got < 243 || (second > 120 && second < 300)) continue;
    unsigned char type = block[242] == 1 ? 2 : 5; /* the client puts the type first */
    block[0] = 2;
    memcpy(block + 16, (unsigned char[]){10, 0, 0, 77}, 4);
    memcpy(block + 240, terms, sizeof terms);
    block[242] = type;
    sendto(fd, block, 240 + sizeof terms, 0, (struct sockaddr *)&to, sizeof to);
  }
  return NULL;
}

static void *accept_on(void *argument) {
  unsigned port = (unsigned)(long)argument;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in own = at(0, port);
  bind(listener, (struct sockaddr *)&own, sizeof own);
  listen(listener, 64);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0) spawn(port == 80 ? serve_document : echo, fd);
  }
  return NULL;
}

/* Speaks first to more clients than its queues hold, and only after a while. */
static void *greet(void *argument) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in own = at(0, 21);
  bind(listener, (struct sockaddr *)&own, sizeof own);
  listen(listener, 4);
  pause_ms(setting("late_ms", 0));
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0 && send(fd, "hello", 5, 0) == 5) close(fd);
  }
  return argument;
}

/* --- client */

static unsigned running, failures;
static struct ilwaco_event ended;

static void complain(const char *what, unsigned where) {
  printf("FAILED %s at %u: errno %d\n", what, where, errno);
  failures++;
}

static unsigned char byte_at(unsigned stream, unsigned i) {
  return (unsigned char)((i * 2654435761u + stream * 40503u) >> 13);
}

static int dial(unsigned port) {
  struct sockaddr_in server = at(SERVER, port);
  for (int i = 0; i < 5; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0) return fd;
    close(fd);
    pause_ms(500);
  }
  return -1;
}

/* Returns how many bytes came back right before the end or the first fault. */
static unsigned exchange(int fd, unsigned stream, unsigned total) {
  unsigned out = 0, in = 0;
  unsigned char block[4096];
  while (in < total) {
    struct pollfd entry = {fd, (short)(out < total ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&entry, 1, -1);
    if ((entry.revents & POLLOUT) && out < total) {
      unsigned size = total - out < sizeof block ? total - out : sizeof block;
      for (unsigned i = 0; i < size; i++) block[i] = byte_at(stream, out + i);
      ssize_t n = send(fd, block, size, MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN) return in;
      if (n > 0) out += (unsigned)n;
      if (out == total) shutdown(fd, SHUT_WR);
    }
    if (entry.revents & (POLLIN | POLLHUP | POLLERR)) {
      ssize_t n = recv(fd, block, sizeof block, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return in;
      for (ssize_t i = 0; i < n; i++, in++) {
        if (block[i] != byte_at(stream, in)) return in;
      }
    }
  }
  return in;
}

static void *transfer(void *argument) {
  unsigned stream = (unsigned)(long)argument, total = setting("bytes", 1000000);
  int fd = dial(7007);
  if (fd < 0) {
    complain("connect", stream);
  } else {
    unsigned got = exchange(fd, stream, total);
    char byte;
    if (got != total) complain("stream", got);
    if (got == total && recv(fd, &byte, 1, 0) != 0) complain("end of stream", got);
    close(fd);
  }
  if (--running == 0) ilwaco_event_signal(&ended);
  return NULL;
}

/* Comes with many others, and waits to be spoken to or to be sent away. */
static void *guest(void *argument) {
  for (char block[5];;) {
    int fd = dial(21);
    ssize_t got = fd < 0 ? 0 : recv(fd, block, sizeof block, 0);
    if (fd < 0) complain("connect", (unsigned)(long)argument);
    close(fd);
    if (fd < 0 || got == 5) break;
    if (got == 0) complain("greeting", (unsigned)(long)argument);
  }
  if (--running == 0) ilwaco_event_signal(&ended);
  return NULL;
}

/* Uses the other services and does not mind what becomes of it. */
static void *chatter(void *argument) {
  unsigned n = (unsigned)(long)argument;
  char *block = calloc(1, 8192);
  int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in server = at(SERVER, 7);
  for (; running; n += 3) {
    struct in_addr address = {htonl(SERVER)};
    struct addrinfo *list;
    struct sockaddr_in documents = at(SERVER, 80);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {2, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&documents, sizeof documents) == 0) {
      block[0] = (char)n;
      send(fd, block, 1 + n % 50, 0);
      while (recv(fd, block, 8192, 0) > 0) continue;
    }
    close(fd);
    sendto(datagrams, block, n * 37 % 8000, 0, (struct sockaddr *)&server, sizeof server);
    while (recv(datagrams, block, 8192, 0) >= 0) continue;
    inspect_ping(address, n * 53 % 4000, 200);
    if (getaddrinfo("example.org", NULL, NULL, &list) == 0) freeaddrinfo(list);
    pause_ms(1 + n % 20);
  }
  close(datagrams);
  free(block);
  return NULL;
}

/* The address at seconds in which the lease must stand, be extended, be gone, and be back. */
static int watch_lease(void) {
  static const struct {
    unsigned second, address;
  } expected[] = {{3, 0x0a00004d}, {110, 0x0a00004d}, {195, 0x0a00004d}, {215, 0}, {400, 0x0a00004d}};
  socket(AF_INET, SOCK_DGRAM, 0);
  for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++) {
    uint64_t when = expected[i].second * 1000000ull;
    if (ilwaco_now_us() < when) pause_ms((unsigned)((when - ilwaco_now_us()) / 1000));
    if (ntohl(port_registers.nic_address) != expected[i].address) {
      complain("lease", expected[i].second);
    }
  }
  return failures != 0;
}

/* Microseconds until a burst that fits into the buffers has come back. */
static uint64_t burst(int fd) {
  static char block[60000];
  uint64_t begun = ilwaco_now_us();
  if (send(fd, block, sizeof block, 0) != sizeof block) complain("send", 0);
  if (recv(fd, block, sizeof block, MSG_WAITALL) != sizeof block) complain("recv", 0);
  return ilwaco_now_us() - begun;
}

/* After a minute of silence a burst takes half of the round trips of the first: the window has stayed. */
static int watch_window(void) {
  int fd = dial(7007);
  uint64_t first = burst(fd);
  burst(fd);
  pause_ms(60000);
  uint64_t later = burst(fd);
  if (later > first / 2) complain("window", (unsigned)later);
  close(fd);
  return failures != 0;
}

/* --- a peer that falls silent at second 100 */

struct waiter {
  const char *what;
  int option_level, option, value; /* 0: none is set */
  int sends;                       /* a byte at second 110, and none before */
  unsigned from, until;            /* seconds in which ETIMEDOUT must come */
};

static const struct waiter waiters[] = {
    {"user timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000, 1, 115, 116},
    {"longer user timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, 1200000, 1, 1310, 1311},
    {"retries", 0, 0, 0, 1, 400, 1200},
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE, 1, 0, 115, 126},
};

static void *wait_for_end(void *argument) {
  const struct waiter *w = argument;
  int fd = dial(7007), idle = 10, interval = 5, probes = 3;
  char byte = 0;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  if (w->option_level) setsockopt(fd, w->option_level, w->option, &w->value, sizeof w->value);
  if (w->sends) {
    pause_ms((unsigned)(110000 - ilwaco_now_us() / 1000));
    send(fd, &byte, 1, 0);
  }
  ssize_t got = recv(fd, &byte, 1, 0);
  unsigned second = (unsigned)(ilwaco_now_us() / 1000000);
  if (got != -1 || errno != ETIMEDOUT || second < w->from || second > w->until) {
    complain(w->what, second);
  }
  close(fd);
  if (--running == 0) ilwaco_event_signal(&ended);
  return NULL;
}

static int watch_silence(void) {
  running = sizeof waiters / sizeof *waiters;
  for (unsigned i = 0; i < sizeof waiters / sizeof *waiters; i++) {
    spawn(wait_for_end, (long)&waiters[i]);
  }
  while (running) ilwaco_event_wait(&ended, ILWACO_NO_DEADLINE);
  return failures != 0;
}

int main(void) {
  if (strcmp(ilwaco_setting("role"), "server") == 0) {
    spawn(accept_on, 7007);
    spawn(accept_on, 80);
    spawn(echo_datagrams, 0);
    spawn(answer_names, 0);
    if (setting("crowd", 0)) spawn(greet, 0);
    if (setting("lease", 0)) spawn(lend, 0);
    return 0;
  }
  pause_ms(1);
  if (setting("lease", 0)) return watch_lease();
  if (setting("cut", 0)) return watch_silence();
  if (setting("silence", 0)) return watch_window();
  unsigned streams = setting("streams", 1), crowd = setting("crowd", 0);
  running = streams + crowd;
  for (unsigned i = 0; i < setting("chatter", 0); i++) spawn(chatter, (long)i);
  for (unsigned i = 0; i < streams; i++) spawn(transfer, (long)i);
  for (unsigned i = 0; i < crowd; i++) spawn(guest, (long)i);
  while (running) ilwaco_event_wait(&ended, ILWACO_NO_DEADLINE);
  if (!failures) printf("all %u streams came back whole\n", streams);
  return failures != 0;
}
