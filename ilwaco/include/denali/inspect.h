/*
 * A look into the library OS from within: threads, sockets, memory, what the network counted, and ping.
 * For shells and for tests. Linked only into programs that call it.
 */
#ifndef DENALI_INSPECT_H
#define DENALI_INSPECT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* ---- threads */

enum inspect_thread_state {
  INSPECT_RUNNING,  /* the one that asks */
  INSPECT_READY,    /* can run */
  INSPECT_WAITING,  /* for somebody else */
  INSPECT_SLEEPING, /* the same, but at most until a time */
};

struct inspect_thread {
  uint32_t id; /* from 1, in the order of creation; the main thread is 1 */
  char name[16]; /* of pthread_setname_np, or "" */
  enum inspect_thread_state state;
  uint32_t stack_bytes; /* 0: the main thread's, which grows */
};

/* Fills at most `capacity` entries; returns how many threads there are. */
int inspect_threads(struct inspect_thread *list, int capacity);

/* ---- sockets */

struct inspect_socket {
  int protocol; /* IPPROTO_TCP or IPPROTO_UDP */
  struct sockaddr_in local, remote; /* remote: all zero if there is none */
  const char *state; /* TCP: "LISTEN", "ESTABLISHED", ...; UDP: "" */
  uint32_t receive_queue; /* bytes to be read; of a listener: connections to be accepted */
  uint32_t send_queue;    /* bytes not acknowledged; of a listener: its backlog */
  uint32_t round_trip_us; /* TCP: smoothed; 0: not measured yet */
  uint32_t congestion_window; /* TCP: bytes */
};

/* Fills at most `capacity` entries; returns how many there are, TIME-WAIT included. */
int inspect_sockets(struct inspect_socket *list, int capacity);

/* ---- memory; bytes */

struct inspect_memory {
  uint32_t total;      /* of the VM */
  uint32_t image;      /* below the heap */
  uint32_t heap_used;  /* handed out by malloc */
  uint32_t heap_free;  /* given back, below the heap's end */
  uint32_t untouched;  /* above the heap's end: never used, or used and joined to it again */
  uint32_t stack;      /* kept for the main thread's stack */
};

void inspect_memory(struct inspect_memory *memory);

/* ---- network */

struct inspect_network {
  uint32_t memory_used, memory_limit; /* bytes of the heap that hold packets and connections */
  uint32_t memory_blocks;
};

void inspect_network(struct inspect_network *network);

/* The name and value of counter `index` (from 0); 0: there is none such. Counters wrap. */
int inspect_counter(int index, const char **name, uint32_t *value);

/* Sends an ICMP echo request with `bytes` (0..65507) of payload and waits for the answer, whose payload
 * must be the same. Microseconds, or -1: ETIMEDOUT after `timeout_ms`, EHOSTUNREACH, ENETUNREACH,
 * EMSGSIZE, ENOBUFS, ENETDOWN. */
long inspect_ping(struct in_addr address, size_t bytes, unsigned timeout_ms);

#endif
