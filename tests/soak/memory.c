/*
 * A guest that trusts no byte of its memory: every word of every page has a value of its own, which is
 * checked before it is replaced. Arguments: pages, microseconds of sleep between rounds, rounds (0: for
 * ever), seed. Ends with 1 and says which word was wrong.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORDS 1024

static uint32_t seed;

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

int main(int argc, char **argv) {
  uint32_t pages = number(argc, argv, 1, 64);
  uint32_t pause = number(argc, argv, 2, 0);
  uint32_t rounds = number(argc, argv, 3, 0);
  uint32_t salt = number(argc, argv, 4, 1);
  seed = salt | 1;
  uint32_t *memory = malloc(pages * WORDS * sizeof(uint32_t));
  uint32_t *versions = calloc(pages, sizeof(uint32_t));
  if (!memory || !versions) {
    printf("no memory for %u pages\n", (unsigned)pages);
    return 2;
  }
  for (uint32_t page = 0; page < pages; page++)
    for (uint32_t i = 0; i < WORDS; i++) memory[page * WORDS + i] = value(page, 0, i, salt);
  for (uint32_t round = 0; rounds == 0 || round < rounds; round++) {
    uint32_t page = next_random() % pages, run = 1 + next_random() % 16;
    for (; run > 0 && page < pages; run--, page++) {
      uint32_t old = versions[page], write = next_random() & 1;
      for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t *word = &memory[page * WORDS + i], expected = value(page, old, i, salt);
        if (*word != expected) {
          printf("wrong: page %u word %u at %p: expected %08x, got %08x\n", (unsigned)page, (unsigned)i,
                 (void *)word, (unsigned)expected, (unsigned)*word);
          return 1;
        }
        if (write) *word = value(page, old + 1, i, salt);
      }
      versions[page] += write;
    }
    if (pause) usleep(pause);
  }
  return 0;
}
