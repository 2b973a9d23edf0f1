/* Echo requests (ping) as their sender sees them; see <denali/inspect.h>. */
#include <denali/inspect.h>
#include <errno.h>
#include <ilwaco.h>
#include <string.h>

#include "checksum.h"
#include "icmp.h"
#include "memory.h"
#include "network.h"
#include "wire.h"

enum { ECHO_REQUEST = 8, ICMP_ECHO_MAXIMUM = 65507 };

/* A thread that waits for an answer. */
struct question {
  struct question *next;
  struct ilwaco_event answered;
  uint32_t address;
  uint16_t identifier;
  int error;
  uint8_t *message;
  size_t length;
};

static struct question *questions;

static struct question *find(const struct icmp_header *header) {
  struct question *q = questions;
  while (q && q->identifier != header->identifier) q = q->next;
  return q;
}

void icmp_echo_answered(const struct ipv4_packet *packet) {
  struct question *q = find((const struct icmp_header *)packet->payload);
  size_t fixed = sizeof(struct icmp_header);
  if (!q || packet->source != q->address || packet->length != q->length ||
      memcmp(packet->payload + fixed, q->message + fixed, q->length - fixed) != 0) {
    return;
  }
  q->error = 0;
  ilwaco_event_signal(&q->answered);
}

void icmp_echo_failed(const uint8_t *bytes, int error) {
  const struct icmp_header *header = (const struct icmp_header *)bytes;
  struct question *q = header->type == ECHO_REQUEST ? find(header) : NULL;
  if (!q || error == EMSGSIZE) return;
  q->error = error;
  ilwaco_event_signal(&q->answered);
}

static void compose(struct question *q) {
  struct icmp_header *header = (struct icmp_header *)q->message;
  memset(header, 0, sizeof *header);
  header->type = ECHO_REQUEST;
  header->identifier = q->identifier;
  for (size_t i = sizeof *header; i < q->length; i++) q->message[i] = (uint8_t)i;
  header->checksum = checksum_finish(checksum_add(0, q->message, q->length));
}

/* The lock is held, except while waiting. 0, or an error number. */
static int ask(struct question *q, uint64_t deadline) {
  struct ipv4_route route = {.source = ipv4_is_own(q->address) ? q->address : network_address(),
                             .destination = q->address,
                             .protocol = 1};
  int error = ipv4_send_fragments(&route, q->message, q->length);
  if (error) return error;
  q->error = ETIMEDOUT;
  q->next = questions;
  questions = q;
  network_unlock();
  ilwaco_event_wait(&q->answered, deadline);
  network_lock();
  struct question **link = &questions;
  while (*link != q) link = &(*link)->next;
  *link = q->next;
  return q->error;
}

long inspect_ping(struct in_addr address, size_t bytes, unsigned timeout_ms) {
  int error = bytes > ICMP_ECHO_MAXIMUM ? EMSGSIZE : network_start();
  uint64_t start = ilwaco_now_us();
  if (!error) {
    struct question q = {.answered = ILWACO_EVENT_INITIALIZER,
                         .address = address.s_addr,
                         .identifier = (uint16_t)ilwaco_random32(),
                         .length = sizeof(struct icmp_header) + bytes};
    network_lock();
    q.message = net_allocate(q.length);
    error = ENOBUFS;
    if (q.message) {
      compose(&q);
      error = ask(&q, start + timeout_ms * 1000ull);
    }
    net_free(q.message, q.length);
    network_unlock();
  }
  if (!error) return (long)(ilwaco_now_us() - start);
  errno = error;
  return -1;
}
