/* <denali/inspect.h> tells what is so: threads, sockets, memory, counters, and who answers a ping.
 * Arguments: addresses to ping. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <denali/inspect.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void tell(const char *what, int held) { printf("%s: %s\n", what, held ? "yes" : "no"); }

/* ---- threads */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static volatile int ready;

static void *wait_long(void *unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  ready++;
  pthread_cond_wait(&never, &mutex);
  return NULL;
}

static void *sleep_long(void *unused) {
  (void)unused;
  ready++;
  sleep(1000);
  return NULL;
}

static void threads(void) {
  static const char *const states[] = {"running", "ready", "waiting", "sleeping"};
  struct inspect_thread list[8];
  memset(list, 0x55, sizeof list);
  printf("threads: %d\n", inspect_threads(list, 8));
  pthread_t waiter, sleeper;
  pthread_create(&waiter, NULL, wait_long, NULL);
  pthread_create(&sleeper, NULL, sleep_long, NULL);
  pthread_setname_np(waiter, "waiter");
  pthread_setname_np(sleeper, "sleeper");
  while (ready < 2) usleep(1000);
  int count;
  do { /* from `ready` to its wait a thread may be preempted for any time */
    usleep(1000);
    count = inspect_threads(list, 8);
  } while (list[1].state != INSPECT_WAITING || list[2].state != INSPECT_SLEEPING);
  memset(list, 0x55, sizeof list);
  count = inspect_threads(list, 2);
  printf("threads: %d\n", count);
  tell("no more than there is room for", list[2].id == 0x55555555);
  count = inspect_threads(list, 8);
  for (int i = 0; i < count; i++) {
    const struct inspect_thread *t = &list[i];
    printf("  %u [%s] %s, stack %s\n", (unsigned)t->id, t->name, states[t->state],
           t->stack_bytes ? "of its own" : "0");
  }
}

/* ---- sockets */

static int of_port(const struct inspect_socket *list, int count, unsigned port) {
  int i = 0;
  while (i < count && ntohs(list[i].local.sin_port) != port) i++;
  return i;
}

static void show_sockets(const char *when) {
  struct inspect_socket list[16];
  int count = inspect_sockets(list, 16);
  printf("sockets %s: %d\n", when, count);
  for (unsigned port = 1000; port < 1003; port++) {
    for (int i = of_port(list, count, port); i < count;
         i += 1 + of_port(list + i + 1, count - i - 1, port)) {
      const struct inspect_socket *s = &list[i];
      char local[INET_ADDRSTRLEN], remote[INET_ADDRSTRLEN];
      inet_ntop(AF_INET, &s->local.sin_addr, local, sizeof local);
      inet_ntop(AF_INET, &s->remote.sin_addr, remote, sizeof remote);
      printf("  %s %s:%u from %s:%u [%s] %u %u\n", s->protocol == IPPROTO_TCP ? "tcp" : "udp", local,
             port, remote, ntohs(s->remote.sin_port), s->state, (unsigned)s->receive_queue,
             (unsigned)s->send_queue);
    }
  }
}

static int open_at(int type, unsigned port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, type, 0);
  bind(fd, (struct sockaddr *)&at, sizeof at);
  return fd;
}

static void go(int fd, unsigned port) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  connect(fd, (struct sockaddr *)&to, sizeof to);
}

static void arrived(int fd) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  poll(&entry, 1, 10000);
}

