/*
 * Two hosts with Ilwaco's network in one Linux process, on a simulated link, in simulated time.
 *
 * Everything is decided by one seed: a run that fails can be run again. Each host is a copy of one shared
 * library (stack.so: the network, a guest program, globals of its own); its threads are coroutines that
 * only change places where they wait, so an hour of timeouts takes no time and sanitizers see all of it.
 */
#ifndef SIMULATION_H
#define SIMULATION_H

#include <stddef.h>
#include <stdint.h>

enum { HOSTS = 2, FRAME_MAXIMUM = 1514 };

/* The first word of Ilwaco's event. */
struct ilwaco_event {
  int signalled;
};

struct frame {
  struct frame *next;
  uint64_t at; /* microseconds: when it arrives */
  uint64_t order;
  size_t length;
  uint8_t bytes[FRAME_MAXIMUM];
};

struct host {
  int index;
  const char **settings; /* KEY=VALUE, NULL at the end */
  struct ilwaco_event received;
  struct frame *inbox, **inbox_last;
  unsigned inbox_count;
  int (*main)(void);
  void (*report)(unsigned values[4]);
};

extern struct host hosts[HOSTS];
extern uint64_t now; /* microseconds */

/* --- simulation.c */

double setting_number(const char *key, double otherwise);
uint32_t chance(uint32_t below); /* from 0 to below - 1, by the seed */
int happens(double percent);

/* --- link.c */

void link_send(int from, const uint8_t *bytes, size_t length);
uint64_t link_next(void); /* when the next frame arrives; UINT64_MAX: none is on its way */
void link_deliver(void);  /* what has arrived goes to the inboxes */
void link_inject(int to, const uint8_t *bytes, size_t length); /* arrives at once */
void link_print(void);
void ilwaco_event_signal(struct ilwaco_event *event);

/* --- mutate.c */

void mutate_remember(const uint8_t *bytes, size_t length);
/* Sends some mutated frames to both hosts; returns how many in all so far. */
unsigned long mutate_step(void);

#endif
