/* The machine this runs on: a VM of Denali, or a Linux process. */
#ifndef HTTPD_MACHINE_H
#define HTTPD_MACHINE_H

#include <stdint.h>

struct machine {
  char name[65];
  unsigned id;
  char address[16];
  uint64_t memory; /* bytes that the server may count on */
};

void machine_describe(struct machine *machine);
uint64_t machine_uptime_us(void);

#endif
