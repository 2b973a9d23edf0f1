/*
 * Ilwaco's network as a Linux program: the library-OS services it stands on, made of Linux ones, and a
 * NIC made of a TAP device. So Linux's TCP can judge ours without the emulator in between.
 *
 * It is compiled with the host's headers; the network and the guest with Ilwaco's. Their names that
 * clash with the host libc's (net_port.symbols) are renamed in the objects to port_NAME, so that what is
 * defined here as port_NAME is what they call.
 *
 * One Linux mutex stands for "interrupts disabled". A link can be made bad: every frame, each way, is
 * lost, doubled or held back (and so reordered) with the given probability.
 *
 *     net_port TAP ADDRESS PREFIX GATEWAY [KEY=VALUE]...
 *
 * A line on stdin is answered by a line with the network's memory blocks and retransmissions.
 * Settings of the port itself: loss, duplicate, reorder (percent, may have a fraction), seed. All settings are
 * also the guest's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../ilwaco/include/denali.h"

static const char **settings;
static int setting_count;

const char *ilwaco_setting(const char *key) {
  size_t length = strlen(key);
  for (int i = 0; i < setting_count; i++) {
    if (strncmp(settings[i], key, length) == 0 && settings[i][length] == '=') {
      return settings[i] + length + 1;
    }
  }
  return NULL;
}

/* Ilwaco's getenv and gethostname. */
char *port_getenv(const char *name) { return (char *)ilwaco_setting(name); }

int port_gethostname(char *name, size_t capacity) {
  snprintf(name, capacity, "%s", (const char *)DENALI_REGISTERS->vm_name);
  return 0;
}

/* There are no disks here. */
int block_devices(void) { return 0; }
int block_find(const char *name) { return (void)name, errno = ENODEV, -1; }
int tar_mount(int device) { return (void)device, errno = ENODEV, -1; }

/* --- time and chance */

static uint64_t clock_us(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t start_us;

uint64_t ilwaco_now_us(void) { return clock_us(CLOCK_MONOTONIC) - start_us; }
uint64_t ilwaco_wall_us(void) { return clock_us(CLOCK_REALTIME); }
uint32_t ilwaco_random32(void) { return (uint32_t)random() ^ (uint32_t)random() << 16; }

/* --- waiting and locks: the first word of Ilwaco's structures is a futex */

static void futex_wait(int *word, int expected, const struct timespec *timeout) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
}

