/*
 * Mutated frames: what the hosts have sent lately, changed at random, sent to either of them.
 *
 * Half of the frames get right checksums, so that the mutation is seen behind them. The transfer on port
 * 7007 must survive, so a mutated frame of it gets sequence numbers at random: that is what an attacker who
 * does not see the connection can do; and no SYN alone, which would be taken for a simultaneous open by who
 * is just connecting. An attacker who can send ARP can take over the link, so ARP keeps
 * the senders' addresses.
 */
#include <string.h>

#include "simulation.h"

enum { REMEMBERED = 128, AT_ONCE = 8, PROTECTED_PORT = 7007 };
enum { ETHERNET = 14, ARP_SENDER = 22, ARP_SENDER_BYTES = 10 };

static struct {
  uint8_t bytes[FRAME_MAXIMUM];
  size_t length;
} remembered[REMEMBERED];
static unsigned count;
static unsigned long total;

void mutate_remember(const uint8_t *bytes, size_t length) {
  unsigned place = count < REMEMBERED ? count++ : chance(REMEMBERED);
  memcpy(remembered[place].bytes, bytes, length);
  remembered[place].length = length;
}

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static void put16(uint8_t *at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static uint32_t add(uint32_t sum, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i + 1 < length; i += 2) sum += get16(bytes + i);
  if (length & 1) sum += (uint32_t)bytes[length - 1] << 8;
  return sum;
}

static unsigned fold(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

static void fix_checksums(uint8_t *ip, size_t length) {
  size_t header = (ip[0] & 15) * 4u;
  if (length < 20 || header < 20 || header > length) return;
  put16(ip + 10, 0);
  put16(ip + 10, fold(add(0, ip, header)));
  size_t end = get16(ip + 2) < length ? get16(ip + 2) : length;
  if (end < header || get16(ip + 6) & 0x3fff) return;
  uint8_t *payload = ip + header;
  size_t size = end - header;
  size_t field = ip[9] == 6 ? 16 : ip[9] == 17 ? 6 : 2;
  if (size < field + 2) return;
  put16(payload + field, 0);
  uint32_t sum = ip[9] == 1 ? 0 : add(ip[9] + (uint32_t)size, ip + 12, 8);
  put16(payload + field, fold(add(sum, payload, size)));
}

static void randomise(uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)chance(256);
}

static void shield_transfer(uint8_t *ip, size_t length) {
  size_t header = (ip[0] & 15) * 4u;
  if (length < 20 || ip[9] != 6 || header < 20 || length < header + 20) return;
  uint8_t *tcp = ip + header;
  if (get16(tcp) != PROTECTED_PORT && get16(tcp + 2) != PROTECTED_PORT) return;
  randomise(tcp + 4, 8);
  if (!(tcp[13] & 16)) tcp[13] &= (uint8_t)~2u;
}

static size_t mutate(uint8_t *bytes, size_t length) {
  unsigned changes = 1 + chance(chance(4) ? 4 : 40);
  for (unsigned i = 0; i < changes; i++) {
    /* Mostly in the headers, where something depends on them. */
    size_t end = chance(4) && length > 74 ? 74 : length;
    size_t at = chance((uint32_t)end);
    switch (chance(4)) {
      case 0:
        bytes[at] ^= (uint8_t)(1u << chance(8));
        break;
      case 1:
        bytes[at] = (uint8_t)chance(256);
        break;
      case 2:
        bytes[at] = chance(2) ? 0xff : 0;
        break;
      default:
        if (at + 2 <= length) put16(bytes + at, get16(bytes + at) + chance(9) - 4);
    }
  }
  if (chance(8) == 0) length = 1 + chance((uint32_t)length);
  return length;
}

unsigned long mutate_step(void) {
  for (int i = 0; count && i < AT_ONCE; i++) {
    uint8_t bytes[FRAME_MAXIMUM];
    unsigned from = chance(count);
    size_t length = remembered[from].length;
    int to = (int)chance(HOSTS);
    memcpy(bytes, remembered[from].bytes, length);
    int is_arp = length > 40 && get16(bytes + 12) == 0x0806;
    length = mutate(bytes, length);
    if (is_arp && length >= ARP_SENDER + ARP_SENDER_BYTES) {
      memcpy(bytes + ARP_SENDER, remembered[from].bytes + ARP_SENDER, ARP_SENDER_BYTES);
    }
    if (length > ETHERNET && get16(bytes + 12) == 0x0800) {
      shield_transfer(bytes + ETHERNET, length - ETHERNET);
      if (chance(2)) fix_checksums(bytes + ETHERNET, length - ETHERNET);
    }
    if (chance(4)) memcpy(bytes, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(to + 1)}, length < 6 ? length : 6);
    link_inject(to, bytes, length);
    total++;
  }
  return total;
}
