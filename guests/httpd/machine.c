/* See machine.h. */
#include "machine.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#if __has_include(<ilwaco.h>) && !defined DENALI_NATIVE
#include <ilwaco.h>

void machine_describe(struct machine *machine) {
  struct in_addr own = {DENALI_REGISTERS->nic_address};
  gethostname(machine->name, sizeof machine->name);
  machine->id = DENALI_REGISTERS->vm_id;
  inet_ntop(AF_INET, &own, machine->address, sizeof machine->address);
  machine->memory = DENALI_REGISTERS->memory_size;
}

uint64_t machine_uptime_us(void) { return ilwaco_now_us(); }

#else
#include "../common/net.h"

enum { NATIVE_MEMORY = 256 << 20 };

void machine_describe(struct machine *machine) {
  gethostname(machine->name, sizeof machine->name);
  machine->name[sizeof machine->name - 1] = 0;
  machine->id = (unsigned)getpid();
  strcpy(machine->address, "0.0.0.0");
  machine->memory = NATIVE_MEMORY;
}

uint64_t machine_uptime_us(void) {
  static uint64_t start;
  if (!start) start = net_now_us();
  return net_now_us() - start;
}
#endif
