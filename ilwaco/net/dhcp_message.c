/* DHCP messages; see dhcp_message.h. */
#include "dhcp_message.h"

#include <string.h>

#include "wire.h"

enum { BOOT_REQUEST = 1, BOOT_REPLY = 2, ETHERNET = 1, BROADCAST_FLAG = 0x8000 };
enum { COOKIE = 0x63825363 };
enum {
  OPTION_PAD = 0,
  OPTION_NETMASK = 1,
  OPTION_ROUTER = 3,
  OPTION_NAME_SERVER = 6,
  OPTION_HOST_NAME = 12,
  OPTION_REQUESTED = 50,
  OPTION_LEASE = 51,
  OPTION_TYPE = 53,
  OPTION_SERVER = 54,
  OPTION_WANTED = 55,
  OPTION_SIZE = 57,
  OPTION_RENEWAL = 58,
  OPTION_REBINDING = 59,
  OPTION_CLIENT = 61,
  OPTION_END = 255,
};

struct fixed {
  uint8_t operation, hardware, hardware_bytes, hops;
  uint32_t transaction;
  uint16_t seconds, flags;
  uint32_t client, yours, next_server, relay;
  uint8_t mac[16], server_name[64], file[128];
  uint32_t cookie;
} WIRE;

static uint8_t *put(uint8_t *at, uint8_t option, const void *value, size_t length) {
  *at++ = option;
  *at++ = (uint8_t)length;
  memcpy(at, value, length);
  return at + length;
}

size_t dhcp_write(uint8_t bytes[DHCP_MESSAGE_MAXIMUM], const struct dhcp_message *message,
                  const uint8_t mac[6], const char *name) {
  static const uint8_t wanted[] = {OPTION_NETMASK, OPTION_ROUTER, OPTION_NAME_SERVER, OPTION_LEASE,
                                   OPTION_RENEWAL, OPTION_REBINDING};
  struct fixed *fixed = (struct fixed *)bytes;
  uint8_t type = (uint8_t)message->type, client[7] = {ETHERNET};
  uint16_t size = swap16(DHCP_MESSAGE_MAXIMUM);
  memset(bytes, 0, DHCP_MESSAGE_MAXIMUM);
  fixed->operation = BOOT_REQUEST;
  fixed->hardware = ETHERNET;
  fixed->hardware_bytes = 6;
  fixed->transaction = message->transaction;
  fixed->seconds = swap16(message->seconds);
  /* Until it has an address this host takes no packets for one. */
  if (!message->client_address) fixed->flags = swap16(BROADCAST_FLAG);
  fixed->client = message->client_address;
  memcpy(fixed->mac, mac, 6);
  fixed->cookie = swap32(COOKIE);
  memcpy(client + 1, mac, 6);
  uint8_t *at = (uint8_t *)(fixed + 1);
  at = put(at, OPTION_TYPE, &type, 1);
  at = put(at, OPTION_CLIENT, client, sizeof client);
  if (message->requested) at = put(at, OPTION_REQUESTED, &message->requested, 4);
  if (message->server) at = put(at, OPTION_SERVER, &message->server, 4);
  if (type != DHCP_DECLINE && type != DHCP_RELEASE) {
    at = put(at, OPTION_SIZE, &size, 2);
    at = put(at, OPTION_WANTED, wanted, sizeof wanted);
    if (*name) at = put(at, OPTION_HOST_NAME, name, strlen(name));
  }
  *at++ = OPTION_END;
  size_t length = (size_t)(at - bytes);
  return length < 300 ? 300 : length; /* what old relays expect (RFC 1542 section 2.1) */
}

static uint32_t number(const uint8_t *value, unsigned length) {
  uint32_t result = 0;
  if (length == 4) memcpy(&result, value, 4);
  return result;
}

static void take(struct dhcp_message *message, uint8_t option, const uint8_t *value,
                 unsigned length) {
  switch (option) {
    case OPTION_TYPE:
      if (length == 1) message->type = (enum dhcp_type)value[0];
      break;
    case OPTION_NETMASK:
      message->netmask = number(value, length);
      break;
    case OPTION_ROUTER:
      if (length >= 4) message->gateway = number(value, 4);
      break;
    case OPTION_NAME_SERVER:
      if (length >= 4) message->name_server = number(value, 4);
      break;
    case OPTION_SERVER:
      message->server = number(value, length);
      break;
    case OPTION_LEASE:
      message->lease_s = swap32(number(value, length));
      break;
    case OPTION_RENEWAL:
      message->renewal_s = swap32(number(value, length));
      break;
    case OPTION_REBINDING:
      message->rebinding_s = swap32(number(value, length));
      break;
    default:
      break;
  }
}

int dhcp_read(const uint8_t *bytes, size_t length, const uint8_t mac[6],
              struct dhcp_message *message) {
  const struct fixed *fixed = (const struct fixed *)bytes;
  if (length < sizeof *fixed || fixed->operation != BOOT_REPLY || fixed->hardware != ETHERNET ||
      fixed->hardware_bytes != 6 || memcmp(fixed->mac, mac, 6) != 0 ||
      fixed->cookie != swap32(COOKIE)) {
    return 0;
  }
  memset(message, 0, sizeof *message);
  message->transaction = fixed->transaction;
  message->client_address = fixed->client;
  message->yours = fixed->yours;
  for (size_t at = sizeof *fixed; at < length && bytes[at] != OPTION_END;) {
    if (bytes[at] == OPTION_PAD) {
      at++;
      continue;
    }
    if (at + 2 > length || at + 2 + bytes[at + 1] > length) return 0;
    take(message, bytes[at], bytes + at + 2, bytes[at + 1]);
    at += 2u + bytes[at + 1];
  }
  return message->type >= DHCP_OFFER && message->type <= DHCP_NAK;
}
