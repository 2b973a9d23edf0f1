/* Sockets of a host that talks to itself: results and errors must be those of Linux. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *name_of(int error) {
  static const struct {
    int error;
    const char *name;
  } names[] = {{0, "0"},
#define NAME(e) {e, #e}
               NAME(EAGAIN), NAME(EBADF), NAME(EINVAL), NAME(ENOTSOCK), NAME(EDESTADDRREQ),
               NAME(EMSGSIZE), NAME(EPROTOTYPE), NAME(ENOPROTOOPT), NAME(EPROTONOSUPPORT),
               NAME(ESOCKTNOSUPPORT), NAME(EOPNOTSUPP), NAME(EAFNOSUPPORT), NAME(EADDRINUSE),
               NAME(EADDRNOTAVAIL), NAME(ENETUNREACH), NAME(ECONNRESET), NAME(EISCONN),
               NAME(ENOTCONN), NAME(EPIPE), NAME(ECONNREFUSED), NAME(EINPROGRESS), NAME(EALREADY),
               NAME(EACCES), NAME(EFAULT), NAME(ENOTTY), NAME(ETIMEDOUT)};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].error == error) return names[i].name;
  }
  return "another";
}

/* The result of a call, with errno if it failed. */
static void show(const char *what, long result) {
  if (result < 0) {
    printf("%s: %ld %s\n", what, result, name_of(errno));
  } else {
    printf("%s: %ld\n", what, result);
  }
}

static void tell(const char *what, int held) { printf("%s: %s\n", what, held ? "yes" : "no"); }

static struct sockaddr_in here(unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static struct sockaddr_in name_of_socket(int fd) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &length);
  return address;
}

static int option(int fd, int level, int which) {
  int value = -1;
  socklen_t length = sizeof value;
  if (getsockopt(fd, level, which, &value, &length) < 0) return -errno;
  return value;
}

static int set_option(int fd, int level, int which, int value) {
  return setsockopt(fd, level, which, &value, sizeof value);
}

static int listening(struct sockaddr_in *at) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  *at = here(0);
  bind(fd, (struct sockaddr *)at, sizeof *at);
  listen(fd, 8);
  *at = name_of_socket(fd);
  return fd;
}

/* Two ends of a connection. */
static void pair(int ends[2]) {
  struct sockaddr_in at;
  int listener = listening(&at);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  connect(ends[0], (struct sockaddr *)&at, sizeof at);
  ends[1] = accept(listener, NULL, NULL);
  close(listener);
}

static void wait_for(int fd, short events) {
  struct pollfd entry = {fd, events, 0};
  poll(&entry, 1, 5000);
}

static void wrong_arguments(void) {
  puts("-- wrong arguments");
  show("family", socket(12345, SOCK_STREAM, 0));
  show("type", socket(AF_INET, 77, 0));
  show("protocol", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  show("no descriptor", listen(999, 1));
  show("no socket", listen(1, 1));
  struct sockaddr_in at = here(0);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  show("short address", bind(fd, (struct sockaddr *)&at, 4));
  at.sin_family = AF_INET6;
  show("foreign address", bind(fd, (struct sockaddr *)&at, sizeof at));
  at = here(0);
  at.sin_addr.s_addr = inet_addr("192.0.2.1");
  show("not ours", bind(fd, (struct sockaddr *)&at, sizeof at));
  show("accept without listen", accept(fd, NULL, NULL));
  tell("send without connection", send(fd, "x", 1, MSG_NOSIGNAL) < 0); /* POSIX and Linux differ */
  show("receive without connection", recv(fd, &at, 1, 0));
  show("shutdown without connection", shutdown(fd, SHUT_RDWR));
  socklen_t length = sizeof at;
  show("peer without connection", getpeername(fd, (struct sockaddr *)&at, &length));
  show("unknown option", set_option(fd, SOL_SOCKET, 9999, 1));
  show("unknown level", set_option(fd, 9999, 1, 1));
  show("option of TCP", set_option(fd, IPPROTO_TCP, 9999, 1));
  show("short option", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &fd, 1));
  show("unknown ioctl", ioctl(fd, 0x12345678, &length));
  close(fd);
  show("close twice", close(fd));
}

