/*
 * Attack: frames that no honest driver sends. argv: WHAT COUNT TO, where TO is the address of a VM of a
 * network that begins at argv[4].
 *
 *   mac       from another MAC address           ip        IPv4 from another address
 *   arp-mac   ARP of another MAC address         arp-ip    ARP of another IPv4 address
 *   vlan      with a VLAN tag                    short     IPv4 that ends in its header
 *   runt      of 13 bytes                        oversize  of 1,515 bytes
 *
 * It must end as: code 0 with all frames dropped and counted, but runt and oversize, which the NIC
 * refuses by #GP.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ilwaco.h"

enum { MAC_BYTES = 6, RUNT = 13, ORDINARY = 60, OVERSIZE = 1515 };
enum { TYPE = 12, ARP_MAC = 22, ARP_IP = 28, IPV4_SOURCE = 26 };

static unsigned char frame[OVERSIZE];

static void set_type(unsigned type) {
  frame[TYPE] = (unsigned char)(type >> 8);
  frame[TYPE + 1] = (unsigned char)type;
}

static void put_own_mac(unsigned at) {
  for (int i = 0; i < MAC_BYTES; i++) frame[at + i] = DENALI_REGISTERS->nic_mac[i];
}

static void put_own_address(unsigned at) {
  uint32_t address = DENALI_REGISTERS->nic_address;
  memcpy(frame + at, &address, sizeof address);
}

static void set_mac(unsigned at, uint32_t number) {
  const unsigned char mac[] = {0x02, 0x44, 0x4e, number >> 16, number >> 8, number};
  memcpy(frame + at, mac, MAC_BYTES);
}

/* The bytes of the frame to send; 0: there is no such attack. */
static unsigned prepare(const char *what) {
  put_own_mac(MAC_BYTES);
  if (!strncmp(what, "arp", 3)) {
    static const unsigned char reply[] = {0, 1, 8, 0, 6, 4, 0, 2};
    set_type(0x0806);
    memcpy(frame + 14, reply, sizeof reply);
    put_own_mac(ARP_MAC);
    put_own_address(ARP_IP);
    frame[what[4] == 'm' ? ARP_MAC + 5 : ARP_IP + 3] ^= 0x40;
    return ORDINARY;
  }
  set_type(0x0800);
  frame[14] = 0x45;
  put_own_address(IPV4_SOURCE);
  if (!strcmp(what, "mac")) frame[MAC_BYTES + 5] ^= 0x40;
  else if (!strcmp(what, "ip")) frame[IPV4_SOURCE + 3] ^= 0x40;
  else if (!strcmp(what, "vlan")) set_type(0x8100);
  else if (!strcmp(what, "short")) return 14 + 10;
  else if (!strcmp(what, "runt")) return RUNT;
  else if (!strcmp(what, "oversize")) return OVERSIZE;
  else return 0;
  return ORDINARY;
}

int main(int argc, char **argv) {
  struct in_addr to, base;
  unsigned length = argc == 5 ? prepare(argv[1]) : 0;
  if (!length || inet_pton(AF_INET, argv[3], &to) != 1) return 2;
  if (inet_pton(AF_INET, argv[4], &base) != 1) return 2;
  set_mac(0, ntohl(to.s_addr) - ntohl(base.s_addr));
  for (long left = atol(argv[2]); left > 0;) {
    if (!ilwaco_outs(DENALI_PORT_NIC_SEND, frame, length)) left--;
  }
  puts("sent");
  return 0;
}
