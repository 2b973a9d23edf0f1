/*
 * echo: sends back what comes, by TCP (RFC 862) and by UDP. Boot setting: port (7).
 *
 * One thread and one loop around poll(). Per connection at most BUFFER_BYTES wait to go back: a client that
 * does not read is not read from either.
 */
#include <errno.h>
#include <ilwaco.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 16384, DATAGRAM_MAXIMUM = 65507, BACKLOG = 256, FIRST = 8, FIXED = 2 };

struct client {
  char *waiting; /* read and not yet sent back, or NULL */
  unsigned start, end;
};

static struct pollfd *polls; /* [0]: TCP listener, [1]: UDP, [FIXED + i]: clients[i] */
static struct client *clients;
static unsigned count, capacity;

static int open_socket(int type, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return -1;
  return type == SOCK_STREAM && listen(fd, BACKLOG) < 0 ? -1 : fd;
}

static int reserve(unsigned wanted) {
  if (wanted <= capacity) return 1;
  unsigned larger = capacity ? capacity * 2 : FIRST;
  struct pollfd *more_polls = realloc(polls, (larger + FIXED) * sizeof *polls);
  if (!more_polls) return 0;
  polls = more_polls;
  struct client *more = realloc(clients, larger * sizeof *clients);
  if (!more) return 0;
  clients = more;
  capacity = larger;
  return 1;
}

static void accept_all(int listener) {
  while (reserve(count + 1)) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    clients[count] = (struct client){0};
    polls[FIXED + count] = (struct pollfd){.fd = fd, .events = POLLIN};
    count++;
  }
}

/* Sends back what waits. 0: the client is gone. */
static int write_back(int fd, struct client *client) {
  while (client->start < client->end) {
    ssize_t sent = send(fd, client->waiting + client->start, client->end - client->start, 0);
    if (sent < 0) return errno == EAGAIN;
    client->start += (unsigned)sent;
  }
  free(client->waiting);
  client->waiting = NULL;
  return 1;
}

/* Goes on with a client until it would block. 0: it has ended or is gone. */
static int step(struct pollfd *entry, struct client *client) {
  static char buffer[BUFFER_BYTES];
  for (;;) {
    if (client->waiting && !write_back(entry->fd, client)) return 0;
    entry->events = client->waiting ? POLLOUT : POLLIN;
    if (client->waiting) return 1;
    ssize_t got = recv(entry->fd, buffer, sizeof buffer, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return 0;
    ssize_t sent = send(entry->fd, buffer, (size_t)got, 0);
    if (sent < 0 && errno != EAGAIN) return 0;
    if (sent < 0) sent = 0;
    if (sent == got) continue;
    client->start = 0;
    client->end = (unsigned)(got - sent);
    client->waiting = malloc(client->end);
    if (!client->waiting) return 0;
    memcpy(client->waiting, buffer + sent, client->end);
  }
}

static void remove_at(unsigned index) {
  close(polls[FIXED + index].fd);
  free(clients[index].waiting);
  count--;
  clients[index] = clients[count];
  polls[FIXED + index] = polls[FIXED + count];
}

static void answer_datagrams(int fd) {
  static char datagram[DATAGRAM_MAXIMUM];
  struct sockaddr_in from;
  for (int i = 0; i < 64; i++) {
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &length);
    if (got < 0) return;
    sendto(fd, datagram, (size_t)got, 0, (struct sockaddr *)&from, length);
  }
}

int main(void) {
  const char *text = ilwaco_setting("port");
  unsigned port = text ? (unsigned)strtoul(text, NULL, 10) : 7;
  int listener = open_socket(SOCK_STREAM, port);
  int datagrams = open_socket(SOCK_DGRAM, port);
  if (listener < 0 || datagrams < 0 || !reserve(1)) {
    fprintf(stderr, "echo: cannot listen on port %u: %s\n", port, strerror(errno));
    return 1;
  }
  polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  polls[1] = (struct pollfd){.fd = datagrams, .events = POLLIN};
  printf("echo: listening on port %u\n", port);
  fflush(stdout);
  while (poll(polls, count + FIXED, -1) >= 0) {
    for (unsigned i = 0; i < count;) {
      if (polls[FIXED + i].revents && !step(&polls[FIXED + i], &clients[i])) {
        remove_at(i);
      } else {
        i++;
      }
    }
    if (polls[1].revents) answer_datagrams(datagrams);
    if (polls[0].revents) accept_all(listener);
  }
  fprintf(stderr, "echo: poll: %s\n", strerror(errno));
  return 1;
}
