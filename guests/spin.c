/* Computes for ever and never idles: what a scheduler has to live with. Says so once a second. */

#include <ilwaco.h>
#include <stdio.h>

int main(void) {
  uint64_t next = ilwaco_now_us();
  unsigned value = 1;
  for (unsigned seconds = 0;; seconds++, next += 1000000) {
    printf("spinning for %u s: %08x\n", seconds, value);
    while (ilwaco_now_us() < next + 1000000) {
      for (int i = 0; i < 10000; i++) value = value * 1664525u + 1013904223u;
    }
  }
}