static void binding(void) {
  puts("-- binding");
  struct sockaddr_in at, other;
  int a = listening(&at), b = socket(AF_INET, SOCK_STREAM, 0);
  printf("a port was chosen: %d\n", at.sin_port != 0);
  show("same port", bind(b, (struct sockaddr *)&at, sizeof at));
  other = at;
  other.sin_addr.s_addr = INADDR_ANY;
  show("same port, any address", bind(b, (struct sockaddr *)&other, sizeof other));
  other = here(0);
  show("another", bind(b, (struct sockaddr *)&other, sizeof other));
  show("bind twice", bind(b, (struct sockaddr *)&other, sizeof other));
  show("listening", option(a, SOL_SOCKET, SO_ACCEPTCONN));
  show("not listening", option(b, SOL_SOCKET, SO_ACCEPTCONN));
  show("listen twice", listen(a, 3));
  tell("a listener connects", connect(a, (struct sockaddr *)&at, sizeof at) < 0); /* they differ */
  show("a listener sends", send(a, "x", 1, MSG_NOSIGNAL));
  show("a listener receives", recv(a, &other, 1, 0));
  close(a);
  close(b);
}

static void options(void) {
  puts("-- options");
  int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
  show("type", option(tcp, SOL_SOCKET, SO_TYPE));
  show("type", option(udp, SOL_SOCKET, SO_TYPE));
  show("domain", option(tcp, SOL_SOCKET, SO_DOMAIN));
  show("protocol", option(tcp, SOL_SOCKET, SO_PROTOCOL));
  show("protocol", option(udp, SOL_SOCKET, SO_PROTOCOL));
  static const struct {
    const char *name;
    int level, which, value;
  } list[] = {{"reuse", SOL_SOCKET, SO_REUSEADDR, 1},     {"alive", SOL_SOCKET, SO_KEEPALIVE, 1},
              {"broadcast", SOL_SOCKET, SO_BROADCAST, 1}, {"delay", IPPROTO_TCP, TCP_NODELAY, 1},
              {"cork", IPPROTO_TCP, TCP_CORK, 1},         {"idle", IPPROTO_TCP, TCP_KEEPIDLE, 10},
              {"interval", IPPROTO_TCP, TCP_KEEPINTVL, 5}, {"count", IPPROTO_TCP, TCP_KEEPCNT, 3},
              {"count", IPPROTO_TCP, TCP_KEEPCNT, 1000},  {"idle", IPPROTO_TCP, TCP_KEEPIDLE, 0},
              {"patience", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000}, {"ttl", IPPROTO_IP, IP_TTL, 9},
              {"ttl", IPPROTO_IP, IP_TTL, 256},           {"ttl", IPPROTO_IP, IP_TTL, -1},
              {"tos", IPPROTO_IP, IP_TOS, 16},
              {"whole", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO}};
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
    show(list[i].name, option(tcp, list[i].level, list[i].which));
    show("  set", set_option(tcp, list[i].level, list[i].which, list[i].value));
    show("  now", option(tcp, list[i].level, list[i].which));
  }
  show("no option of UDP", set_option(udp, IPPROTO_TCP, TCP_NODELAY, 1) < 0);
  struct linger linger = {1, 7};
  socklen_t length = sizeof linger;
  show("linger", setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  memset(&linger, 0, sizeof linger);
  getsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, &length);
  printf("linger %d %d, %u bytes\n", linger.l_onoff, linger.l_linger, (unsigned)length);
  struct timeval time = {3, 500000};
  show("timeout", setsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  memset(&time, 0, sizeof time);
  length = sizeof time;
  getsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &time, &length);
  printf("timeout %ld %ld\n", (long)time.tv_sec, (long)time.tv_usec);
  close(tcp);
  close(udp);
}

