/*
 * The DHCP client (RFC 2131), if the boot setting `net` is `dhcp`. What the server lends is put into the
 * virtual registers, where a static configuration would stand: all look for it in one place. Until then
 * the address is 0. No lock is held.
 */
#ifndef ILWACO_NET_DHCP_H
#define ILWACO_NET_DHCP_H

#include <stdint.h>

int dhcp_is_wanted(void);

/* Starts to ask for an address in a thread of its own; 0 or an error number. */
int dhcp_start(void);

/* Waits until there is an address, or until `deadline`. */
void dhcp_await(uint64_t deadline);

#endif
