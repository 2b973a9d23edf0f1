/*
 * The stub resolver; see resolver.h.
 *
 * An answer is believed if it comes from the server that was asked, to the port that asked, with the id
 * and the question of the query; port and id are chosen anew for each try (RFC 5452). What was found is
 * kept as long as its records allow, at most an hour; that there is nothing, at most a minute.
 */
#include "resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ilwaco.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "network.h"

enum { DNS_PORT = 53, TRIES = 4, SERVERS_MAXIMUM = 2, CACHE_ENTRIES = 16 };
enum { FOUND_LIFETIME_S = 3600, NOTHING_LIFETIME_S = 60, ANSWER_MAXIMUM = 512 };
#define FIRST_PATIENCE_US 1000000ull /* doubled by each try */
#define TCP_PATIENCE_US 5000000ull

struct kept {
  char *name; /* NULL: free */
  int result;
  uint64_t until;
  struct dns_answer answer;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *cache;

/* --- the cache; the lock is held */

static struct kept *find(const char *name) {
  for (int i = 0; cache && i < CACHE_ENTRIES; i++) {
    if (cache[i].name && strcasecmp(cache[i].name, name) == 0) return &cache[i];
  }
  return NULL;
}

static void forget(struct kept *kept) {
  free(kept->name);
  memset(kept, 0, sizeof *kept);
}

static void keep(const char *name, int result, const struct dns_answer *answer) {
  uint32_t longest = result == 0 ? FOUND_LIFETIME_S : NOTHING_LIFETIME_S;
  uint32_t lifetime = answer->lifetime_s < longest ? answer->lifetime_s : longest;
  if (lifetime == 0) return;
  if (!cache && !(cache = calloc(CACHE_ENTRIES, sizeof *cache))) return;
  struct kept *place = find(name);
  for (int i = 0; !place && i < CACHE_ENTRIES; i++) {
    if (!cache[i].name) place = &cache[i];
  }
  if (!place) {
    place = &cache[0];
    for (int i = 1; i < CACHE_ENTRIES; i++) {
      if (cache[i].until < place->until) place = &cache[i];
    }
  }
  forget(place);
  place->name = strdup(name);
  place->result = result;
  place->answer = *answer;
  place->until = ilwaco_now_us() + lifetime * 1000000ull;
}

static int recall(const char *name, int *result, struct dns_answer *answer) {
  pthread_mutex_lock(&lock);
  struct kept *kept = find(name);
  if (kept && kept->until <= ilwaco_now_us()) {
    forget(kept);
    kept = NULL;
  }
  if (kept) {
    *answer = kept->answer;
    *result = kept->result;
  }
  pthread_mutex_unlock(&lock);
  return kept != NULL;
}

/* --- asking */

struct query {
  uint8_t bytes[DNS_QUERY_MAXIMUM];
  size_t length;
};

static int dial(int type, uint32_t server, uint64_t patience) {
  struct sockaddr_in at = {
      .sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr = {server}};
  struct timeval time = {(time_t)(patience / 1000000), (suseconds_t)(patience % 1000000)};
  int fd = socket(AF_INET, type, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
  close(fd);
  return -1;
}

/* Over TCP each message is preceded by its length (RFC 1035 section 4.2.2). */
static enum dns_outcome ask_by_tcp(uint32_t server, const struct query *query,
                                   struct dns_answer *answer) {
  enum dns_outcome outcome = DNS_FAILED;
  uint8_t prefix[2] = {(uint8_t)(query->length >> 8), (uint8_t)query->length};
  uint8_t *bytes = NULL;
  int fd = dial(SOCK_STREAM, server, TCP_PATIENCE_US);
  if (fd < 0) return DNS_FAILED;
  if (send(fd, prefix, 2, MSG_MORE) == 2 &&
      send(fd, query->bytes, query->length, 0) == (ssize_t)query->length &&
      recv(fd, prefix, 2, MSG_WAITALL) == 2) {
    size_t length = (size_t)prefix[0] << 8 | prefix[1];
    bytes = malloc(length ? length : 1);
    if (bytes && recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length) {
      outcome = dns_read_answer(bytes, length, query->bytes, query->length, answer);
    }
  }
  free(bytes);
  close(fd);
  return outcome == DNS_TRUNCATED || outcome == DNS_FOREIGN ? DNS_FAILED : outcome;
}

/* DNS_FOREIGN: no answer came in time. */
static enum dns_outcome ask_by_udp(uint32_t server, const struct query *query, uint64_t patience,
                                   struct dns_answer *answer) {
  uint8_t bytes[ANSWER_MAXIMUM];
  uint64_t deadline = ilwaco_now_us() + patience;
  int fd = dial(SOCK_DGRAM, server, patience);
  if (fd < 0) return DNS_FAILED;
  enum dns_outcome outcome = DNS_FOREIGN;
  if (send(fd, query->bytes, query->length, 0) < 0) outcome = DNS_FAILED;
  while (outcome == DNS_FOREIGN && ilwaco_now_us() < deadline) {
    ssize_t length = recv(fd, bytes, sizeof bytes, 0);
    if (length < 0 && errno == ECONNREFUSED) outcome = DNS_FAILED;
    if (length < 0) break;
    outcome = dns_read_answer(bytes, (size_t)length, query->bytes, query->length, answer);
  }
  close(fd);
  return outcome;
}

static int servers(uint32_t list[SERVERS_MAXIMUM]) {
  const char *setting = ilwaco_setting("dns");
  int count = 0;
  if (setting && inet_pton(AF_INET, setting, &list[0]) == 1) count++;
  uint32_t given = DENALI_REGISTERS->nic_dns;
  if (given && !(count && list[0] == given)) list[count++] = given;
  return count;
}

static int ask(const char *name, struct dns_answer *answer) {
  uint32_t list[SERVERS_MAXIMUM];
  int count = servers(list), answered = 0;
  if (count == 0) return EAI_FAIL;
  for (int i = 0; i < TRIES; i++) {
    struct query query;
    query.length = dns_write_query(query.bytes, (uint16_t)ilwaco_random32(), name);
    if (query.length == 0) return EAI_NONAME;
    uint32_t server = list[i % count];
    enum dns_outcome outcome = ask_by_udp(server, &query, FIRST_PATIENCE_US << i / count, answer);
    if (outcome == DNS_TRUNCATED) outcome = ask_by_tcp(server, &query, answer);
    if (outcome == DNS_FOUND) return 0;
    if (outcome == DNS_NO_NAME) return EAI_NONAME;
    if (outcome == DNS_NO_ADDRESS) return EAI_NODATA;
    if (outcome == DNS_FAILED && ++answered >= count) return EAI_FAIL;
  }
  return EAI_AGAIN;
}

int resolver_lookup(const char *name, struct dns_answer *answer) {
  int result = network_start();
  if (result) {
    errno = result;
    return EAI_SYSTEM;
  }
  if (recall(name, &result, answer)) return result;
  memset(answer, 0, sizeof *answer);
  result = ask(name, answer);
  if (result == 0 || result == EAI_NONAME || result == EAI_NODATA) {
    pthread_mutex_lock(&lock);
    keep(name, result, answer);
    pthread_mutex_unlock(&lock);
  }
  return result;
}