static void stream(void) {
  puts("-- stream");
  int ends[2], value = -1;
  char text[32] = "";
  pair(ends);
  struct sockaddr_in at = name_of_socket(ends[0]), peer;
  socklen_t length = sizeof peer;
  show("peer", getpeername(ends[1], (struct sockaddr *)&peer, &length));
  printf("same ends: %d, %u bytes\n", at.sin_port == peer.sin_port, (unsigned)length);
  show("connect again", connect(ends[0], (struct sockaddr *)&peer, sizeof peer));
  show("nothing there", recv(ends[1], text, 10, MSG_DONTWAIT));
  show("send", send(ends[0], "hello world", 11, 0));
  wait_for(ends[1], POLLIN);
  show("waiting", ioctl(ends[1], FIONREAD, &value));
  printf("%d bytes\n", value);
  show("peek", recv(ends[1], text, 5, MSG_PEEK));
  show("receive", recv(ends[1], text, 6, 0));
  struct iovec pieces[3] = {{text, 2}, {text + 16, 0}, {text + 8, 10}};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
  show("scatter", recvmsg(ends[1], &message, 0));
  printf("[%.2s] [%.3s] flags %d\n", text, text + 8, message.msg_flags);
  struct iovec out[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
  show("writev", writev(ends[1], out, 3));
  show("wait for all", recv(ends[0], text, 7, MSG_WAITALL));
  printf("[%.7s]\n", text);
  struct iovec in[2] = {{text, 1}, {text + 1, 6}};
  write(ends[1], "again..", 7);
  wait_for(ends[0], POLLIN);
  show("readv", readv(ends[0], in, 2));
  show("too many pieces", writev(ends[0], out, 5000));
  show("more", send(ends[0], "first ", 6, MSG_MORE));
  show("last", send(ends[0], "second", 6, 0));
  show("together", recv(ends[1], text, 12, MSG_WAITALL));
  printf("[%.12s]\n", text);
  set_option(ends[0], IPPROTO_TCP, TCP_CORK, 1);
  send(ends[0], "corked ", 7, 0);
  send(ends[0], "bottle", 6, 0);
  set_option(ends[0], IPPROTO_TCP, TCP_CORK, 0);
  show("uncorked", recv(ends[1], text, 13, MSG_WAITALL));
  show("accept on a connection", accept(ends[0], NULL, NULL));
  show("listen on a connection", listen(ends[0], 1));
  show("error", option(ends[0], SOL_SOCKET, SO_ERROR));
  close(ends[0]);
  close(ends[1]);
}

static short ready(int fd, short events) {
  struct pollfd entry = {fd, events, 0};
  poll(&entry, 1, 0);
  return entry.revents;
}

static void ending(void) {
  puts("-- ending");
  const short all = POLLIN | POLLOUT | POLLRDHUP;
  int ends[2];
  char byte;
  pair(ends);
  printf("fresh: %x\n", (unsigned)ready(ends[0], all));
  show("shutdown", shutdown(ends[0], SHUT_WR));
  wait_for(ends[1], POLLRDHUP);
  printf("half closed: %x there\n", (unsigned)ready(ends[1], all));
  show("send after shutdown", send(ends[0], "x", 1, MSG_NOSIGNAL));
  show("end of stream", recv(ends[1], &byte, 1, 0));
  show("once more", recv(ends[1], &byte, 1, 0));
  show("the other way", send(ends[1], "y", 1, 0));
  show("arrives", recv(ends[0], &byte, 1, 0));
  close(ends[1]);
  wait_for(ends[0], POLLRDHUP);
  printf("closed: %x\n", (unsigned)ready(ends[0], all));
  show("end of stream", recv(ends[0], &byte, 1, 0));
  close(ends[0]);

  pair(ends);
  struct linger none = {1, 0};
  setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close(ends[1]);
  wait_for(ends[0], POLLIN);
  printf("reset: %x\n", (unsigned)ready(ends[0], all));
  show("receive after a reset", recv(ends[0], &byte, 1, 0));
  show("and again", recv(ends[0], &byte, 1, 0));
  show("send after a reset", send(ends[0], "x", 1, MSG_NOSIGNAL));
  close(ends[0]);

  pair(ends);
  send(ends[0], "unread", 6, 0);
  wait_for(ends[1], POLLIN);
  close(ends[1]);
  wait_for(ends[0], POLLIN);
  show("closed with bytes unread", recv(ends[0], &byte, 1, 0));
  close(ends[0]);

  pair(ends);
  show("no more reading", shutdown(ends[0], SHUT_RD));
  show("reads the end", recv(ends[0], &byte, 1, 0));
  show("bad way to shut down", shutdown(ends[0], 17));
  close(ends[0]);
  close(ends[1]);
}

static void connecting(void) {
  puts("-- connecting");
  struct sockaddr_in at;
  int listener = listening(&at), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  fcntl(listener, F_SETFL, O_NONBLOCK);
  show("nobody to accept", accept(listener, NULL, NULL));
  show("without blocking", connect(fd, (struct sockaddr *)&at, sizeof at));
  wait_for(fd, POLLOUT);
  show("error", option(fd, SOL_SOCKET, SO_ERROR));
  show("a second time", connect(fd, (struct sockaddr *)&at, sizeof at));
  wait_for(listener, POLLIN);
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  int accepted = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK);
  printf("from us: %d\n", peer.sin_port == name_of_socket(fd).sin_port);
  printf("not blocking: %d\n", (fcntl(accepted, F_GETFL) & O_NONBLOCK) != 0);
  show("nothing there", read(accepted, &at, 1));
  close(accepted);
  close(fd);
  close(listener);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  show("nobody listens", connect(fd, (struct sockaddr *)&at, sizeof at));
  show("error was told", option(fd, SOL_SOCKET, SO_ERROR));
  listener = listening(&at);
  show("the same socket again", connect(fd, (struct sockaddr *)&at, sizeof at));
  close(fd);
  close(listener);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(fd, (struct sockaddr *)&at, sizeof at);
  wait_for(fd, POLLOUT);
  printf("refused: %x\n", (unsigned)ready(fd, POLLIN | POLLOUT));
  show("error", option(fd, SOL_SOCKET, SO_ERROR));
  show("once", option(fd, SOL_SOCKET, SO_ERROR));
  close(fd);
}

