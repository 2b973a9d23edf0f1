/* Ephemeral ports; see port.h. */
#include "port.h"

#include <ilwaco.h>

#include "wire.h"

uint16_t port_choose(int (*in_use)(uint16_t port, const void *context), const void *context) {
  uint32_t count = PORT_EPHEMERAL_LAST - PORT_EPHEMERAL_FIRST + 1;
  uint32_t start = ilwaco_random32() % count;
  for (uint32_t i = 0; i < count; i++) {
    uint16_t port = swap16((uint16_t)(PORT_EPHEMERAL_FIRST + (start + i) % count));
    if (!in_use(port, context)) return port;
  }
  return 0;
}
