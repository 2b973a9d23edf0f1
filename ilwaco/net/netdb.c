/* Names of hosts and services; see <netdb.h>. */
#include <netdb.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "network.h"
#include "resolver.h"

enum { FLAGS = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV | AI_ADDRCONFIG };

struct entry {
  struct addrinfo info;
  struct sockaddr_in address;
  char canonical[]; /* of the first entry */
};

static const struct {
  const char *name;
  uint16_t port;
} services[] = {{"echo", 7}, {"discard", 9}, {"ssh", 22}, {"telnet", 23}, {"domain", 53},
                {"http", 80}, {"ntp", 123}, {"https", 443}};

/* What each kind of socket is asked for by; a lookup without a type gives all of them. */
static const struct {
  int type, protocol;
} kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, IPPROTO_IP}};

static int parse_port(const char *text, int flags, uint16_t *port) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (end != text && !*end) {
    *port = htons((uint16_t)value);
    return value <= 65535;
  }
  for (size_t i = 0; !(flags & AI_NUMERICSERV) && i < sizeof services / sizeof *services; i++) {
    if (strcmp(services[i].name, text) == 0) {
      *port = htons(services[i].port);
      return 1;
    }
  }
  return 0;
}

static int is_own_name(const char *name) {
  char own[65];
  size_t i = 0;
  for (; i < sizeof own - 1 && DENALI_REGISTERS->vm_name[i]; i++) {
    own[i] = (char)DENALI_REGISTERS->vm_name[i];
  }
  own[i] = 0;
  return own[0] && strcasecmp(own, name) == 0 && network_address();
}

/* The addresses of a host, by number, by what every host knows (RFC 6761), or by DNS. */
static int resolve(const char *node, int flags, struct dns_answer *answer) {
  struct in_addr number;
  memset(answer, 0, sizeof *answer);
  answer->count = 1;
  if (!node) {
    answer->addresses[0] = flags & AI_PASSIVE ? INADDR_ANY : htonl(INADDR_LOOPBACK);
    return 0;
  }
  strncpy(answer->canonical, node, sizeof answer->canonical - 1);
  if (inet_aton(node, &number)) {
    answer->addresses[0] = number.s_addr;
    return 0;
  }
  if (flags & AI_NUMERICHOST) return EAI_NONAME;
  if (strcasecmp(node, "localhost") == 0) {
    answer->addresses[0] = htonl(INADDR_LOOPBACK);
    return 0;
  }
  if (is_own_name(node)) {
    answer->addresses[0] = network_address();
    return 0;
  }
  return resolver_lookup(node, answer);
}

static struct addrinfo *new_entry(uint32_t address, uint16_t port, int kind, const char *canonical) {
  size_t name = canonical ? strlen(canonical) + 1 : 0;
  struct entry *entry = calloc(1, sizeof *entry + name);
  if (!entry) return NULL;
  entry->address.sin_family = AF_INET;
  entry->address.sin_port = port;
  entry->address.sin_addr.s_addr = address;
  entry->info.ai_family = AF_INET;
  entry->info.ai_socktype = kinds[kind].type;
  entry->info.ai_protocol = kinds[kind].protocol;
  entry->info.ai_addrlen = sizeof entry->address;
  entry->info.ai_addr = (struct sockaddr *)&entry->address;
  if (canonical) entry->info.ai_canonname = memcpy(entry->canonical, canonical, name);
  return &entry->info;
}

static int is_wanted(int kind, const struct addrinfo *hints) {
  if (!hints) return 1;
  if (hints->ai_socktype && hints->ai_socktype != kinds[kind].type) return 0;
  return !hints->ai_protocol || hints->ai_protocol == kinds[kind].protocol ||
         kinds[kind].type == SOCK_RAW;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  int flags = hints ? hints->ai_flags : 0;
  uint16_t port = 0;
  struct dns_answer answer;
  if (!node && !service) return EAI_NONAME;
  if ((flags & ~FLAGS) || ((flags & AI_CANONNAME) && !node)) return EAI_BADFLAGS;
  if (hints && hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET) return EAI_FAMILY;
  if (service && !parse_port(service, flags, &port)) {
    return flags & AI_NUMERICSERV ? EAI_NONAME : EAI_SERVICE;
  }
  int error = resolve(node, flags, &answer);
  if (error) return error;
  struct addrinfo *first = NULL, **last = &first;
  for (int i = 0; i < answer.count; i++) {
    for (int kind = 0; kind < (int)(sizeof kinds / sizeof *kinds); kind++) {
      if (!is_wanted(kind, hints)) continue;
      const char *canonical = flags & AI_CANONNAME && !first ? answer.canonical : NULL;
      *last = new_entry(answer.addresses[i], port, kind, canonical);
      if (!*last) {
        freeaddrinfo(first);
        return EAI_MEMORY;
      }
      last = &(*last)->ai_next;
    }
  }
  if (!first) return EAI_SOCKTYPE;
  *result = first;
  return 0;
}

void freeaddrinfo(struct addrinfo *list) {
  while (list) {
    struct addrinfo *next = list->ai_next;
    free(list);
    list = next;
  }
}

int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
                char *service, socklen_t service_size, int flags) {
  struct sockaddr_in at;
  if (!address || length < sizeof at || address->sa_family != AF_INET) return EAI_FAMILY;
  if ((!host || !host_size) && (!service || !service_size)) return EAI_NONAME;
  if ((flags & NI_NAMEREQD) && host && host_size) return EAI_NONAME;
  memcpy(&at, address, sizeof at);
  if (host && host_size && !inet_ntop(AF_INET, &at.sin_addr, host, host_size)) return EAI_OVERFLOW;
  if (!service || !service_size) return 0;
  for (size_t i = 0; !(flags & NI_NUMERICSERV) && i < sizeof services / sizeof *services; i++) {
    if (htons(services[i].port) != at.sin_port) continue;
    return snprintf(service, service_size, "%s", services[i].name) < (int)service_size
               ? 0
               : EAI_OVERFLOW;
  }
  return snprintf(service, service_size, "%u", ntohs(at.sin_port)) < (int)service_size
             ? 0
             : EAI_OVERFLOW;
}

const char *gai_strerror(int code) {
  switch (code) {
    case EAI_BADFLAGS:
      return "unknown flags, or AI_CANONNAME without a name";
    case EAI_NONAME:
      return "no host has this name";
    case EAI_NODATA:
      return "the host has no IPv4 address";
    case EAI_AGAIN:
      return "no name server answered; try again later";
    case EAI_FAIL:
      return "there is no name server, or it failed";
    case EAI_FAMILY:
      return "address family not supported: expected AF_INET";
    case EAI_SOCKTYPE:
      return "the protocol does not go with the type of socket";
    case EAI_SERVICE:
      return "neither a port from 0 to 65535 nor a known service";
    case EAI_MEMORY:
      return "out of memory";
    case EAI_OVERFLOW:
      return "the buffer is too small";
    case EAI_SYSTEM:
      return "the network cannot be used; errno says why";
    default:
      return "unknown error";
  }
}
