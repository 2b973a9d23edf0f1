/* See world.h. */
#include "world.h"

#include <string.h>

enum { HALF = 2048, REACH = 64, HEALTH = 100, WOUND = 25, MISSILE_SPEED = 48, MISSILE_TICKS = 20 };

/* Eight headings, 32 apart. */
static const int8_t directions[8][2] = {{1, 0}, {1, 1},   {0, 1},  {-1, 1},
                                        {-1, 0}, {-1, -1}, {0, -1}, {1, -1}};

static int chance(struct world *world, int range) {
  world->chance = world->chance * 1664525u + 1013904223u;
  return (int)((world->chance >> 8) % (uint32_t)range);
}

static int16_t clamp(int value) {
  return (int16_t)(value < -HALF ? -HALF : value > HALF ? HALF : value);
}

static void place(struct world *world, struct entity *player) {
  player->health = HEALTH;
  player->x = (int16_t)(chance(world, 2 * HALF) - HALF);
  player->y = (int16_t)(chance(world, 2 * HALF) - HALF);
}

void world_enter(struct world *world, unsigned slot) {
  struct entity *player = &world->state.entities[slot];
  *player = (struct entity){.kind = KIND_PLAYER};
  world->wishes[slot] = (struct wish){0};
  place(world, player);
}

void world_leave(struct world *world, unsigned slot) {
  world->state.entities[slot] = (struct entity){0};
}

static void fire(struct world *world, unsigned slot) {
  const struct entity *player = &world->state.entities[slot];
  for (unsigned i = 0; i < MISSILES; i++) {
    struct entity *missile = &world->state.entities[PLAYERS + i];
    if (missile->kind) continue;
    const int8_t *direction = directions[player->heading / 32 % 8];
    *missile = (struct entity){.kind = KIND_MISSILE,
                               .heading = player->heading,
                               .x = clamp(player->x + direction[0] * REACH),
                               .y = clamp(player->y + direction[1] * REACH)};
    world->flight[i][0] = (int8_t)(direction[0] * MISSILE_SPEED);
    world->flight[i][1] = (int8_t)(direction[1] * MISSILE_SPEED);
    world->owner[i] = (uint8_t)slot;
    world->life[i] = MISSILE_TICKS;
    return;
  }
}

static void walk(struct world *world, unsigned slot) {
  struct entity *player = &world->state.entities[slot];
  struct wish *wish = &world->wishes[slot];
  player->x = clamp(player->x + wish->x);
  player->y = clamp(player->y + wish->y);
  for (int i = 0; i < 8; i++) {
    int x = (wish->x > 0) - (wish->x < 0), y = (wish->y > 0) - (wish->y < 0);
    if (directions[i][0] == x && directions[i][1] == y) player->heading = (uint8_t)(i * 32);
  }
  if (wish->buttons & BUTTON_FIRE) fire(world, slot);
  wish->buttons = 0;
}

static int near(const struct entity *a, const struct entity *b) {
  int x = a->x - b->x, y = a->y - b->y;
  return x > -REACH && x < REACH && y > -REACH && y < REACH;
}

static int hits(struct world *world, const struct entity *missile, unsigned owner) {
  for (unsigned slot = 0; slot < PLAYERS; slot++) {
    struct entity *player = &world->state.entities[slot];
    if (!player->kind || slot == owner || !near(missile, player)) continue;
    if (player->health > WOUND) {
      player->health -= WOUND;
    } else {
      place(world, player);
      if (world->state.entities[owner].kind) world->state.entities[owner].score++;
    }
    return 1;
  }
  return 0;
}

static void fly(struct world *world, unsigned i) {
  struct entity *missile = &world->state.entities[PLAYERS + i];
  missile->x = clamp(missile->x + world->flight[i][0]);
  missile->y = clamp(missile->y + world->flight[i][1]);
  if (--world->life[i] && !hits(world, missile, world->owner[i])) return;
  *missile = (struct entity){0};
}

void world_tick(struct world *world) {
  for (unsigned slot = 0; slot < PLAYERS; slot++) {
    if (world->state.entities[slot].kind) walk(world, slot);
  }
  for (unsigned i = 0; i < MISSILES; i++) {
    if (world->state.entities[PLAYERS + i].kind) fly(world, i);
  }
}
