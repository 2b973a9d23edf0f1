/* See bot.h. */
#include "bot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../common/net.h"
#include "../common/random.h"

enum { RETRY_US = 250000, INPUT_US = 50000 };

void samples_add(struct samples *samples, int32_t value) {
  if (samples->count == samples->capacity) {
    uint32_t larger = samples->capacity ? samples->capacity * 2 : 256;
    int32_t *more = realloc(samples->values, larger * sizeof *more);
    if (!more) return;
    samples->values = more;
    samples->capacity = larger;
  }
  samples->values[samples->count++] = value;
}

int bot_init(struct bot *bot, const struct sockaddr_in *server, uint32_t nonce) {
  memset(bot, 0, sizeof *bot);
  bot->nonce = nonce;
  bot->fd = net_connect(SOCK_DGRAM, server);
  return bot->fd < 0 ? -1 : 0;
}

/* --- sending */

static void send_bytes(struct bot *bot, const uint8_t *bytes, size_t length) {
  send(bot->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_input(struct bot *bot, uint64_t now) {
  uint8_t bytes[DATAGRAM_MAXIMUM];
  struct cursor out = put_header(bytes, INPUT);
  uint32_t chance = random_word();
  bot->sent_at[++bot->input % SENT] = now;
  put32(&out, bot->session);
  put32(&out, bot->input);
  put32(&out, bot->newest);
  put8(&out, (uint32_t)((int)(chance % 17) - 8));
  put8(&out, (uint32_t)((int)(chance >> 8) % 17 - 8) & 0xff);
  put8(&out, (chance >> 24) % 4 == 0 ? BUTTON_FIRE : 0);
  send_bytes(bot, bytes, (size_t)(out.at - bytes));
}

uint64_t bot_send(struct bot *bot, uint64_t now) {
  if (bot->stage == ENDED) return UINT64_MAX;
  if (now < bot->next) return bot->next;
  if (bot->stage == PLAYING) {
    send_input(bot, now);
    /* In step with its own clock; what was missed is not made up for. */
    bot->next = now - bot->next < INPUT_US ? bot->next + INPUT_US : now + INPUT_US;
    return bot->next;
  }
  uint8_t bytes[DATAGRAM_MAXIMUM] = {0};
  struct cursor out = put_header(bytes, bot->stage == CONNECTING ? CONNECT : JOIN);
  put32(&out, bot->nonce);
  put32(&out, bot->cookie);
  send_bytes(bot, bytes, CONNECT_BYTES);
  return bot->next = now + RETRY_US;
}

void bot_leave(struct bot *bot) {
  uint8_t bytes[DATAGRAM_MAXIMUM];
  struct cursor out = put_header(bytes, LEAVE);
  put32(&out, bot->session);
  if (bot->stage == PLAYING) send_bytes(bot, bytes, (size_t)(out.at - bytes));
}

/* --- receiving */

static void note_arrival(struct bot *bot, uint32_t tick, uint64_t now) {
  uint64_t scheduled = (uint64_t)tick * UPDATE_MS * 1000;
  if (!bot->first) {
    bot->first = tick;
    bot->origin = now - scheduled;
  }
  int32_t offset = (int32_t)(int64_t)(now - scheduled - bot->origin);
  uint32_t change = (uint32_t)abs(offset - bot->last_offset);
  if (bot->updates) bot->jitter += change - ((bot->jitter + 8) >> 4);
  bot->last_offset = offset;
  samples_add(&bot->offsets, offset);
  bot->updates++;
}

static void on_update(struct bot *bot, struct cursor *in, uint64_t now) {
  static const struct state empty;
  uint32_t session = get32(in), tick = get32(in), base = get32(in), input = get32(in);
  uint32_t held = get32(in), behind = get32(in), checksum = get32(in);
  if (in->failed || session != bot->session || !tick) return;
  if (bot->ticks[tick % HISTORY] == tick) {
    bot->duplicates++;
    return;
  }
  const struct state *from = base ? &bot->states[base % HISTORY] : &empty;
  if (base && bot->ticks[base % HISTORY] != base) {
    bot->undecodable++; /* we have not said that we have it, or no longer have it */
    return;
  }
  struct state state = *from;
  if (!get_difference(in, &state) || state_checksum(&state) != checksum) {
    bot->wrong++;
    return;
  }
  bot->whole += base == 0;
  bot->states[tick % HISTORY] = state;
  bot->ticks[tick % HISTORY] = tick;
  if (tick > bot->newest) bot->newest = tick;
  else bot->reordered++;
  note_arrival(bot, tick, now);
  samples_add(&bot->behind, (int32_t)behind);
  if (input && bot->input - input < SENT) {
    samples_add(&bot->round_trips, (int32_t)(now - bot->sent_at[input % SENT] - held));
  }
}

static void on_datagram(struct bot *bot, uint8_t *bytes, size_t length, uint64_t now) {
  struct cursor in = {bytes, bytes + length, 0};
  uint32_t magic = get32(&in), type = get8(&in);
  bot->bytes += length;
  if (in.failed || magic != MAGIC) return;
  if (bot->stage == PLAYING) {
    if (type == UPDATE) on_update(bot, &in, now);
    if (type == LEAVE && get32(&in) == bot->session) bot->stage = ENDED;
    return;
  }
  if (get32(&in) != bot->nonce) return;
  if (type == CHALLENGE && bot->stage == CONNECTING) {
    bot->cookie = get32(&in);
    bot->stage = JOINING;
    bot->next = now;
  } else if (type == ACCEPT && bot->stage == JOINING) {
    bot->session = get32(&in);
    bot->stage = PLAYING;
    bot->next = now;
  } else if (type == REFUSE && bot->stage == JOINING) {
    bot->refused = (int)get8(&in);
    bot->stage = ENDED;
  }
}

void bot_receive(struct bot *bot) {
  uint8_t bytes[DATAGRAM_MAXIMUM];
  for (int i = 0; i < 64; i++) {
    ssize_t got = recv(bot->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0) return;
    on_datagram(bot, bytes, (size_t)got, net_now_us());
  }
}
