/* Flags and ancillary data of sendmsg and recvmsg: results and errors must be those of Linux. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char text[64];
static union {
  struct cmsghdr header;
  char bytes[256];
} control;

static void show(const char *what, long result) {
  const char *why = result >= 0              ? ""
                    : errno == EINVAL        ? " EINVAL"
                    : errno == EAGAIN        ? " EAGAIN"
                    : errno == EFAULT        ? " EFAULT"
                    : errno == EMSGSIZE      ? " EMSGSIZE"
                    : errno == EOPNOTSUPP    ? " EOPNOTSUPP"
                    : errno == EDESTADDRREQ  ? " EDESTADDRREQ"
                    : errno == ENOTCONN      ? " ENOTCONN"
                                             : " another";
  printf("%s: %ld%s\n", what, result, why);
}

static int bound(int type, struct sockaddr_in *at) {
  socklen_t length = sizeof *at;
  int fd = socket(AF_INET, type, 0);
  *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  bind(fd, (struct sockaddr *)at, sizeof *at);
  getsockname(fd, (struct sockaddr *)at, &length);
  return fd;
}

static void join(int type, int ends[2]) {
  struct sockaddr_in at[2];
  ends[1] = bound(type, &at[1]);
  if (type == SOCK_STREAM) {
    int listener = ends[1];
    listen(listener, 1);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    connect(ends[0], (struct sockaddr *)&at[1], sizeof at[1]);
    ends[1] = accept(listener, NULL, NULL);
    close(listener);
    return;
  }
  ends[0] = bound(type, &at[0]);
  for (int i = 0; i < 2; i++) connect(ends[i], (struct sockaddr *)&at[1 - i], sizeof *at);
}

static void arrived(int fd) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  poll(&entry, 1, 10000);
}

/* recvmsg into pieces of these sizes; shows all that it sets. */
static void receive(const char *what, int fd, size_t first, size_t second, int flags) {
  memset(text, '.', sizeof text);
  struct iovec pieces[] = {{text, first}, {text + 32, second}};
  struct sockaddr_in from;
  struct msghdr message = {.msg_name = &from,
                           .msg_namelen = sizeof from,
                           .msg_iov = pieces,
                           .msg_iovlen = 2,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control,
                           .msg_flags = -1};
  long result = recvmsg(fd, &message, flags);
  show(what, result);
  if (result < 0) return;
  printf("  [%.*s] [%.*s] name %u, control %u, truncated %d %d, else %d\n", (int)first, text,
         (int)second, text + 32, (unsigned)message.msg_namelen, (unsigned)message.msg_controllen,
         (message.msg_flags & MSG_TRUNC) != 0, (message.msg_flags & MSG_CTRUNC) != 0,
         message.msg_flags & ~(MSG_TRUNC | MSG_CTRUNC));
}

static void datagrams(void) {
  puts("-- datagrams");
  int ends[2];
  join(SOCK_DGRAM, ends);
  receive("nothing there", ends[1], 4, 4, MSG_DONTWAIT);
  receive("nothing to wait for all of", ends[1], 4, 4, MSG_DONTWAIT | MSG_WAITALL);
  for (int i = 0; i < 5; i++) show("send", send(ends[0], &"0123456789"[i], (size_t)(10 - i), 0));
  arrived(ends[1]);
  receive("peek", ends[1], 4, 3, MSG_PEEK);
  receive("peek, whole length", ends[1], 4, 3, MSG_PEEK | MSG_TRUNC);
  receive("cut off", ends[1], 4, 3, 0);
  receive("cut off, whole length", ends[1], 4, 3, MSG_TRUNC);
  receive("exactly", ends[1], 4, 4, MSG_TRUNC);
  receive("all is one datagram", ends[1], 10, 10, MSG_WAITALL);
  arrived(ends[1]);
  receive("no room", ends[1], 0, 0, MSG_DONTWAIT);
  receive("none left", ends[1], 4, 4, MSG_DONTWAIT);
  struct msghdr empty = {0};
  show("no buffers", sendmsg(ends[0], &empty, 0));
  arrived(ends[1]);
  receive("an empty one", ends[1], 4, 4, 0);
  show("whole length of a long one", send(ends[0], "0123456789", 10, MSG_DONTWAIT | MSG_NOSIGNAL));
  arrived(ends[1]);
  show("whole length", recv(ends[1], text, 1, MSG_TRUNC | MSG_DONTWAIT));
  show("send out of band", send(ends[0], "x", 1, MSG_OOB));
  show("end of record", send(ends[0], "x", 1, MSG_EOR));
  close(ends[0]);
  close(ends[1]);
}

