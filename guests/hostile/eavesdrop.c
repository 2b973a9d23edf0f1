/*
 * Attack: take every frame that the NIC has, and say so of each unicast frame that is for somebody else.
 * A frame of ethertype 0x88b5 asks for the sums.
 * It must end as: still running, with "foreign 0".
 */
#include <stdio.h>
#include <unistd.h>

#include "ilwaco.h"

enum { MAC_BYTES = 6 };

static int is_for_us(const unsigned char *to) {
  for (int i = 0; i < MAC_BYTES; i++) {
    if (to[i] != DENALI_REGISTERS->nic_mac[i]) return 0;
  }
  return 1;
}

int main(void) {
  static unsigned char frame[DENALI_NIC_FRAME_MAXIMUM];
  unsigned own = 0, group = 0, foreign = 0;
  puts("listening");
  fflush(stdout);
  for (;;) {
    if (!ilwaco_ins(DENALI_PORT_NIC_RECEIVE, frame, sizeof frame)) {
      usleep(1000);
      continue;
    }
    if (frame[0] & 1) group++;
    else if (is_for_us(frame)) own++;
    else foreign++;
    if (frame[12] == 0x88 && frame[13] == 0xb5) {
      printf("own %u, group %u, foreign %u\n", own, group, foreign);
      fflush(stdout);
    }
  }
}
