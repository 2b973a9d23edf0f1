/*
 * Attack: never take a frame, so that its queue stays full.
 * It must end as: still running; what comes for it is dropped and counted, and costs nobody else.
 */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  puts("deaf");
  fflush(stdout);
  for (;;) usleep(1000000);
}
