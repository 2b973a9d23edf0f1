/*
 * Attack: send frames as fast as the virtual NIC takes them, for ever. argv[1] says to whom:
 *   broadcast  to everybody, every other frame with a forged source address
 *   gateway    to the gateway, which all other VMs share
 *   A.B.C.D    to the VM of that address
 * It must end as: still running, forged frames and storms dropped and counted, and every other VM
 * serving.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ilwaco.h"

enum { FRAME_BYTES = 1514, MAC_BYTES = 6 };

static const unsigned char gateway_mac[MAC_BYTES] = {0x02, 0x44, 0x4e, 0xff, 0xff, 0x01};

/* The kernel derives a VM's MAC address from its number, and the default network its address. */
static void vm_mac(unsigned char mac[MAC_BYTES], struct in_addr address) {
  unsigned number = ntohl(address.s_addr) - 0x0a000001;
  const unsigned char bytes[] = {0x02, 0x44, 0x4e, number >> 16, number >> 8, number};
  memcpy(mac, bytes, MAC_BYTES);
}

int main(int argc, char **argv) {
  static unsigned char frame[FRAME_BYTES];
  const char *target = argc > 1 ? argv[1] : "broadcast";
  unsigned char forged = 0;
  struct in_addr address;
  if (!strcmp(target, "gateway")) {
    memcpy(frame, gateway_mac, MAC_BYTES);
  } else if (inet_pton(AF_INET, target, &address) == 1) {
    vm_mac(frame, address);
  } else {
    memset(frame, 0xff, MAC_BYTES);
    forged = 0x04;
  }
  for (int i = 0; i < MAC_BYTES; i++) frame[MAC_BYTES + i] = DENALI_REGISTERS->nic_mac[i];
  frame[12] = 0x88; /* an EtherType for local experiments (IEEE 802) */
  frame[13] = 0xb5;
  for (unsigned sequence = 0;; sequence++) {
    if (sequence & 1) frame[MAC_BYTES] ^= forged;
    ilwaco_outs(DENALI_PORT_NIC_SEND, frame, sizeof frame);
  }
}
