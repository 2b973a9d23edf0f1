/* Talks to the echo server at argv[1]:7 over TCP and prints what came back. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 50, MESSAGE_BYTES = 4000 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void exchange(int s, int round) {
  char out[MESSAGE_BYTES], in[MESSAGE_BYTES];
  for (int i = 0; i < MESSAGE_BYTES; i++) out[i] = (char)('a' + (i * 7 + round) % 26);
  for (int sent = 0; sent < MESSAGE_BYTES;) {
    long n = send(s, out + sent, MESSAGE_BYTES - sent, 0);
    if (n <= 0) fail("send");
    sent += n;
  }
  for (int have = 0; have < MESSAGE_BYTES;) {
    long n = recv(s, in + have, MESSAGE_BYTES - have, 0);
    if (n <= 0) fail("recv");
    have += n;
  }
  printf("round %d: %s\n", round, memcmp(in, out, MESSAGE_BYTES) ? "differs" : "same");
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "expected the address of an echo server as the only argument\n");
    return 2;
  }
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(7)};
  if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) fail(argv[1]);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (s < 0) fail("socket");
  if (connect(s, (struct sockaddr *)&peer, sizeof peer) < 0) fail("connect");
  for (int round = 0; round < ROUNDS; round++) exchange(s, round);
  close(s);
  return 0;
}
