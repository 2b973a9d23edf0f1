/* See protocol.h. */
#include "protocol.h"

#include <string.h>

enum { ENTITY_MAXIMUM = 11, HEADER_BYTES = 33 };
_Static_assert(HEADER_BYTES + SLOTS * ENTITY_MAXIMUM <= DATAGRAM_MAXIMUM, "any state fits");

static void put(struct cursor *c, uint32_t value, int bytes) {
  if (c->end - c->at < bytes) {
    c->failed = 1;
    return;
  }
  while (bytes--) *c->at++ = (uint8_t)(value >> bytes * 8);
}

static uint32_t get(struct cursor *c, int bytes) {
  uint32_t value = 0;
  if (c->end - c->at < bytes) {
    c->failed = 1;
    return 0;
  }
  while (bytes--) value = value << 8 | *c->at++;
  return value;
}

void put8(struct cursor *c, uint32_t value) { put(c, value, 1); }
void put16(struct cursor *c, uint32_t value) { put(c, value, 2); }
void put32(struct cursor *c, uint32_t value) { put(c, value, 4); }
uint32_t get8(struct cursor *c) { return get(c, 1); }
uint32_t get16(struct cursor *c) { return get(c, 2); }
uint32_t get32(struct cursor *c) { return get(c, 4); }

struct cursor put_header(uint8_t *bytes, enum type type) {
  struct cursor c = {bytes, bytes + DATAGRAM_MAXIMUM, 0};
  put32(&c, MAGIC);
  put8(&c, type);
  return c;
}

static uint32_t difference(const struct entity *a, const struct entity *b) {
  return (a->kind != b->kind ? FIELD_KIND : 0) | (a->heading != b->heading ? FIELD_HEADING : 0) |
         (a->health != b->health ? FIELD_HEALTH : 0) | (a->x != b->x ? FIELD_X : 0) |
         (a->y != b->y ? FIELD_Y : 0) | (a->score != b->score ? FIELD_SCORE : 0);
}

void put_difference(struct cursor *c, const struct state *base, const struct state *state) {
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    const struct entity *now = &state->entities[slot];
    uint32_t mask = difference(&base->entities[slot], now);
    if (!mask) continue;
    put8(c, slot);
    put8(c, mask);
    if (mask & FIELD_KIND) put8(c, now->kind);
    if (mask & FIELD_HEADING) put8(c, now->heading);
    if (mask & FIELD_HEALTH) put8(c, now->health);
    if (mask & FIELD_X) put16(c, (uint16_t)now->x);
    if (mask & FIELD_Y) put16(c, (uint16_t)now->y);
    if (mask & FIELD_SCORE) put16(c, now->score);
  }
}

int get_difference(struct cursor *c, struct state *state) {
  while (c->at < c->end && !c->failed) {
    uint32_t slot = get8(c), mask = get8(c);
    if (slot >= SLOTS) return 0;
    struct entity *entity = &state->entities[slot];
    if (mask & FIELD_KIND) entity->kind = (uint8_t)get8(c);
    if (mask & FIELD_HEADING) entity->heading = (uint8_t)get8(c);
    if (mask & FIELD_HEALTH) entity->health = (uint8_t)get8(c);
    if (mask & FIELD_X) entity->x = (int16_t)get16(c);
    if (mask & FIELD_Y) entity->y = (int16_t)get16(c);
    if (mask & FIELD_SCORE) entity->score = (uint16_t)get16(c);
  }
  return !c->failed;
}

/* FNV-1a over the fields. */
uint32_t state_checksum(const struct state *state) {
  uint32_t hash = 2166136261u;
  for (int i = 0; i < SLOTS; i++) {
    const struct entity *e = &state->entities[i];
    if (!e->kind) continue;
    uint32_t words[] = {(uint32_t)i, e->kind, e->heading, e->health, (uint16_t)e->x,
                        (uint16_t)e->y, e->score};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
      hash = (hash ^ words[k]) * 16777619u;
    }
  }
  return hash;
}
