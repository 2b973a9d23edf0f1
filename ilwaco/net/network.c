/* The network's lock and thread; see network.h. */
#include "network.h"

#include <errno.h>
#include <pthread.h>

#include "arp.h"
#include "dhcp.h"
#include "ethernet.h"
#include "hash.h"
#include "loopback.h"
#include "nic.h"
#include "tcp.h"
#include "timer.h"

/* Frames taken in before acknowledgements and answers go out: enough that a burst is answered at
 * once, few enough that the peer's window does not run dry. */
enum { BATCH_FRAMES = 16 };

/* How long the first socket waits for an address. */
#define DHCP_PATIENCE_US (10 * 1000000ull)

struct network_counters network_counters;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t sleeping_until; /* 0: the network thread runs */
uint64_t network_time;
static enum { STOPPED, STARTED } state;

void network_lock(void) {
  pthread_mutex_lock(&lock);
  network_time = 0;
}

void network_unlock(void) {
  if (sleeping_until) {
    uint64_t next = timer_next();
    if (loopback_waits()) {
      sleeping_until = 0;
      nic_wake();
    } else if (next != sleeping_until) {
      sleeping_until = next;
      nic_move_deadline(next);
    }
  }
  nic_flush();
  pthread_mutex_unlock(&lock);
}

/* Returns whether there may be more to take in. */
static int receive_batch(void) {
  int link = network_has_link();
  for (int i = 0; i < BATCH_FRAMES; i++) {
    if (!(link && nic_receive()) && !loopback_receive()) return 0;
  }
  return 1;
}

static void *run(void *unused) {
  (void)unused;
  network_lock();
  for (;;) {
    int more = receive_batch();
    tcp_flush();
    timer_run(network_now());
    nic_flush();
    if (more || loopback_waits()) {
      pthread_mutex_unlock(&lock);
    } else {
      sleeping_until = timer_next();
      pthread_mutex_unlock(&lock);
      nic_wait(sleeping_until);
    }
    network_lock();
    sleeping_until = 0;
  }
  return 0;
}

static int start(void) {
  hash_seed();
  if (!arp_start() || !tcp_start()) return ENOMEM;
  if (network_has_link()) nic_start();
  pthread_t thread;
  if (pthread_create(&thread, 0, run, 0) != 0) return ENOMEM;
  pthread_setname_np(thread, "network");
  pthread_detach(thread);
  state = STARTED;
  return 0;
}

int network_start(void) {
  network_lock();
  int first = state != STARTED;
  int error = first ? start() : 0;
  pthread_mutex_unlock(&lock);
  if (error || !first || !dhcp_is_wanted()) return error;
  error = dhcp_start();
  if (!error) dhcp_await(ilwaco_now_us() + DHCP_PATIENCE_US);
  return error;
}
