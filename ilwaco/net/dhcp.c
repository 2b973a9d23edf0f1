/*
 * The DHCP client (RFC 2131 section 4.4): a thread that asks for an address, tries whether somebody else
 * has it, and keeps its lease.
 *
 * While there is no address, the network works as far as broadcasts go. A lease that ends is an address
 * that is gone: connections on it time out. Questions are repeated after 4, 8, 16, 32 and 64 seconds,
 * each by up to a second earlier or later.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ilwaco.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "arp.h"
#include "dhcp.h"
#include "dhcp_message.h"
#include "ethernet.h"
#include "network.h"

enum { SERVER_PORT = 67, CLIENT_PORT = 68, NAME_BYTES = 64 };
enum { FIRST_PATIENCE_S = 4, LAST_PATIENCE_S = 64, REQUEST_TRIES = 4, DECLINE_PAUSE_S = 10 };
enum { LEASE_DEFAULT_S = 3600, RENEWAL_MINIMUM_S = 60 };
#define SECOND_US 1000000ull
#define PROBE_US 500000ull /* how long to wait for who has the address already */

static struct ilwaco_event configured;
static uint8_t mac[6];
static char name[NAME_BYTES];
static int fd = -1;

static uint64_t later(uint32_t seconds) { return ilwaco_now_us() + seconds * SECOND_US; }

static void pause_until(uint64_t time) {
  struct ilwaco_event never = ILWACO_EVENT_INITIALIZER;
  ilwaco_event_wait(&never, time);
}

/* `to` 0: all. */
static void transmit(const struct dhcp_message *message, uint32_t to) {
  uint8_t bytes[DHCP_MESSAGE_MAXIMUM];
  size_t length = dhcp_write(bytes, message, mac, name);
  struct sockaddr_in at = {.sin_family = AF_INET,
                           .sin_port = htons(SERVER_PORT),
                           .sin_addr = {to ? to : INADDR_BROADCAST}};
  sendto(fd, bytes, length, 0, (struct sockaddr *)&at, sizeof at);
}