static void sockets(void) {
  int listener = open_at(SOCK_STREAM, 1000), client = open_at(SOCK_STREAM, 1001);
  int datagrams = open_at(SOCK_DGRAM, 1002);
  listen(listener, 5);
  show_sockets("that wait");
  go(client, 1000);
  arrived(listener);
  show_sockets("before it is accepted");
  int server = accept(listener, NULL, NULL);
  send(client, "0123456789", 10, 0);
  arrived(server);
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(1002),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  sendto(datagrams, "abc", 3, 0, (struct sockaddr *)&to, sizeof to);
  arrived(datagrams);
  struct inspect_socket list[16];
  int count = inspect_sockets(list, 16);
  const struct inspect_socket *connected = &list[of_port(list, count, 1001)];
  for (int i = 0; i < count; i++) { /* connections have no order: their places are hashed */
    if (list[i].remote.sin_port == connected->local.sin_port) {
      printf("to be read: %u\n", (unsigned)list[i].receive_queue);
    }
  }
  tell("it knows its congestion window", connected->congestion_window > 1000);
  tell("a datagram is kept", list[of_port(list, count, 1002)].receive_queue >= 3);
  char text[16];
  recv(server, text, sizeof text, 0);
  recv(datagrams, text, sizeof text, 0);
  close(client);
  arrived(server);
  do { /* the end has arrived; that it did is told by a segment of its own */
    usleep(1000);
    count = inspect_sockets(list, 16);
  } while (strcmp(list[of_port(list, count, 1001)].state, "FIN-WAIT-2") != 0);
  show_sockets("half closed");
  close(server);
  close(listener);
  close(datagrams);
}

/* ---- memory and counters */

static void memory(void) {
  struct inspect_memory before, with, after;
  int counted = 0, given_back = 0;
  /* The network's thread may take or give back something in between, and does so seldom. */
  for (int i = 0; i < 100 && !(counted && given_back); i++) {
    usleep(1000);
    inspect_memory(&before);
    char *volatile block = malloc(1 << 20); /* a compiler leaves out what nobody looks at */
    memset(block, 1, 1 << 20);
    inspect_memory(&with);
    free(block);
    inspect_memory(&after);
    uint32_t taken = with.heap_used - before.heap_used;
    counted = taken >= 1 << 20 && taken < (1 << 20) + 4096;
    given_back = after.heap_used == before.heap_used;
  }
  uint64_t sum = (uint64_t)with.image + with.heap_used + with.heap_free + with.untouched + with.stack;
  printf("memory: %u\n", (unsigned)with.total);
  tell("its parts are no more than all", sum <= with.total);
  tell("and no less, but for some pages", sum + 64 * 1024 >= with.total);
  tell("a mebibyte is counted", counted);
  tell("and given back", given_back);
  struct inspect_network network;
  inspect_network(&network);
  tell("the network's memory is bounded", network.memory_used <= network.memory_limit);
  tell("and some of it used", network.memory_used > 0 && network.memory_blocks > 0);
}

static uint32_t counter(const char *wanted) {
  const char *name;
  uint32_t value;
  for (int i = 0; inspect_counter(i, &name, &value); i++) {
    if (strcmp(name, wanted) == 0) return value;
  }
  printf("no counter %s\n", wanted);
  return 0;
}

static void ping(const char *text, size_t bytes) {
  struct in_addr address;
  inet_pton(AF_INET, text, &address);
  uint32_t before = counter("frames_out");
  long us = inspect_ping(address, bytes, 10000);
  const char *error = us >= 0                ? "answered"
                      : errno == EMSGSIZE     ? "EMSGSIZE"
                      : errno == EHOSTUNREACH ? "EHOSTUNREACH"
                      : errno == ENETUNREACH  ? "ENETUNREACH"
                      : errno == ETIMEDOUT    ? "ETIMEDOUT"
                                              : strerror(errno);
  uint32_t frames = counter("frames_out") - before;
  /* Few: with what ARP asks again for an answer that is late. */
  printf("ping %s with %u bytes: %s, %s\n", text, (unsigned)bytes, error,
         frames == 0 ? "nothing sent" : frames < 8 ? "few frames" : "many frames");
}

int main(int count, char **words) {
  const char *name;
  uint32_t value;
  threads();
  sockets();
  memory();
  tell("no counter before the first", !inspect_counter(-1, &name, &value));
  tell("nor behind the last", !inspect_counter(1000, &name, &value));
  for (int i = 1; i < count; i++) ping(words[i], 56);
  ping("127.0.0.1", 1000);
  if (count > 1) {
    for (size_t bytes = 1472; bytes < 1474; bytes++) ping(words[1], bytes);
    ping(words[1], 65507);
    ping(words[1], 65508);
  }
  return 0;
}
