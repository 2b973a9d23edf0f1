/*
 * Console output and keyboard input. A write of any length is one instruction; if the kernel takes
 * only a part of it, the rest follows. A read blocks its thread until input has come.
 */

#include "core.h"

static struct ilwaco_queue readers;

long ilwaco_console_write(const void *buffer, unsigned long length) {
  const char *next = buffer;
  unsigned long left = length;
  while (left) {
    unsigned long rest = ilwaco_outs(DENALI_PORT_CONSOLE_WRITE, next, left);
    next += left - rest;
    left = rest;
  }
  return (long)length;
}

int ilwaco_console_readable(void) { return ilwaco_in(DENALI_PORT_KEYBOARD_STATUS) != 0; }

ILWACO_HANDLER static void input_has_come(void) { ilwaco_wake_all(&readers); }

long ilwaco_console_read(void *buffer, unsigned long capacity) {
  static int listening;
  unsigned long received = 0;
  if (!capacity) return 0;
  unsigned before = ilwaco_interrupts_disable();
  if (!listening) {
    listening = 1;
    ilwaco_on_interrupt(DENALI_INTERRUPT_KEYBOARD, input_has_come);
  }
  while (!ilwaco_console_readable()) ilwaco_wait(&readers, ILWACO_NO_DEADLINE);
  /* Closed and empty: nothing is received, which says end of input. */
  received = ilwaco_ins(DENALI_PORT_KEYBOARD_READ, buffer, capacity);
  ilwaco_interrupts_restore(before);
  return (long)received;
}