static void futex_wake(int *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

struct ilwaco_event {
  int signalled;
};

void ilwaco_event_signal(struct ilwaco_event *event) {
  __atomic_store_n(&event->signalled, 1, __ATOMIC_SEQ_CST);
  futex_wake(&event->signalled);
}

int ilwaco_event_wait(struct ilwaco_event *event, uint64_t deadline) {
  for (;;) {
    if (__atomic_exchange_n(&event->signalled, 0, __ATOMIC_SEQ_CST)) return 1;
    uint64_t now = ilwaco_now_us();
    if (now >= deadline) return 0;
    uint64_t left = deadline - now < 3600000000ull ? deadline - now : 3600000000ull;
    struct timespec timeout = {(time_t)(left / 1000000), (long)(left % 1000000) * 1000};
    futex_wait(&event->signalled, 0, &timeout);
  }
}

int port_pthread_mutex_lock(int *word) {
  while (__atomic_exchange_n(word, 1, __ATOMIC_SEQ_CST)) futex_wait(word, 1, NULL);
  return 0;
}

int port_pthread_mutex_unlock(int *word) {
  __atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
  futex_wake(word);
  return 0;
}

static pthread_mutex_t interrupts = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

unsigned port_interrupts_disable(void) {
  pthread_mutex_lock(&interrupts);
  return 0;
}

void port_interrupts_restore(unsigned before) {
  (void)before;
  pthread_mutex_unlock(&interrupts);
}

struct start {
  void *(*run)(void *);
  void *argument;
};

int port_pthread_create(void **thread, const void *attributes, void *(*run)(void *), void *argument) {
  (void)attributes;
  pthread_t created;
  if (pthread_create(&created, NULL, run, argument)) return EAGAIN;
  pthread_detach(created);
  *thread = NULL;
  return 0;
}

int port_pthread_detach(void *thread) {
  (void)thread;
  return 0;
}

int port_pthread_setname_np(void *thread, const char *name) {
  (void)thread, (void)name;
  return 0;
}

int port_pthread_attr_init(void *attributes) {
  (void)attributes;
  return 0;
}

int port_pthread_attr_setdetachstate(void *attributes, int state) {
  (void)attributes, (void)state;
  return 0;
}

int port_pthread_attr_setstacksize(void *attributes, size_t bytes) {
  (void)attributes, (void)bytes;
  return 0;
}

/* --- libc */

int *ilwaco_errno(void) { return &errno; }
long ilwaco_console_write(const void *bytes, unsigned long length) {
  return write(1, bytes, length);
}
long ilwaco_console_read(void *bytes, unsigned long capacity) { return read(0, bytes, capacity); }
int ilwaco_console_readable(void) {
  struct pollfd entry = {0, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

int port_fprintf(void *stream, const char *format, ...) {
  (void)stream;
  va_list arguments;
  va_start(arguments, format);
  int length = vfprintf(stderr, format, arguments);
  va_end(arguments);
  return length;
}

int port_printf(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vprintf(format, arguments);
  va_end(arguments);
  fflush(stdout);
  return length;
}

int port_fflush(void *stream) {
  (void)stream;
  return 0;
}

/* --- the NIC */

struct link {
  uint8_t held[1600]; /* a frame that waits to be overtaken */
  size_t held_length;
};

static int tap;
static struct link inbound, outbound;
static double loss, duplicate, reorder;
static pthread_mutex_t chance_lock = PTHREAD_MUTEX_INITIALIZER;

static int happens(double percent) {
  if (percent <= 0) return 0;
  pthread_mutex_lock(&chance_lock);
  int yes = (double)(random() % 1000000) < percent * 10000;
  pthread_mutex_unlock(&chance_lock);
  return yes;
}

/* 1: the frame goes on now; 0: it is lost, or held until the next one has passed. */
static int passes(struct link *link, const void *frame, size_t length) {
  if (happens(loss)) return 0;
  if (!link->held_length && happens(reorder)) {
    memcpy(link->held, frame, length);
    link->held_length = length;
    return 0;
  }
  return 1;
}

static struct ilwaco_event received;

void port_nic_start(void) {}
void port_nic_wake(void) { ilwaco_event_signal(&received); }

static void put(const void *frame, size_t length) {
  if (write(tap, frame, length) < 0 && errno != EIO) perror("write to the TAP device");
}

void port_transmit(const void *frame, size_t length) {
  if (!passes(&outbound, frame, length)) return;
  put(frame, length);
  if (happens(duplicate)) put(frame, length);
  if (outbound.held_length) {
    put(outbound.held, outbound.held_length);
    outbound.held_length = 0;
  }
}

/* Takes a frame into `frame`; 0: none waits. */
size_t port_receive(void *frame, size_t capacity) {
  static uint8_t again[1600];
  static size_t again_length;
  if (again_length) {
    size_t length = again_length;
    memcpy(frame, again, length);
    again_length = 0;
    return length;
  }
  for (;;) {
    ssize_t length = read(tap, frame, capacity);
    if (length <= 0) return 0;
    if (!passes(&inbound, frame, (size_t)length)) continue;
    if (inbound.held_length) {
      memcpy(again, inbound.held, inbound.held_length);
      again_length = inbound.held_length;
      inbound.held_length = 0;
    } else if (happens(duplicate)) {
      memcpy(again, frame, (size_t)length);
      again_length = (size_t)length;
    }
    return (size_t)length;
  }
}

static void *watch_tap(void *unused) {
  (void)unused;
  for (;;) {
    struct pollfd entry = {tap, POLLIN, 0};
    if (poll(&entry, 1, -1) > 0) ilwaco_event_signal(&received);
    usleep(20); /* the network thread drains the device meanwhile */
  }
  return NULL;
}

void port_nic_wait(uint64_t deadline) { ilwaco_event_wait(&received, deadline); }

static void open_tap(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) < 0) {
    perror("net_port: cannot open the TAP device");
    exit(2);
  }
}

static double percent(const char *key) {
  const char *text = ilwaco_setting(key);
  return text ? atof(text) : 0;
}

static void map_registers(const char *address, int prefix, const char *gateway) {
  void *page = (void *)DENALI_REGISTERS_BASE;
  if (mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
      page) {
    perror("net_port: cannot map the virtual registers (needs root)");
    exit(2);
  }
  struct denali_registers *registers = page;
  registers->features = DENALI_FEATURE_CONSOLE | DENALI_FEATURE_NIC;
  registers->vm_id = 42;
  registers->memory_size = 64 << 20;
  memcpy(registers->nic_mac, "\x02\x44\x4e\x00\x00\x2a", 6);
  registers->nic_mtu = 1500;
  registers->nic_address = inet_addr(address);
  registers->nic_netmask = htonl(prefix ? ~0u << (32 - prefix) : 0);
  registers->nic_gateway = inet_addr(gateway);
  strcpy(registers->vm_name, "vm-42");
}

int port_main(void);
void port_report(unsigned values[4]);

/* Each line on stdin is answered by a line of figures. */
static void *report(void *unused) {
  (void)unused;
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    unsigned values[4];
    port_report(values);
    printf("blocks %u retransmits %u fast %u timeouts %u\n", values[0], values[1], values[2],
           values[3]);
    fflush(stdout);
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: net_port TAP ADDRESS PREFIX GATEWAY [KEY=VALUE]...\n");
    return 2;
  }
  settings = (const char **)argv + 5;
  setting_count = argc - 5;
  const char *seed = ilwaco_setting("seed");
  srandom(seed ? (unsigned)atoi(seed) : 1);
  loss = percent("loss");
  duplicate = percent("duplicate");
  reorder = percent("reorder");
  start_us = clock_us(CLOCK_MONOTONIC) - 1000000;
  map_registers(argv[2], atoi(argv[3]), argv[4]);
  open_tap(argv[1]);
  pthread_t watcher, reporter;
  pthread_create(&watcher, NULL, watch_tap, NULL);
  pthread_create(&reporter, NULL, report, NULL);
  return port_main();
}
