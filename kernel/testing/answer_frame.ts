/** Guest code (kernel/testing/assemble.ts) that sends 60 bytes of the frame at 0x20000 back to its sender. */
export const ANSWER_FRAME = `mov eax, [0x20006]
  mov [0x20000], eax
  mov ax, [0x2000a]
  mov [0x20004], ax
  mov eax, [REG_nic_mac]
  mov [0x20006], eax
  mov ax, [REG_nic_mac + 4]
  mov [0x2000a], ax
  mov esi, 0x20000
  mov ecx, 60
  mov edx, PORT_NIC_SEND
  rep outsb`;