static void datagrams(void) {
  puts("-- datagrams");
  int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), value;
  struct sockaddr_in at_a = here(0), at_b = here(0), from;
  char text[64] = "";
  bind(a, (struct sockaddr *)&at_a, sizeof at_a);
  bind(b, (struct sockaddr *)&at_b, sizeof at_b);
  at_a = name_of_socket(a);
  at_b = name_of_socket(b);
  show("same port", bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&at_a, sizeof at_a));
  show("listen", listen(a, 1));
  show("to nobody", send(a, "x", 1, 0));
  show("port 0", sendto(a, "x", 1, 0, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, sizeof at_a));
  show("send", sendto(a, "datagram", 8, 0, (struct sockaddr *)&at_b, sizeof at_b));
  show("empty", sendto(a, "", 0, 0, (struct sockaddr *)&at_b, sizeof at_b));
  show("too long", sendto(a, malloc(70000), 65508, 0, (struct sockaddr *)&at_b, sizeof at_b));
  wait_for(b, POLLIN);
  show("waiting", ioctl(b, FIONREAD, &value));
  printf("%d bytes\n", value);
  socklen_t length = sizeof from;
  show("peek", recvfrom(b, text, 3, MSG_PEEK, (struct sockaddr *)&from, &length));
  printf("from a: %d\n", from.sin_port == at_a.sin_port);
  struct iovec pieces[2] = {{text, 2}, {text + 8, 3}};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = pieces, .msg_iovlen = 2};
  show("scatter", recvmsg(b, &message, 0));
  printf("[%.2s] [%.3s] cut off: %d, name %u bytes\n", text, text + 8, (message.msg_flags & MSG_TRUNC) != 0, (unsigned)message.msg_namelen);
  show("empty", recv(b, text, 9, 0));
  show("nothing", recv(b, text, 9, MSG_DONTWAIT));
  show("connect", connect(b, (struct sockaddr *)&at_a, sizeof at_a));
  show("send", send(b, "12345", 5, 0));
  show("whole length", recv(a, text, 2, MSG_TRUNC));
  int c = socket(AF_INET, SOCK_DGRAM, 0);
  sendto(c, "stranger", 8, 0, (struct sockaddr *)&at_b, sizeof at_b);
  sendto(a, "friend", 6, 0, (struct sockaddr *)&at_b, sizeof at_b);
  show("only from the peer", recv(b, text, 20, 0));
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  show("disconnect", connect(b, &none, sizeof none));
  show("to nobody", send(b, "x", 1, 0));
  connect(b, (struct sockaddr *)&at_a, sizeof at_a);
  close(a);
  show("nobody is there", send(b, "x", 1, 0));
  wait_for(b, POLLIN);
  show("is told", send(b, "x", 1, 0));
  show("shutdown", shutdown(b, SHUT_RDWR));
  show("after it", send(b, "x", 1, MSG_NOSIGNAL));
  show("not connected", shutdown(c, SHUT_RD));
  at_a.sin_addr.s_addr = INADDR_BROADCAST;
  show("broadcast", sendto(c, "x", 1, 0, (struct sockaddr *)&at_a, sizeof at_a));
  close(b);
  close(c);
}

