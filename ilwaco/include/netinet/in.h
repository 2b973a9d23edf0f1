/* IPv4 addresses and ports as POSIX has them: both in network byte order. */
#ifndef ILWACO_NETINET_IN_H
#define ILWACO_NETINET_IN_H

#include <stdint.h>
#include <sys/socket.h>

typedef uint32_t in_addr_t;
typedef uint16_t in_port_t;

struct in_addr {
  in_addr_t s_addr;
};

struct sockaddr_in {
  sa_family_t sin_family;
  in_port_t sin_port;
  struct in_addr sin_addr;
  unsigned char sin_zero[8];
};

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* Options of level IPPROTO_IP. */
#define IP_TOS 1
#define IP_TTL 2
#define IP_MTU_DISCOVER 10 /* IP_PMTUDISC_: whether datagrams may be fragmented */
#define IP_MTU 14          /* read only, of a connected socket: what the path takes, as far as known */
#define IP_PMTUDISC_DONT 0 /* fragments what does not fit, on the way too */
#define IP_PMTUDISC_WANT 1 /* the default: fragments here what is larger than the path is known to take */
#define IP_PMTUDISC_DO 2   /* never: EMSGSIZE */

#define INADDR_ANY ((in_addr_t)0x00000000)
#define INADDR_BROADCAST ((in_addr_t)0xffffffff)
#define INADDR_LOOPBACK ((in_addr_t)0x7f000001) /* host byte order, as on other systems */
#define INADDR_NONE ((in_addr_t)0xffffffff)
#define INET_ADDRSTRLEN 16

uint16_t htons(uint16_t value);
uint16_t ntohs(uint16_t value);
uint32_t htonl(uint32_t value);
uint32_t ntohl(uint32_t value);

#endif
