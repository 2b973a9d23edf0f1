/* Names of hosts; see <netdb.h>: numeric addresses and ports only. */
#include <netdb.h>

#include <arpa/inet.h>
#include <stdlib.h>

struct answer {
  struct addrinfo info;
  struct sockaddr_in address;
};

static int parse_port(const char *text, uint16_t *port) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (end == text || *end || value > 65535) return 0;
  *port = htons((uint16_t)value);
  return 1;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  int flags = hints ? hints->ai_flags : 0;
  struct in_addr address = {flags & AI_PASSIVE ? INADDR_ANY : htonl(INADDR_LOOPBACK)};
  uint16_t port = 0;
  if (!node && !service) return EAI_NONAME;
  if (hints && hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET) return EAI_FAMILY;
  if (node && !inet_aton(node, &address)) return EAI_NONAME;
  if (service && !parse_port(service, &port)) return EAI_SERVICE;
  struct answer *answer = calloc(1, sizeof *answer);
  if (!answer) return EAI_MEMORY;
  answer->address.sin_family = AF_INET;
  answer->address.sin_addr = address;
  answer->address.sin_port = port;
  answer->info.ai_family = AF_INET;
  answer->info.ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
  answer->info.ai_protocol = hints ? hints->ai_protocol : 0;
  answer->info.ai_addrlen = sizeof answer->address;
  answer->info.ai_addr = (struct sockaddr *)&answer->address;
  *result = &answer->info;
  return 0;
}

void freeaddrinfo(struct addrinfo *list) { free(list); }

const char *gai_strerror(int code) {
  switch (code) {
    case EAI_NONAME:
      return "not a numeric IPv4 address; names are not resolved";
    case EAI_FAMILY:
      return "address family not supported: expected AF_INET";
    case EAI_SERVICE:
      return "not a port number from 0 to 65535";
    case EAI_MEMORY:
      return "out of memory";
    default:
      return "unknown error";
  }
}
