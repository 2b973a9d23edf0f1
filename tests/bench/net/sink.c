/* Takes UDP datagrams to port 9 and does nothing with them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
  static char datagram[2048];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return 1;
  for (;;) recv(fd, datagram, sizeof datagram, 0);
}
