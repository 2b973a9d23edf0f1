/* See signal.h: only SIGTERM ever comes. */

#include <errno.h>
#include <ilwaco.h>
#include <signal.h>
#include <stddef.h>

#define SIGNALS 32

static sighandler_t handlers[SIGNALS];

ILWACO_HANDLER static void terminate_requested(void) {
  if (handlers[SIGTERM] != SIG_IGN) handlers[SIGTERM](SIGTERM);
}

sighandler_t signal(int number, sighandler_t handler) {
  if (number <= 0 || number >= SIGNALS) {
    errno = EINVAL;
    return SIG_ERR;
  }
  sighandler_t before = handlers[number];
  handlers[number] = handler;
  if (number == SIGTERM) {
    ilwaco_on_interrupt(DENALI_INTERRUPT_SHUTDOWN, handler == SIG_DFL ? NULL : terminate_requested);
  }
  return before;
}
