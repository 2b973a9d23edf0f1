/* See sessions.h. */
#include "sessions.h"

#include "../common/random.h"

struct session sessions[PLAYERS];
struct counters counters;

static uint32_t secret[4];
static uint64_t tokens_at;
static uint32_t tokens = STRANGERS_PER_SECOND;

void sessions_init(void) {
  for (int i = 0; i < 4; i++) secret[i] = random_word();
}

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

/* HalfSipHash-2-4 (Aumasson and Bernstein) of three words. */
uint32_t session_cookie(uint32_t address, uint16_t port, uint32_t nonce) {
  uint32_t v0 = secret[0], v1 = secret[1], v2 = 0x6c796765 ^ secret[0], v3 = 0x74656462 ^ secret[1];
  uint32_t words[] = {address, port, nonce, 12u << 24, 0xff};
  for (int i = 0; i < 5; i++) {
    if (i < 4) v3 ^= words[i];
    else v2 ^= words[i];
    for (int round = 0; round < (i < 4 ? 2 : 4); round++) {
      v0 += v1, v1 = rotate(v1, 5) ^ v0, v0 = rotate(v0, 16);
      v2 += v3, v3 = rotate(v3, 8) ^ v2;
      v0 += v3, v3 = rotate(v3, 7) ^ v0;
      v2 += v1, v1 = rotate(v1, 13) ^ v2, v2 = rotate(v2, 16);
    }
    if (i < 4) v0 ^= words[i];
  }
  return v1 ^ v3;
}

int stranger_allowed(uint64_t now) {
  uint64_t gained = (now - tokens_at) * STRANGERS_PER_SECOND / 1000000;
  if (gained) {
    tokens = tokens + gained > STRANGERS_PER_SECOND ? STRANGERS_PER_SECOND
                                                    : tokens + (uint32_t)gained;
    tokens_at = now;
  }
  if (!tokens) {
    counters.strangers_dropped++;
    return 0;
  }
  tokens--;
  return 1;
}

struct session *session_find(uint32_t id, uint32_t address, uint16_t port) {
  struct session *session = &sessions[id % PLAYERS]; /* see session_open */
  if (!id || session->id != id || session->address != address || session->port != port) return NULL;
  return session;
}

struct session *session_open(uint32_t address, uint16_t port, uint32_t nonce, uint64_t now,
                             int *fresh) {
  struct session *place = NULL;
  unsigned of_address = 0;
  *fresh = 0;
  for (int i = PLAYERS - 1; i >= 0; i--) {
    struct session *session = &sessions[i];
    if (!session->id) {
      place = session;
      continue;
    }
    of_address += session->address == address;
    if (session->address == address && session->port == port) {
      if (session->nonce == nonce) return session;
      place = session; /* the client began anew */
      of_address = 0;
      break;
    }
  }
  if (!place || of_address >= PER_ADDRESS) return NULL;
  uint32_t id;
  do {
    id = random_word() / PLAYERS * PLAYERS + (uint32_t)(place - sessions);
  } while (id < PLAYERS);
  *place = (struct session){.id = id, .address = address, .port = port, .nonce = nonce,
                            .heard_at = now};
  *fresh = 1;
  return place;
}
