/* A guest that gets documents, each on a connection of its own, prints how many bytes came (-1: not all), and
 * then does nothing. Its arguments are ADDRESS/PATH, without ADDRESS of 10.0.0.2. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long fetch(char *what) {
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(80)};
  static char block[16384];
  char *path = strchr(what, '/');
  server.sin_addr.s_addr = inet_addr("10.0.0.2");
  if (path != what) {
    *path = 0;
    server.sin_addr.s_addr = inet_addr(what);
    *path = '/';
  }
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0) return -1;
  int length = snprintf(block, sizeof block, "GET %s HTTP/1.0\r\n\r\n", path);
  if (send(fd, block, (size_t)length, 0) != length) return -1;
  long total = 0;
  ssize_t got;
  while ((got = recv(fd, block, sizeof block, 0)) > 0) total += got;
  close(fd);
  return got == 0 ? total : -1;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) printf("%ld\n", fetch(argv[i]));
  puts("done");
  for (;;) sleep(1000);
}