/* Waits for an answer to `question`; 0: none came until `deadline`. */
static int await_answer(const struct dhcp_message *question, struct dhcp_message *answer,
                        uint64_t deadline) {
  for (;;) {
    uint8_t bytes[DHCP_MESSAGE_MAXIMUM];
    uint64_t now = ilwaco_now_us();
    if (now >= deadline) return 0;
    uint64_t left = deadline - now;
    struct timeval patience = {(time_t)(left / SECOND_US), (suseconds_t)(left % SECOND_US)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t length = recv(fd, bytes, sizeof bytes, 0);
    if (length < 0 && errno != EAGAIN) return 0;
    if (length < 0 || !dhcp_read(bytes, (size_t)length, mac, answer)) continue;
    if (answer->transaction != question->transaction) continue;
    int is_offer = answer->type == DHCP_OFFER;
    if (is_offer == (question->type == DHCP_DISCOVER)) return 1;
  }
}

/* Asks again and again, at most `tries` times (0: for ever) and until `deadline`. */
static int ask(struct dhcp_message *question, uint32_t to, int tries, uint64_t deadline,
               struct dhcp_message *answer) {
  uint32_t patience = FIRST_PATIENCE_S;
  uint64_t began = ilwaco_now_us();
  question->transaction = ilwaco_random32();
  for (int i = 0; (tries == 0 || i < tries) && ilwaco_now_us() < deadline; i++) {
    uint64_t elapsed = (ilwaco_now_us() - began) / SECOND_US;
    question->seconds = elapsed < UINT16_MAX ? (uint16_t)elapsed : UINT16_MAX;
    transmit(question, to);
    uint64_t until = later(patience) - SECOND_US + ilwaco_random32() % (2 * SECOND_US);
    if (await_answer(question, answer, until < deadline ? until : deadline)) return 1;
    if (patience < LAST_PATIENCE_S) patience *= 2;
  }
  return 0;
}

/* Takes the address into use; all zero gives it up. */
static void configure(const struct dhcp_message *lease) {
  network_lock();
  DENALI_REGISTERS->nic_address = lease->yours;
  DENALI_REGISTERS->nic_netmask = lease->netmask;
  DENALI_REGISTERS->nic_gateway = lease->gateway;
  DENALI_REGISTERS->nic_dns = lease->name_server;
  if (lease->yours) arp_announce();
  network_unlock();
  if (lease->yours) ilwaco_event_signal(&configured);
}

static const struct dhcp_message nothing;

/* Whether another host answers for the address (RFC 5227). */
static int is_taken(uint32_t address) {
  network_lock();
  arp_probe(address);
  network_unlock();
  pause_until(ilwaco_now_us() + PROBE_US);
  network_lock();
  int taken = arp_probe_end();
  network_unlock();
  return taken;
}

/* From nothing to a lease: discover, offer, request, acknowledgement. 0: it came to nothing. */
static int acquire(struct dhcp_message *lease) {
  struct dhcp_message discover = {.type = DHCP_DISCOVER}, offer;
  if (!ask(&discover, 0, 0, ILWACO_NO_DEADLINE, &offer)) return 0;
  struct dhcp_message request = {
      .type = DHCP_REQUEST, .requested = offer.yours, .server = offer.server};
  if (!offer.yours || !ask(&request, 0, REQUEST_TRIES, ILWACO_NO_DEADLINE, lease)) return 0;
  if (lease->type != DHCP_ACK || !lease->yours) return 0;
  if (!is_taken(lease->yours)) return 1;
  struct dhcp_message decline = {.type = DHCP_DECLINE,
                                 .transaction = ilwaco_random32(),
                                 .requested = lease->yours,
                                 .server = offer.server};
  transmit(&decline, 0);
  pause_until(later(DECLINE_PAUSE_S));
  return 0;
}

/* Asks to go on with the address until `deadline`. 1: granted; 0: no answer; -1: refused. */
static int extend(struct dhcp_message *lease, uint32_t to, uint64_t deadline) {
  while (ilwaco_now_us() < deadline) {
    struct dhcp_message request = {.type = DHCP_REQUEST, .client_address = lease->yours}, answer;
    uint64_t left = (deadline - ilwaco_now_us()) / 2;
    uint64_t again = left < RENEWAL_MINIMUM_S * SECOND_US ? deadline : ilwaco_now_us() + left;
    if (!ask(&request, to, 1, again, &answer)) {
      pause_until(again);
    } else if (answer.type == DHCP_NAK) {
      return -1;
    } else if (answer.yours == lease->yours) {
      if (!answer.server) answer.server = lease->server;
      *lease = answer;
      return 1;
    }
  }
  return 0;
}

static void keep(struct dhcp_message *lease) {
  for (int granted = 1; granted > 0;) {
    uint32_t length = lease->lease_s ? lease->lease_s : LEASE_DEFAULT_S;
    if (length == UINT32_MAX) return; /* for ever */
    uint32_t rebind = lease->rebinding_s && lease->rebinding_s < length ? lease->rebinding_s
                                                                         : length - length / 8;
    uint32_t renew = lease->renewal_s && lease->renewal_s < rebind ? lease->renewal_s : length / 2;
    uint64_t rebind_at = later(rebind), end = later(length);
    pause_until(later(renew));
    granted = extend(lease, lease->server, rebind_at);
    if (granted == 0) granted = extend(lease, 0, end);
    if (granted > 0) configure(lease);
  }
  configure(&nothing);
}

static void *run(void *unused) {
  (void)unused;
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(CLIENT_PORT)};
  int yes = 1;
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0) return NULL;
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  for (;;) {
    struct dhcp_message lease;
    if (!acquire(&lease)) continue;
    configure(&lease);
    keep(&lease);
    if (network_address()) return NULL; /* lent for ever */
  }
}

int dhcp_is_wanted(void) {
  const char *setting = ilwaco_setting("net");
  return setting && strcmp(setting, "dhcp") == 0 && network_has_link();
}

int dhcp_start(void) {
  pthread_t thread;
  configure(&nothing);
  ethernet_address(mac);
  for (int i = 0; i < NAME_BYTES - 1 && DENALI_REGISTERS->vm_name[i]; i++) {
    name[i] = (char)DENALI_REGISTERS->vm_name[i];
  }
  if (pthread_create(&thread, NULL, run, NULL) != 0) return ENOMEM;
  pthread_setname_np(thread, "dhcp");
  pthread_detach(thread);
  return 0;
}

void dhcp_await(uint64_t deadline) {
  ilwaco_event_wait(&configured, deadline);
  ilwaco_event_signal(&configured); /* for others who wait */
}
