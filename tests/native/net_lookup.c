/*
 * A guest that learns its address by DHCP and looks names up: prints its address, and for each name in the
 * setting `names` (separated by commas) what getaddrinfo says; twice, so that the cache is used.
 */
#include <arpa/inet.h>
#include <ilwaco.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void print_address(void) {
  struct in_addr own = {DENALI_REGISTERS->nic_address};
  printf("address %s\n", inet_ntoa(own));
}

static void look_up(const char *name) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
  struct addrinfo *list = NULL;
  int error = getaddrinfo(name, "80", &hints, &list);
  int count = 0;
  for (struct addrinfo *i = list; i; i = i->ai_next) count++;
  if (error) {
    printf("%s: %s\n", name, gai_strerror(error));
  } else {
    struct sockaddr_in *at = (struct sockaddr_in *)list->ai_addr;
    printf("%s: %s of %d, %s\n", name, inet_ntoa(at->sin_addr), count, list->ai_canonname);
  }
  freeaddrinfo(list);
}

int main(void) {
  socket(AF_INET, SOCK_DGRAM, 0);
  print_address();
  for (int round = 0; round < 2; round++) {
    char *names = strdup(ilwaco_setting("names"));
    for (char *name = names, *next; name; name = next) {
      next = strchr(name, ',');
      if (next) *next++ = 0;
      look_up(name);
    }
    free(names);
  }
  return 0;
}
