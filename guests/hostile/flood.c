/*
 * Attack: send broadcast frames as fast as the virtual NIC takes them, for ever, half of them with
 * forged source addresses. It must end as: still running, forged frames dropped and counted, and
 * every other VM serving.
 */

#include <stddef.h>

#include "ilwaco.h"

enum { FRAME_BYTES = 1514 };

int main(void) {
  static unsigned char frame[FRAME_BYTES];
  for (int i = 0; i < 6; i++) {
    frame[i] = 0xff;
    frame[6 + i] = DENALI_REGISTERS->nic_mac[i];
  }
  frame[12] = 0x88; /* an EtherType for local experiments (IEEE 802a) */
  frame[13] = 0xb5;
  for (unsigned sequence = 0;; sequence++) {
    frame[6] = DENALI_REGISTERS->nic_mac[0] ^ (sequence & 1 ? 0x04 : 0);
    ilwaco_outs(DENALI_PORT_NIC_SEND, frame, sizeof frame);
  }
}
