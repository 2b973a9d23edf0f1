/*
 * What several guests do with sockets, in POSIX alone, so that the same sources make Linux programs.
 *
 * Functions return -1 and set errno, unless they say otherwise. No signal is raised by a send.
 */
#ifndef COMMON_NET_H
#define COMMON_NET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Microseconds since some moment; never goes backwards. */
uint64_t net_now_us(void);

/* A socket of SOCK_STREAM (listening) or SOCK_DGRAM on all addresses; port 0: any that is free. */
int net_bind(int type, unsigned port, int backlog);

/* The port that a socket is bound to, 0: none. */
unsigned net_port(int fd);

/* The IPv4 address of a name or of a number. 0, or -1 and `*why`. */
int net_resolve(const char *host, unsigned port, struct sockaddr_in *address, const char **why);

/* A socket of SOCK_STREAM or SOCK_DGRAM that is connected. */
int net_connect(int type, const struct sockaddr_in *address);

/* A receive or send that waits this long fails with EAGAIN; 0: waits for ever. */
void net_patience(int fd, unsigned milliseconds);

int net_nonblocking(int fd);

/* Sends all. 0 or -1. */
int net_write(int fd, const void *bytes, size_t length);

/* Receives exactly `length` bytes, fewer only at the end of the stream; returns how many, or -1. */
ssize_t net_read(int fd, void *bytes, size_t length);

#endif
