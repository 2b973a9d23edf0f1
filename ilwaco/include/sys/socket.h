/*
 * Sockets as POSIX.1-2017 has them, for AF_INET: SOCK_STREAM is TCP, SOCK_DGRAM is UDP.
 *
 * Every function returns -1 and sets errno where POSIX says so. A send to a connection that the peer
 * has reset fails with EPIPE or ECONNRESET; Ilwaco has no signals, so there is no SIGPIPE.
 * The numbers are those of Linux.
 */
#ifndef ILWACO_SYS_SOCKET_H
#define ILWACO_SYS_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef uint32_t socklen_t;
typedef uint16_t sa_family_t;

struct sockaddr {
  sa_family_t sa_family;
  char sa_data[14];
};

struct sockaddr_storage {
  sa_family_t ss_family;
  char ss_padding[126];
} __attribute__((aligned(4)));

struct linger {
  int l_onoff;
  int l_linger; /* seconds */
};

/*
 * Of sendmsg and recvmsg. There is no ancillary data: recvmsg delivers none and sets msg_controllen to 0;
 * sendmsg fails with EINVAL for what is malformed or asks for something, but ignores what another level's
 * or another family's sockets would take, as Linux does.
 */
struct msghdr {
  void *msg_name;
  socklen_t msg_namelen;
  struct iovec *msg_iov;
  size_t msg_iovlen;
  void *msg_control;
  size_t msg_controllen;
  int msg_flags; /* set by recvmsg: MSG_TRUNC if the datagram was longer than the buffers */
};

struct cmsghdr {
  size_t cmsg_len; /* with this header */
  int cmsg_level, cmsg_type;
};

#define CMSG_ALIGN(length) (((length) + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1))
#define CMSG_LEN(length) (CMSG_ALIGN(sizeof(struct cmsghdr)) + (length))
#define CMSG_SPACE(length) (CMSG_ALIGN(sizeof(struct cmsghdr)) + CMSG_ALIGN(length))
#define CMSG_DATA(header) ((unsigned char *)((struct cmsghdr *)(header) + 1))
#define CMSG_FIRSTHDR(message)                           \
  ((message)->msg_controllen >= sizeof(struct cmsghdr) ? \
       (struct cmsghdr *)(message)->msg_control          \
                                                       : (struct cmsghdr *)0)
#define CMSG_NXTHDR(message, header) ilwaco_next_control(message, header)

static inline struct cmsghdr *ilwaco_next_control(const struct msghdr *message,
                                                  const struct cmsghdr *header) {
  size_t at = (size_t)((const char *)header - (const char *)message->msg_control);
  size_t left = message->msg_controllen - at;
  if (header->cmsg_len < sizeof *header || header->cmsg_len > left) return 0;
  size_t space = CMSG_ALIGN(header->cmsg_len);
  if (space > left || left - space < sizeof *header) return 0;
  return (struct cmsghdr *)((char *)message->msg_control + at + space);
}

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10
#define PF_UNSPEC AF_UNSPEC
#define PF_INET AF_INET

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3 /* only named by getaddrinfo: socket() knows none */
#define SOCK_NONBLOCK 04000 /* flag of socket() and accept4() */
#define SOCK_CLOEXEC 02000000 /* accepted, without meaning: there is no exec */

#define SOMAXCONN 4096

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

/* Of recv: PEEK, TRUNC (the datagram's whole length), DONTWAIT, WAITALL, of recvmsg's answer: TRUNC. Of
 * send: DONTWAIT, NOSIGNAL, MORE, EOR (there are no records to end). EOPNOTSUPP: any other; there is no
 * out-of-band data. */
#define MSG_OOB 0x01
#define MSG_PEEK 0x02
#define MSG_DONTROUTE 0x04
#define MSG_CTRUNC 0x08
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_WAITALL 0x100
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000 /* more is coming: a segment that is not full waits for it, 200 ms at most */

#define SOL_SOCKET 1
#define SO_REUSEADDR 2
#define SO_TYPE 3
#define SO_ERROR 4
#define SO_DONTROUTE 5
#define SO_BROADCAST 6
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_KEEPALIVE 9
#define SO_PRIORITY 12
#define SO_LINGER 13
#define SO_REUSEPORT 15
#define SO_RCVLOWAT 18
#define SO_SNDLOWAT 19
#define SO_RCVTIMEO 20
#define SO_SNDTIMEO 21
#define SO_ACCEPTCONN 30
#define SO_PROTOCOL 38
#define SO_DOMAIN 39

int socket(int domain, int type, int protocol);
int bind(int fd, const struct sockaddr *address, socklen_t length);
int listen(int fd, int backlog);
int accept(int fd, struct sockaddr *address, socklen_t *length);
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t send(int fd, const void *buffer, size_t length, int flags);
ssize_t recv(int fd, void *buffer, size_t length, int flags);
ssize_t sendto(int fd, const void *buffer, size_t length, int flags, const struct sockaddr *address,
               socklen_t address_length);
ssize_t recvfrom(int fd, void *buffer, size_t length, int flags, struct sockaddr *address,
                 socklen_t *address_length);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t recvmsg(int fd, struct msghdr *message, int flags);
int shutdown(int fd, int how);
int getsockname(int fd, struct sockaddr *address, socklen_t *length);
int getpeername(int fd, struct sockaddr *address, socklen_t *length);
int setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int getsockopt(int fd, int level, int option, void *value, socklen_t *length);

#endif
