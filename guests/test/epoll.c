/* epoll by level: what a program may count on, the same on Linux and in Ilwaco. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int epoll;

static int pair(int ends[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 4) < 0) return -1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(ends[0], (struct sockaddr *)&address, length) < 0) return -1;
  ends[1] = accept(listener, NULL, NULL);
  close(listener);
  return 0;
}

static int control(int operation, int fd, unsigned events, unsigned data) {
  struct epoll_event event = {.events = events, .data.u32 = data};
  return epoll_ctl(epoll, operation, fd, &event) < 0 ? errno : 0;
}

/* Waits and prints what is ready, in the order of the data. */
static void show(const char *what, int capacity, int timeout) {
  struct epoll_event events[8];
  int count = epoll_wait(epoll, events, capacity, timeout);
  printf("%s: %d", what, count);
  for (unsigned data = 0; data < 8; data++) {
    for (int i = 0; i < count; i++) {
      if (events[i].data.u32 == data) printf(" %u=%x", data, (unsigned)events[i].events);
    }
  }
  puts("");
}

/* Of two who watch one socket, each is told of what it waits for, whatever the other was told. */
static void for_two(void) {
  static char bytes[4096];
  int ends[2], reads = epoll_create1(0), writes = epoll_create1(0);
  size_t sent = 0;
  ssize_t now;
  pair(ends);
  while ((now = send(ends[1], bytes, sizeof bytes, MSG_DONTWAIT)) > 0) sent += (size_t)now;
  epoll = reads;
  control(EPOLL_CTL_ADD, ends[1], EPOLLIN, 6);
  show("nothing to read", 8, 0);
  epoll = writes;
  control(EPOLL_CTL_ADD, ends[1], EPOLLOUT, 7);
  show("no room", 8, 0);
  while (sent && (now = recv(ends[0], bytes, sizeof bytes, 0)) > 0) sent -= (size_t)now;
  show("room again", 8, 1000);
  epoll = reads;
  show("still nothing to read", 8, 0);
  send(ends[0], "x", 1, 0);
  show("something to read", 8, 1000);
  close(ends[0]);
  close(ends[1]);
  close(reads);
  close(writes);
}

int main(void) {
  int a[2], b[2];
  char byte;
  epoll = epoll_create1(0);
  if (epoll < 0 || pair(a) < 0 || pair(b) < 0) {
    printf("no sockets: %s\n", strerror(errno));
    return 1;
  }
  printf("add: %d %d\n", control(EPOLL_CTL_ADD, a[1], EPOLLIN, 1),
         control(EPOLL_CTL_ADD, b[1], EPOLLIN, 2));
  show("nothing", 8, 0);
  send(a[0], "xy", 2, 0);
  show("one", 8, 1000);
  show("still, by level", 8, 1000);
  recv(a[1], &byte, 1, 0);
  show("a byte is left", 8, 1000);
  recv(a[1], &byte, 1, 0);
  show("none is left", 8, 10);
  printf("modify: %d\n", control(EPOLL_CTL_MOD, a[1], EPOLLIN | EPOLLOUT, 5));
  show("room to write", 8, 1000);
  printf("modify: %d\n", control(EPOLL_CTL_MOD, a[1], 0, 5));
  send(a[0], "z", 1, 0);
  show("not asked for", 8, 20);
  printf("modify: %d\n", control(EPOLL_CTL_MOD, a[1], EPOLLIN, 5));
  send(b[0], "w", 1, 0);
  usleep(20000);
  show("both", 8, 1000);
  printf("remove: %d\n", control(EPOLL_CTL_DEL, a[1], 0, 0));
  show("the other", 8, 1000);
  recv(b[1], &byte, 1, 0);
  shutdown(b[0], SHUT_WR);
  show("the end", 8, 1000);
  close(b[1]);
  show("closed, so not watched", 8, 10);
  int first = control(EPOLL_CTL_ADD, a[1], EPOLLIN, 1);
  int second = control(EPOLL_CTL_ADD, a[1], EPOLLIN, 1);
  printf("twice: %d %d %d\n", first, second == EEXIST, control(EPOLL_CTL_DEL, a[0], 0, 0) == ENOENT);
  printf("bad: %d %d %d\n", control(EPOLL_CTL_ADD, 999, EPOLLIN, 1) == EBADF,
         control(EPOLL_CTL_ADD, epoll, EPOLLIN, 1) == EINVAL,
         epoll_wait(a[0], (struct epoll_event[1]){{0}}, 1, 0) < 0 && errno == EINVAL);
  printf("capacity: %d\n", epoll_wait(epoll, (struct epoll_event[1]){{0}}, 0, 0) < 0 && errno == EINVAL);
  close(epoll);
  for_two();
  puts("done");
  return 0;
}
