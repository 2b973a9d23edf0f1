/* malloc under stress: contents survive, blocks do not overlap, memory comes back. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 200

static unsigned char *slots[SLOTS];
static size_t sizes[SLOTS];
static unsigned seed = 1;

static unsigned next(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }

static void stamp(unsigned slot) {
  for (size_t i = 0; i < sizes[slot]; i++) slots[slot][i] = (unsigned char)(slot * 31 + i * 7);
}

static int intact(unsigned slot, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (slots[slot][i] != (unsigned char)(slot * 31 + i * 7)) return 0;
  }
  return 1;
}

static size_t random_size(void) {
  unsigned kind = next() % 10;
  return kind < 6 ? next() % 100 : kind < 9 ? next() % 2000 : next() % 30000;
}

static int churn(int rounds) {
  int bad = 0;
  for (int round = 0; round < rounds; round++) {
    unsigned slot = next() % SLOTS;
    size_t size = random_size();
    switch (slots[slot] ? next() % 3 : 3 + next() % 3) {
      case 0:
      case 1:
        bad += !intact(slot, sizes[slot]);
        free(slots[slot]);
        slots[slot] = NULL;
        continue;
      case 2: {
        unsigned char *moved = realloc(slots[slot], size + 1);
        slots[slot] = moved;
        bad += !intact(slot, size < sizes[slot] ? size : sizes[slot]);
        break;
      }
      case 3: slots[slot] = malloc(size + 1); break;
      case 4:
        slots[slot] = calloc(size + 1, 1);
        for (size_t i = 0; i <= size; i++) bad += slots[slot][i] != 0;
        break;
      case 5:
        slots[slot] = aligned_alloc(64, (size + 64) & ~(size_t)63);
        bad += (uintptr_t)slots[slot] % 64 != 0;
        break;
    }
    bad += (uintptr_t)slots[slot] % 8 != 0;
    sizes[slot] = size + 1;
    stamp(slot);
  }
  return bad;
}

int main(void) {
  printf("churn: %d bad\n", churn(6000));
  for (unsigned slot = 0; slot < SLOTS; slot++) free(slots[slot]), slots[slot] = NULL;

  /* All is coalesced again: two thirds of what the heap can give fit in one block, many times. */
  for (int i = 0; i < 5; i++) {
    char *big = malloc(9 << 20);
    printf("big %d\n", big != NULL);
    if (big) big[0] = big[(9 << 20) - 1] = 1;
    free(big);
  }
  void *volatile huge = malloc((size_t)3 << 30), *volatile overflow =
                                                     calloc((size_t)1 << 20, (size_t)1 << 20);
  printf("too big %d %d\n", huge == NULL, overflow == NULL);
  void *aligned = NULL;
  printf("posix_memalign %d %d\n", posix_memalign(&aligned, 4096, 100),
         (int)((uintptr_t)aligned % 4096));
  free(aligned);
  free(NULL);
  char *text = realloc(NULL, 4);
  strcpy(text, "abc");
  text = realloc(text, 5000);
  puts(text);
  free(text);
  return 0;
}
