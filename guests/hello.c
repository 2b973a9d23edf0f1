/* Greets, tells what it was given, and ends with the number of its arguments. */

#include <ilwaco.h>
#include <stdio.h>

int main(int argc, char **argv) {
  printf("Hello from %s, virtual machine %u with %u KiB of memory.\n", argv[0],
         DENALI_REGISTERS->vm_id, DENALI_REGISTERS->memory_size / 1024);
  for (int i = 1; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
  return argc - 1;
}