/* Datagrams that must be fragmented come whole. */
static void large_datagrams(void) {
  puts("-- large datagrams");
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = here(0);
  bind(fd, (struct sockaddr *)&at, sizeof at);
  at = name_of_socket(fd);
  static unsigned char out[65507], in[65507];
  for (unsigned i = 0; i < sizeof out; i++) out[i] = (unsigned char)(i * 7 + (i >> 8));
  static const unsigned sizes[] = {1472, 1473, 9000, 32768, 65507};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    memset(in, 0, sizeof in);
    show("send", sendto(fd, out, sizes[i], 0, (struct sockaddr *)&at, sizeof at));
    wait_for(fd, POLLIN);
    show("receive", recv(fd, in, sizeof in, MSG_DONTWAIT));
    printf("same: %d\n", memcmp(out, in, sizes[i]) == 0);
  }
  close(fd);
}

enum { BULK = 3000000 };

static void *send_bulk(void *argument) {
  int fd = *(int *)argument;
  static unsigned char block[10000];
  for (unsigned at = 0; at < BULK; at += sizeof block) {
    for (unsigned i = 0; i < sizeof block; i++) block[i] = (unsigned char)((at + i) * 2654435761u >> 24);
    if (send(fd, block, sizeof block, 0) != sizeof block) break;
  }
  shutdown(fd, SHUT_WR);
  return NULL;
}

static void bulk(void) {
  puts("-- bulk");
  int ends[2];
  pair(ends);
  set_option(ends[1], SOL_SOCKET, SO_RCVBUF, 20000);
  pthread_t sender;
  pthread_create(&sender, NULL, send_bulk, &ends[0]);
  unsigned total = 0, wrong = 0;
  static unsigned char block[7777];
  ssize_t got;
  while ((got = recv(ends[1], block, sizeof block, 0)) > 0) {
    for (ssize_t i = 0; i < got; i++, total++) wrong += block[i] != (unsigned char)(total * 2654435761u >> 24);
  }
  pthread_join(sender, NULL);
  printf("%u bytes, %u wrong, end %ld\n", total, wrong, (long)got);
  close(ends[0]);
  close(ends[1]);
}

