/* Packets from this host to itself: queued, and taken in by the network thread. The lock is held. */
#ifndef ILWACO_NET_LOOPBACK_H
#define ILWACO_NET_LOOPBACK_H

#include <stddef.h>

/* Queues the IPv4 packet in nic_frame. If the queue is full it is dropped and counted. */
void loopback_send(size_t length);

int loopback_receive(void); /* takes one packet in; 0: none waits */
int loopback_waits(void);

#endif
