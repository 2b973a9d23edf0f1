/* Ephemeral ports (RFC 6056, algorithm 1: a random start, then the next free one). */
#ifndef ILWACO_NET_PORT_H
#define ILWACO_NET_PORT_H

#include <stdint.h>

enum { PORT_EPHEMERAL_FIRST = 32768, PORT_EPHEMERAL_LAST = 60999 };

/* A port (network byte order) for which `in_use` says 0, or 0 if there is none. */
uint16_t port_choose(int (*in_use)(uint16_t port, const void *context), const void *context);

#endif
