/* The client: one measurement, and one line of JSON on stdout that tells it. */
#ifndef TTCP_CLIENT_H
#define TTCP_CLIENT_H

#include "transfer.h"

struct target {
  const char *host;
  unsigned port;
  unsigned connect_ms; /* tries again for so long while the server refuses: it may still be booting */
  uint64_t round_trips; /* of the latency modes */
};

/* The exit code: 0, 1 if the measurement failed, 3 if bytes were wrong or missing. */
int client_run(const struct target *target, const struct plan *plan);

#endif
