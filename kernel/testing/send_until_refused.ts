/**
 * The beginning of a guest that sends the 60 bytes at its label `frame`, with its own address as the source, until
 * the NIC has no room; what it does then is the caller's, and `next` is where it sends on.
 */
export const SEND_UNTIL_REFUSED = `\
_start: mov esi, REG_nic_mac
  mov edi, offset frame + 6
  movsd
  movsw
next: mov ecx, 60
  mov esi, offset frame
  mov edx, PORT_NIC_SEND
  rep outsb
  test ecx, ecx
  jz next`;
