/* Addresses as text. */
#ifndef ILWACO_ARPA_INET_H
#define ILWACO_ARPA_INET_H

#include <netinet/in.h>

in_addr_t inet_addr(const char *text); /* INADDR_NONE if inet_aton fails */
int inet_aton(const char *text, struct in_addr *address); /* 1, or 0 if it is no
 * address; takes the old forms of numbers as well, as Linux does */
char *inet_ntoa(struct in_addr address); /* a static buffer: not for several threads */
const char *inet_ntop(int family, const void *address, char *text, socklen_t size);
int inet_pton(int family, const char *text, void *address); /* 1, 0: no address, -1: EAFNOSUPPORT */

#endif
