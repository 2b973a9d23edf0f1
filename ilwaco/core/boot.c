/*
 * From the first instruction to main() and from its return to the end of the VM.
 *
 * Memory at that point: registers page, image, free memory, stack from the top down. The boot
 * arguments and settings stay where the kernel put them, in the virtual register page.
 */

#include "core.h"

#include <stdlib.h>
#include <string.h>

#define MAIN_STACK_MAXIMUM (1u << 20)

int main(int argc, char **argv, char **environment);

typedef void (*constructor)(void);
extern constructor ilwaco_constructors_begin[], ilwaco_constructors_end[]; /* image.ld */

static char **settings;

uint32_t ilwaco_main_stack_bytes(void) {
  uint32_t eighth = VIRTUAL_REGISTERS->memory_size / 8;
  return eighth < MAIN_STACK_MAXIMUM ? eighth : MAIN_STACK_MAXIMUM;
}

/* Fills `list` with pointers to `count` strings and a NULL; returns the text behind the last. */
static char *list_strings(char **list, unsigned count, char *text) {
  for (unsigned i = 0; i < count; i++) {
    list[i] = text;
    text += strlen(text) + 1;
  }
  list[count] = NULL;
  return text;
}

__attribute__((noreturn)) void ilwaco_boot(void) {
  unsigned argument_count = VIRTUAL_REGISTERS->argument_count;
  unsigned setting_count = VIRTUAL_REGISTERS->setting_count;
  char *strings[1 + argument_count + 1 + setting_count + 1];
  char *text = (char *)VIRTUAL_REGISTERS->boot_text;

  strings[0] = (char *)VIRTUAL_REGISTERS->vm_name;
  text = list_strings(strings + 1, argument_count, text);
  settings = strings + 1 + argument_count + 1;
  list_strings(settings, setting_count, text);

  ilwaco_interrupts_start();
  for (constructor *c = ilwaco_constructors_begin; c != ilwaco_constructors_end; c++) (*c)();
  exit(main(1 + (int)argument_count, strings, settings));
}

const char *ilwaco_setting(const char *key) {
  size_t length = strlen(key);
  for (char **setting = settings; *setting; setting++) {
    if (strncmp(*setting, key, length) == 0 && (*setting)[length] == '=') {
      return *setting + length + 1;
    }
  }
  return NULL;
}

void ilwaco_terminate(int code) {
  for (;;) __asm__ volatile(".byte 0x0f, 0x0a, 0x01" ::"a"(code) : "memory");
}

void ilwaco_panic(const char *reason) {
  VIRTUAL_REGISTERS->interrupt_enable = 0;
  ilwaco_console_write("ilwaco: ", 8);
  ilwaco_console_write(reason, strlen(reason));
  ilwaco_console_write("\n", 1);
  __builtin_trap();
}
