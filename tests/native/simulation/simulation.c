/*
 * The simulation's clock, coroutines and what the library OS would offer; see simulation.h.
 *
 *     simulation STACK_0 STACK_1 [KEY=VALUE]...
 *
 * STACK_n are two copies of stack.so. Host 1 is the client: when its program ends, the simulation waits
 * for the connections' memory to come back and ends with the program's status. Settings of the
 * simulation: seed; of the link, see link.c; mutated: how many mutated frames to send beside the
 * program. All are also the guests'; N:KEY=VALUE is only host N's.
 */
#define _GNU_SOURCE
#include "simulation.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024, SETTINGS = 32 };
#define LIMIT_US (6 * 3600 * 1000000ull) /* a simulation that takes longer is stuck */

struct fiber {
  struct fiber *next;
  ucontext_t context;
  struct host *host;
  struct ilwaco_event *event; /* waited for */
  uint64_t deadline;
  int woken, finished, error;
  void *(*run)(void *);
  void *argument;
  char *stack;
};

struct host hosts[HOSTS];
uint64_t now = 1000000;
static struct fiber *fibers, *current;
static ucontext_t scheduler;
static const char *settings[HOSTS][SETTINGS];
static uint64_t random_state;
static int exit_status = -1;

static void fail(const char *what) {
  fprintf(stderr, "simulation: %s\n", what);
  exit(3);
}

/* --- chance: SplitMix64 */

static uint64_t draw(void) {
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

uint32_t chance(uint32_t below) { return (uint32_t)(draw() % below); }
int happens(double percent) { return percent > 0 && chance(1000000) < percent * 10000; }
uint32_t ilwaco_random32(void) { return (uint32_t)draw(); }

/* --- settings */

static const char *find_setting(const char **list, const char *key) {
  size_t length = strlen(key);
  for (; *list; list++) {
    if (strncmp(*list, key, length) == 0 && (*list)[length] == '=') return *list + length + 1;
  }
  return NULL;
}

const char *ilwaco_setting(const char *key) { return find_setting(current->host->settings, key); }

double setting_number(const char *key, double otherwise) {
  const char *text = find_setting(hosts[0].settings, key);
  return text ? atof(text) : otherwise;
}

/* --- coroutines */

static void begin(void) {
  current->run(current->argument);
  current->finished = 1;
  swapcontext(&current->context, &scheduler);
}

static struct fiber *start(struct host *host, void *(*run)(void *), void *argument) {
  struct fiber *fiber = calloc(1, sizeof *fiber);
  fiber->host = host;
  fiber->run = run;
  fiber->argument = argument;
  fiber->deadline = UINT64_MAX;
  fiber->woken = 1;
  fiber->stack = malloc(STACK_BYTES);
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = STACK_BYTES;
  makecontext(&fiber->context, begin, 0);
  struct fiber **link = &fibers;
  while (*link) link = &(*link)->next;
  *link = fiber;
  return fiber;
}

static void resume(struct fiber *fiber) {
  fiber->deadline = UINT64_MAX;
  fiber->event = NULL;
  current = fiber;
  swapcontext(&scheduler, &fiber->context);
  current = NULL;
}

/* Lets those run who can, one after the other, until all wait. */
static void run_all(void) {
  for (int again = 1; again;) {
    again = 0;
    for (struct fiber **link = &fibers, *fiber; (fiber = *link);) {
      if (fiber->woken || fiber->deadline <= now) {
        resume(fiber);
        again = 1;
      }
      if (!fiber->finished) {
        link = &fiber->next;
        continue;
      }
      link = &fibers; /* others may have come before it in the list */
      while (*link != fiber) link = &(*link)->next;
      *link = fiber->next;
      free(fiber->stack);
      free(fiber);
    }
  }
}

static uint64_t next_deadline(void) {
  uint64_t next = link_next();
  for (struct fiber *fiber = fibers; fiber; fiber = fiber->next) {
    if (fiber->deadline < next) next = fiber->deadline;
  }
  return next;
}

/* Moves on to the next time at which something happens; 0: nothing ever will. */
static int step(void) {
  run_all();
  uint64_t next = next_deadline();
  if (next == UINT64_MAX) return 0;
  if (next > now) now = next;
  if (now > LIMIT_US) fail("nothing came to an end within six simulated hours");
  link_deliver();
  return 1;
}

/* --- what the network stands on */

uint64_t ilwaco_now_us(void) { return now; }
uint64_t ilwaco_wall_us(void) { return now; }
int *ilwaco_errno(void) { return &current->error; }

void ilwaco_event_signal(struct ilwaco_event *event) {
  event->signalled = 1;
  for (struct fiber *fiber = fibers; fiber; fiber = fiber->next) {
    if (fiber->event == event && !fiber->woken) {
      fiber->woken = 1;
      return;
    }
  }
}

int ilwaco_event_wait(struct ilwaco_event *event, uint64_t deadline) {
  struct fiber *self = current;
  if (!event->signalled) {
    self->event = event;
    self->deadline = deadline;
    self->woken = 0;
    swapcontext(&self->context, &scheduler);
  }
  int signalled = event->signalled;
  event->signalled = 0;
  self->woken = 0;
  return signalled;
}

int port_pthread_mutex_lock(int *word) {
  if (*word) fail("a lock is held while its holder waits");
  *word = 1;
  return 0;
}

int port_pthread_mutex_unlock(int *word) {
  *word = 0;
  return 0;
}

unsigned port_interrupts_disable(void) { return 0; }
void port_interrupts_restore(unsigned before) { (void)before; }

int port_pthread_create(void **thread, const void *attributes, void *(*run)(void *), void *argument) {
  (void)attributes;
  *thread = start(current->host, run, argument);
  return 0;
}

int port_pthread_detach(void *thread) {
  (void)thread;
  return 0;
}

int port_pthread_setname_np(void *thread, const char *name) {
  (void)thread, (void)name;
  return 0;
}

int port_printf(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("[%10.6f host %d] ", (double)now / 1e6, current->host->index);
  int length = vprintf(format, arguments);
  va_end(arguments);
  fflush(stdout);
  return length;
}

long ilwaco_console_write(const void *bytes, unsigned long length) {
  return (long)fwrite(bytes, 1, length, stdout);
}
long ilwaco_console_read(void *bytes, unsigned long capacity) {
  (void)bytes, (void)capacity;
  return 0;
}
int ilwaco_console_readable(void) { return 0; }

void port_nic_start(void) {}
void port_nic_wake(void) { ilwaco_event_signal(&current->host->received); }
void port_nic_wait(uint64_t deadline) { ilwaco_event_wait(&current->host->received, deadline); }

void port_transmit(const void *frame, size_t length) {
  mutate_remember(frame, length);
  link_send(current->host->index, frame, length);
}

size_t port_receive(void *to, size_t capacity) {
  struct host *host = current->host;
  struct frame *frame = host->inbox;
  if (!frame) return 0;
  host->inbox = frame->next;
  if (!host->inbox) host->inbox_last = &host->inbox;
  host->inbox_count--;
  size_t length = frame->length < capacity ? frame->length : capacity;
  memcpy(to, frame->bytes, length);
  free(frame);
  return length;
}

/* --- running */

static void *run_main(void *unused) {
  (void)unused;
  struct host *host = current->host;
  int status = host->main();
  if (host->index == 1) exit_status = status;
  return NULL;
}

static void *symbol(void *library, const char *name) {
  void *address = dlsym(library, name);
  if (!address) fail(dlerror());
  return address;
}

static void load(int index, const char *path, char **shared) {
  struct host *host = &hosts[index];
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) fail(dlerror());
  int count = 0;
  settings[index][count++] = index == 0 ? "role=server" : "role=client";
  for (; *shared && count < SETTINGS - 1; shared++) {
    const char *setting = *shared;
    if (setting[0] >= '0' && setting[0] < '0' + HOSTS && setting[1] == ':') {
      if (setting[0] != '0' + index) continue;
      setting += 2;
    }
    settings[index][count++] = setting;
  }
  host->index = index;
  host->settings = settings[index];
  host->inbox_last = &host->inbox;
  host->main = (int (*)(void))symbol(library, "port_main");
  host->report = (void (*)(unsigned *))symbol(library, "port_report");
  ((void (*)(int, unsigned))symbol(library, "port_configure"))(index,
                                                               (unsigned)setting_number("mtu", 1500));
}

