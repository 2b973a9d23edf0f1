/* Byte order and addresses as text: <netinet/in.h>, <arpa/inet.h>. */
#include <arpa/inet.h>

#include <errno.h>
#include <stdlib.h>

#include "wire.h"

uint16_t htons(uint16_t value) { return swap16(value); }
uint16_t ntohs(uint16_t value) { return swap16(value); }
uint32_t htonl(uint32_t value) { return swap32(value); }
uint32_t ntohl(uint32_t value) { return swap32(value); }

/* Four decimal numbers of 0 to 255 with dots between them, and nothing else. */
static int parse_quad(const char *text, uint8_t bytes[4]) {
  for (int i = 0; i < 4; i++) {
    unsigned value = 0;
    int digits = 0;
    while (*text >= '0' && *text <= '9') {
      value = value * 10 + (unsigned)(*text++ - '0');
      if (++digits > 3 || value > 255) return 0;
    }
    if (digits == 0) return 0;
    if (digits > 1 && value < (digits > 2 ? 100u : 10u)) return 0; /* 01 could mean octal */
    bytes[i] = (uint8_t)value;
    if (i < 3 && *text++ != '.') return 0;
  }
  return *text == 0;
}

int inet_pton(int family, const char *text, void *address) {
  if (family != AF_INET) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  uint8_t bytes[4];
  if (!parse_quad(text, bytes)) return 0;
  __builtin_memcpy(address, bytes, 4);
  return 1;
}

/* One to four numbers, decimal, octal or hexadecimal; the last one fills what is left (RFC 6943 section
 * 3.1.1 tells the history). */
int inet_aton(const char *text, struct in_addr *address) {
  static const uint32_t rest[] = {0xffffffff, 0xffffff, 0xffff, 0xff};
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) {
    char *end;
    if (*text < '0' || *text > '9') return 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (*end != '.' || i == 3) {
      if ((*end && *end != ' ' && (*end < '\t' || *end > '\r')) || number > rest[i]) return 0;
      if (address) address->s_addr = swap32(value | (uint32_t)number);
      return 1;
    }
    if (number > 255) return 0;
    value |= (uint32_t)number << (24 - 8 * i);
    text = end + 1;
  }
  return 0;
}

in_addr_t inet_addr(const char *text) {
  struct in_addr address;
  return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

const char *inet_ntop(int family, const void *address, char *text, socklen_t size) {
  const uint8_t *b = address;
  if (family != AF_INET) {
    errno = EAFNOSUPPORT;
    return NULL;
  }
  char quad[INET_ADDRSTRLEN], *end = quad;
  for (int i = 0; i < 4; i++) {
    if (b[i] >= 100) *end++ = (char)('0' + b[i] / 100);
    if (b[i] >= 10) *end++ = (char)('0' + b[i] / 10 % 10);
    *end++ = (char)('0' + b[i] % 10);
    *end++ = i < 3 ? '.' : 0;
  }
  socklen_t length = (socklen_t)(end - quad);
  if (length > size) {
    errno = ENOSPC;
    return NULL;
  }
  __builtin_memcpy(text, quad, length);
  return text;
}

char *inet_ntoa(struct in_addr address) {
  static char text[INET_ADDRSTRLEN];
  return (char *)inet_ntop(AF_INET, &address, text, sizeof text);
}
