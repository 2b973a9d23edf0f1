/*
 * The platform of whole emulated machines: a Multiboot kernel (Multiboot Specification 0.6.96) without
 * paging and interrupts, with x87 and SSE switched on (Intel SDM vol. 3, 13.1), and the serial port COM1
 * (PC16550D data sheet) polled.
 */

#define COM1 0x3f8

  .section .multiboot, "a"
  .align 4
  .long 0x1badb002, 0, -0x1badb002

  .text
  .globl _start, get, put
_start:
  cli
  mov $stack, %esp
  mov %cr0, %eax
  and $~0xc, %eax         /* EM and TS off */
  or $0x22, %eax          /* MP and NE on */
  mov %eax, %cr0
  mov %cr4, %eax
  or $0x600, %eax         /* OSFXSR and OSXMMEXCPT */
  mov %eax, %cr4
  fninit
  ldmxcsr mxcsr

  mov $COM1 + 3, %dx
  mov $0x03, %al          /* 8 bits, no parity, 1 stop bit */
  out %al, %dx
  mov $COM1 + 2, %dx
  mov $0x07, %al          /* FIFOs on and empty */
  out %al, %dx
  call serve
1:
  hlt
  jmp 1b

get:
  mov $COM1 + 5, %dx
1:
  in %dx, %al
  test $0x01, %al         /* data ready */
  jz 1b
  mov $COM1, %dx
  in %dx, %al
  movzbl %al, %eax
  ret

put:
  mov $COM1 + 5, %dx
1:
  in %dx, %al
  test $0x20, %al         /* transmitter empty */
  jz 1b
  mov $COM1, %dx
  mov 4(%esp), %eax
  out %al, %dx
  ret

  .data
mxcsr:
  .long 0x1f80

  .bss
  .align 16
  .skip 65536
stack:

  .section .note.GNU-stack, "", @progbits