/* A report is asked for as if by a thread of the host, which therefore is `current`. */
static void report(struct host *host, unsigned values[4]) {
  struct fiber asking = {.host = host};
  current = &asking;
  host->report(values);
  current = NULL;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: simulation STACK_0 STACK_1 [KEY=VALUE]...\n");
    return 2;
  }
  hosts[0].settings = (const char **)argv + 3;
  random_state = (uint64_t)setting_number("seed", 1);
  unsigned long mutated = (unsigned long)setting_number("mutated", 0), sent = 0;
  load(0, argv[1], argv + 3);
  load(1, argv[2], argv + 3);
  start(&hosts[0], run_main, NULL);
  start(&hosts[1], run_main, NULL);
  while (exit_status < 0 || sent < mutated) {
    if (sent < mutated) sent = mutate_step();
    if (!step() && sent >= mutated) fail("all wait for ever");
  }
  uint64_t end = now + 400 * 1000000ull; /* TIME-WAIT, orphans and fragments are gone by then */
  while (now < end && step()) continue;
  printf("seconds %.3f mutated %lu\n", (double)(end - 400 * 1000000ull) / 1e6, sent);
  link_print();
  for (int i = 0; i < HOSTS; i++) {
    unsigned values[4];
    report(&hosts[i], values);
    printf("host %d blocks %u retransmits %u fast %u timeouts %u\n", i, values[0], values[1],
           values[2], values[3]);
  }
  fflush(stdout);
  _exit(exit_status);
}
