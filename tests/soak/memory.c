/*
 * A guest that trusts no byte of its memory: every word of every page has a value of its own, which is
 * checked before it is replaced. With a network it also sends datagrams to VMs that were made about when it
 * was, living or not, and checks what comes from them. Arguments: pages, microseconds of sleep between
 * rounds, rounds (0: for ever), seed. Ends with 1 and says which word was wrong.
 */

#include <denali.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS 1024
#define PORT 7
#define DATAGRAM_WORDS 256
/* VMs before and after this one that get datagrams. */
#define NEIGHBOURS 24

static uint32_t seed;
static uint32_t *memory, *versions;

static uint32_t next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

/* What the word at an index of a page holds in a version of that page. */
static uint32_t value(uint32_t page, uint32_t version, uint32_t index, uint32_t salt) {
  uint32_t x = page * 0x9e3779b1u ^ version * 0x85ebca6bu ^ index * 0xc2b2ae35u ^ salt;
  return x ^ x >> 15;
}

static uint32_t number(int argc, char **argv, int index, uint32_t otherwise) {
  return argc > index ? (uint32_t)strtoul(argv[index], 0, 0) : otherwise;
}

/* Checks some neighbouring pages, and gives half of them another version. */
static bool check_pages(uint32_t pages, uint32_t salt) {
  uint32_t page = next_random() % pages, run = 1 + next_random() % 16;
  for (; run > 0 && page < pages; run--, page++) {
    uint32_t old = versions[page], write = next_random() & 1;
    for (uint32_t i = 0; i < WORDS; i++) {
      uint32_t *word = &memory[page * WORDS + i], expected = value(page, old, i, salt);
      if (*word != expected) {
        printf("wrong: page %u word %u at %p: expected %08x, got %08x\n", (unsigned)page, (unsigned)i,
               (void *)word, (unsigned)expected, (unsigned)*word);
        return false;
      }
      if (write) *word = value(page, old + 1, i, salt);
    }
    versions[page] += write;
  }
  return true;
}

/* Sends a datagram whose first word tells the others. */
static void send_one(int udp) {
  uint32_t words[DATAGRAM_WORDS], count = 1 + next_random() % DATAGRAM_WORDS;
  uint32_t own = ntohl(DENALI_REGISTERS->nic_address);
  uint32_t to = own - NEIGHBOURS + next_random() % (2 * NEIGHBOURS + 1);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(to)}};
  words[0] = next_random();
  for (uint32_t i = 1; i < count; i++) words[i] = value(count, 0, i, words[0]);
  sendto(udp, words, count * sizeof *words, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address);
}

static bool check_received(int udp) {
  uint32_t words[DATAGRAM_WORDS];
  for (ssize_t bytes; (bytes = recv(udp, words, sizeof words, MSG_DONTWAIT)) > 0;) {
    uint32_t count = (uint32_t)bytes / sizeof *words;
    for (uint32_t i = 1; i < count; i++) {
      if (words[i] == value(count, 0, i, words[0])) continue;
      printf("wrong: word %u of %u in a datagram\n", (unsigned)i, (unsigned)count);
      return false;
    }
  }
  return true;
}

static int open_port(void) {
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  return udp >= 0 && bind(udp, (struct sockaddr *)&any, sizeof any) == 0 ? udp : -1;
}

int main(int argc, char **argv) {
  uint32_t pages = number(argc, argv, 1, 64);
  uint32_t pause = number(argc, argv, 2, 0);
  uint32_t rounds = number(argc, argv, 3, 0);
  uint32_t salt = number(argc, argv, 4, 1);
  int udp = DENALI_REGISTERS->nic_address ? open_port() : -1;
  seed = salt | 1;
  memory = malloc(pages * WORDS * sizeof *memory);
  versions = calloc(pages, sizeof *versions);
  if (!memory || !versions) {
    printf("no memory for %u pages\n", (unsigned)pages);
    return 2;
  }
  for (uint32_t page = 0; page < pages; page++)
    for (uint32_t i = 0; i < WORDS; i++) memory[page * WORDS + i] = value(page, 0, i, salt);
  for (uint32_t round = 0; rounds == 0 || round < rounds; round++) {
    if (!check_pages(pages, salt)) return 1;
    if (udp >= 0) send_one(udp);
    /* Not each round, so that some wait in the kernel while this VM leaves memory, is paused or killed. */
    if (udp >= 0 && next_random() % 8 == 0 && !check_received(udp)) return 1;
    if (pause) usleep(pause);
  }
  return 0;
}
