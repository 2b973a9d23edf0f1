/* DHCP messages (RFC 2131 section 2, RFC 2132). Addresses in network byte order, times in seconds. */
#ifndef ILWACO_NET_DHCP_MESSAGE_H
#define ILWACO_NET_DHCP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum dhcp_type {
  DHCP_DISCOVER = 1,
  DHCP_OFFER,
  DHCP_REQUEST,
  DHCP_DECLINE,
  DHCP_ACK,
  DHCP_NAK,
  DHCP_RELEASE,
};

enum { DHCP_MESSAGE_MAXIMUM = 576 };

/* What a client says, and what it is answered. */
struct dhcp_message {
  enum dhcp_type type;
  uint32_t transaction;
  uint16_t seconds;        /* since the client began */
  uint32_t client_address; /* while it is in use */
  uint32_t requested;      /* option 50 */
  uint32_t yours;          /* of the answer */
  uint32_t server;         /* option 54 */
  uint32_t netmask, gateway, name_server;
  uint32_t lease_s, renewal_s, rebinding_s; /* 0: not said */
};

/* Bytes written. `mac` and `name` (may be "") tell the server who asks. */
size_t dhcp_write(uint8_t bytes[DHCP_MESSAGE_MAXIMUM], const struct dhcp_message *message,
                  const uint8_t mac[6], const char *name);

/* 0: it is no sound answer to this MAC address. */
int dhcp_read(const uint8_t *bytes, size_t length, const uint8_t mac[6],
              struct dhcp_message *message);

#endif
