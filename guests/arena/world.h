/*
 * The game: players walk in a square, turn to where they walk, fire missiles and hit one another.
 *
 * Plain rules, integers only: what matters here is that much of the state changes at every tick.
 */
#ifndef ARENA_WORLD_H
#define ARENA_WORLD_H

#include "protocol.h"

struct wish {
  int8_t x, y; /* where to, a step of -8 .. 8 each */
  uint8_t buttons;
};

struct world {
  struct state state;
  struct wish wishes[PLAYERS];
  int8_t flight[MISSILES][2]; /* of a missile, per tick */
  uint8_t owner[MISSILES], life[MISSILES];
  uint32_t chance;
};

void world_enter(struct world *world, unsigned slot);
void world_leave(struct world *world, unsigned slot);
void world_tick(struct world *world);

#endif
