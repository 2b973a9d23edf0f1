/* See sessions.h. */
#include "sessions.h"

#include "../common/hash.h"
#include "../common/random.h"

struct session sessions[PLAYERS];
struct counters counters;

static uint32_t secret[2];
static uint64_t tokens_at;
static uint32_t tokens = STRANGERS_PER_SECOND;

void sessions_init(void) {
  for (int i = 0; i < 2; i++) secret[i] = random_word();
}

uint32_t session_cookie(uint32_t address, uint16_t port, uint32_t nonce) {
  uint32_t words[] = {address, port, nonce};
  return keyed_hash(secret, words, sizeof words);
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
