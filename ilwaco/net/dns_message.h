/* DNS messages (RFC 1035 section 4): a question for an address, and what an answer says. */
#ifndef ILWACO_NET_DNS_MESSAGE_H
#define ILWACO_NET_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum { DNS_NAME_MAXIMUM = 253, DNS_QUERY_MAXIMUM = 512, DNS_ADDRESSES_MAXIMUM = 8 };

enum dns_outcome {
  DNS_FOUND,
  DNS_NO_NAME,    /* nobody has the name */
  DNS_NO_ADDRESS, /* the name has no IPv4 address */
  DNS_TRUNCATED,  /* ask by TCP */
  DNS_FAILED,     /* the server cannot tell: try another */
  DNS_FOREIGN,    /* not the answer to this question, or broken: wait on */
};

struct dns_answer {
  uint32_t addresses[DNS_ADDRESSES_MAXIMUM]; /* network byte order */
  int count;
  uint32_t lifetime_s; /* how long it may be kept, also that there is none; 0: not at all */
  char canonical[DNS_NAME_MAXIMUM + 1];
};

/* Writes a query with the given id for the addresses of `name`; bytes, or 0 if it is no name of a host. */
size_t dns_write_query(uint8_t query[DNS_QUERY_MAXIMUM], uint16_t id, const char *name);

/* Takes the answer to that query apart. */
enum dns_outcome dns_read_answer(const uint8_t *bytes, size_t length, const uint8_t *query,
                                 size_t query_length, struct dns_answer *answer);

#endif