static void streams(void) {
  puts("-- streams");
  int ends[2];
  join(SOCK_STREAM, ends);
  receive("nothing there", ends[1], 4, 4, MSG_DONTWAIT);
  show("no room, nothing there", recv(ends[1], text, 0, MSG_DONTWAIT));
  show("out of band, nothing there", recv(ends[1], text, 1, MSG_OOB));
  show("send", send(ends[0], "0123456789", 10, MSG_EOR));
  arrived(ends[1]);
  show("no room", recv(ends[1], text, 0, MSG_DONTWAIT));
  receive("peek", ends[1], 4, 3, MSG_PEEK);
  receive("peek at all", ends[1], 4, 6, MSG_PEEK | MSG_WAITALL);
  receive("some", ends[1], 2, 1, 0);
  receive("some of all", ends[1], 10, 10, MSG_WAITALL | MSG_DONTWAIT);
  show("send", send(ends[0], "abcdef", 6, 0));
  shutdown(ends[0], SHUT_WR);
  receive("all until the end", ends[1], 10, 10, MSG_WAITALL);
  receive("the end", ends[1], 10, 10, MSG_WAITALL);
  receive("a peek at the end", ends[1], 10, 10, MSG_PEEK | MSG_DONTWAIT);
  close(ends[0]);
  close(ends[1]);
}

/* sendmsg of one byte with a control message of `length` in a buffer of `space`. */
static void send_with(const char *what, int fd, int level, int type, size_t length, size_t space) {
  struct iovec piece = {"x", 1};
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = space};
  memset(&control, 0, sizeof control);
  control.header.cmsg_len = length;
  control.header.cmsg_level = level;
  control.header.cmsg_type = type;
  show(what, sendmsg(fd, &message, MSG_NOSIGNAL));
}

static void ancillary(int type) {
  printf("-- ancillary data of %s\n", type == SOCK_STREAM ? "a stream" : "datagrams");
  int ends[2];
  join(type, ends);
  size_t length = CMSG_LEN(sizeof(int)), space = CMSG_SPACE(sizeof(int));
  send_with("too short", ends[0], SOL_SOCKET, SCM_RIGHTS, 4, space);
  send_with("too long", ends[0], SOL_SOCKET, SCM_RIGHTS, space + 16, space);
  send_with("unknown", ends[0], SOL_SOCKET, 9999, length, space);
  send_with("unknown to IP", ends[0], IPPROTO_IP, 9999, length, space);
  send_with("another level", ends[0], 9999, 1, length, space);
  send_with("descriptors", ends[0], SOL_SOCKET, SCM_RIGHTS, length, space);
  struct iovec piece = {"y", 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1025};
  show("too many buffers", sendmsg(ends[0], &message, MSG_NOSIGNAL));
  arrived(ends[1]);
  receive("what came has none", ends[1], 1, 0, 0);
  close(ends[0]);
  close(ends[1]);
}

static void headers(void) {
  puts("-- control messages in a buffer");
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_control = control.bytes,
                           .msg_controllen = CMSG_SPACE(1) + CMSG_SPACE(9) + CMSG_LEN(0)};
  int count = 0;
  for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
    h->cmsg_len = CMSG_LEN(count == 0 ? 1 : count == 1 ? 9 : 0);
    CMSG_DATA(h)[0] = (unsigned char)count++;
  }
  printf("%d of 3\n", count);
  message.msg_controllen = sizeof(struct cmsghdr) - 1;
  printf("%d\n", CMSG_FIRSTHDR(&message) == NULL);
}

int main(void) {
  datagrams();
  streams();
  ancillary(SOCK_DGRAM);
  ancillary(SOCK_STREAM);
  headers();
  return 0;
}
