/* How a program ends: atexit handlers in reverse order, then the buffers of stdio, then the VM. */

#include <assert.h>
#include <ilwaco.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ATEXIT_MAXIMUM 32 /* ISO C 7.22.4.2 asks for at least this */

void ilwaco_stdio_flush(void) __attribute__((weak)); /* absent from programs without stdio */

static void (*exit_handlers[ATEXIT_MAXIMUM])(void);
static unsigned exit_handler_count;

int atexit(void (*run)(void)) {
  unsigned before = ilwaco_interrupts_disable();
  int full = exit_handler_count == ATEXIT_MAXIMUM;
  if (!full) exit_handlers[exit_handler_count++] = run;
  ilwaco_interrupts_restore(before);
  return full ? -1 : 0;
}

void exit(int code) {
  while (exit_handler_count) exit_handlers[--exit_handler_count]();
  if (ilwaco_stdio_flush) ilwaco_stdio_flush();
  ilwaco_terminate(code);
}

void _Exit(int code) { ilwaco_terminate(code); }

void _exit(int code) { ilwaco_terminate(code); }

void abort(void) {
  if (ilwaco_stdio_flush) ilwaco_stdio_flush();
  __builtin_trap(); /* #UD: the crash report shows the stack */
}