static void selecting(void) {
  puts("-- select and poll");
  int ends[2];
  pair(ends);
  fd_set readable, writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(ends[0], &readable);
  FD_SET(ends[1], &readable);
  FD_SET(ends[0], &writable);
  struct timeval none = {0, 0};
  int top = ends[0] > ends[1] ? ends[0] + 1 : ends[1] + 1;
  show("writable", select(top, &readable, &writable, NULL, &none));
  printf("%d %d %d\n", !!FD_ISSET(ends[0], &readable), !!FD_ISSET(ends[1], &readable), !!FD_ISSET(ends[0], &writable));
  send(ends[0], "x", 1, 0);
  FD_ZERO(&readable);
  FD_SET(ends[0], &readable);
  FD_SET(ends[1], &readable);
  struct timeval patience = {5, 0};
  show("readable", select(top, &readable, NULL, NULL, &patience));
  printf("%d %d\n", !!FD_ISSET(ends[0], &readable), !!FD_ISSET(ends[1], &readable));
  struct pollfd list[4] = {{ends[0], POLLIN | POLLOUT, 0}, {-1, POLLIN, 0}, {ends[1], POLLIN, 0}, {999, POLLIN, 0}};
  show("poll", poll(list, 4, 1000));
  for (int i = 0; i < 4; i++) printf("%x ", (unsigned)list[i].revents);
  printf("\n");
  FD_ZERO(&readable);
  int gone = socket(AF_INET, SOCK_DGRAM, 0);
  FD_SET(gone, &readable);
  close(gone);
  show("a bad descriptor", select(gone + 1, &readable, NULL, NULL, &none));
  show("too many", select(-1, NULL, NULL, NULL, &none));
  struct timeval short_time = {0, 20000};
  FD_ZERO(&readable);
  FD_SET(ends[0], &readable);
  show("nothing in time", select(top, &readable, NULL, NULL, &short_time));
  struct timeval receive_patience = {0, 30000};
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &receive_patience, sizeof receive_patience);
  char byte;
  show("nothing to receive in time", recv(ends[0], &byte, 1, 0));
  close(ends[0]);
  close(ends[1]);
}

static void text(void) {
  puts("-- addresses as text");
  static const char *const list[] = {"1.2.3.4", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "", " 1.2.3.4", "1.2.3.4 ", "01.2.3.4", "a.b.c.d", "1..2.3"};
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
    struct in_addr address = {0};
    char back[INET_ADDRSTRLEN] = "-";
    int result = inet_pton(AF_INET, list[i], &address);
    if (result == 1) inet_ntop(AF_INET, &address, back, sizeof back);
    printf("[%s] %d %s\n", list[i], result, back);
  }
  struct in_addr address = {htonl(0x0a000001)};
  char small[5];
  printf("%d\n", inet_ntop(AF_INET, &address, small, sizeof small) == NULL);
  show("family", inet_pton(99, "1.2.3.4", &address));
}

static void resolve(const char *node, const char *service, int flags, int type) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = flags, .ai_socktype = type}, *list = NULL;
  int error = getaddrinfo(node, service, &hints, &list);
  printf("%s %s: %s\n", node ? node : "-", service ? service : "-",
         error == 0 ? "found" : error == EAI_NONAME ? "EAI_NONAME" : error == EAI_SERVICE ? "EAI_SERVICE" : error == EAI_FAMILY ? "EAI_FAMILY" : error == EAI_BADFLAGS ? "EAI_BADFLAGS" : "another");
  if (error) return;
  for (struct addrinfo *i = list; i; i = i->ai_next) {
    struct sockaddr_in *at = (struct sockaddr_in *)i->ai_addr;
    printf("  %s %d type %d protocol %d, %u bytes\n", inet_ntoa(at->sin_addr), ntohs(at->sin_port), i->ai_socktype, i->ai_protocol, (unsigned)i->ai_addrlen);
  }
  freeaddrinfo(list);
}

static void names(void) {
  puts("-- names");
  resolve("10.1.2.3", "80", 0, SOCK_STREAM);
  resolve("10.1.2.3", "80", AI_NUMERICHOST, SOCK_DGRAM);
  resolve("10.1.2.3", NULL, 0, 0);
  resolve(NULL, "8080", AI_PASSIVE, SOCK_STREAM);
  resolve(NULL, "8080", 0, SOCK_STREAM);
  resolve(NULL, NULL, 0, SOCK_STREAM);
  resolve("localhost", "7", 0, SOCK_STREAM);
  resolve("no-number", "7", AI_NUMERICHOST, SOCK_STREAM);
  resolve("1.2.3.4", "no-number", AI_NUMERICSERV, SOCK_STREAM);
  resolve("10.258", "1", 0, SOCK_STREAM);
  struct sockaddr_in at = here(81);
  char host[64], service[16];
  show("getnameinfo", getnameinfo((struct sockaddr *)&at, sizeof at, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV));
  printf("%s %s\n", host, service);
}

int main(void) {
  wrong_arguments();
  binding();
  options();
  stream();
  ending();
  connecting();
  datagrams();
  large_datagrams();
  bulk();
  selecting();
  text();
  names();
  return 0;
}
