/*
 * The only code that has to be assembler: the first instruction, the interrupt upcall and the switch
 * from one thread's stack to another's.
 *
 * An upcall may come between any two instructions, so it saves what the interrupted code may be
 * using. The handlers are compiled without FPU and SSE registers; only if another thread is to run
 * is that state saved as well, on the stack of the thread that loses the CPU.
 */

  .text

/* Denali starts here: ESP = memory_size, all else 0, interrupts disabled. */
  .globl _start
  .type _start, @function
_start:
  xorl %ebp, %ebp
  andl $-16, %esp
  call ilwaco_boot
  ud2
  .size _start, . - _start

/* On the stack: EIP, CS, EFLAGS of the interrupted code. Interrupts are disabled. */
  .globl ilwaco_upcall
  .type ilwaco_upcall, @function
ilwaco_upcall:
  pushal
  cld
  movl %esp, %ebp
  andl $-16, %esp
  call ilwaco_interrupts_dispatch
  testl %eax, %eax
  jz 1f
  subl $512, %esp
  fxsave (%esp)
  fninit
  call ilwaco_yield_disabled
  fxrstor (%esp)
1:
  movl %ebp, %esp
  popal
  .globl ilwaco_upcall_return
ilwaco_upcall_return:
  iret
  .size ilwaco_upcall, . - ilwaco_upcall

/*
 * void ilwaco_switch(uint32_t *from_esp, uint32_t to_esp)
 * A thread that does not run has on its stack: MXCSR, x87 control word, EDI, ESI, EBX, EBP, EIP.
 */
  .section .text.ilwaco_switch, "ax", @progbits
  .globl ilwaco_switch
  .type ilwaco_switch, @function
ilwaco_switch:
  movl 4(%esp), %eax
  movl 8(%esp), %edx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  subl $8, %esp
  fnstcw 4(%esp)
  stmxcsr (%esp)
  movl %esp, (%eax)
  movl %edx, %esp
  ldmxcsr (%esp)
  fldcw 4(%esp)
  addl $8, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret
  .size ilwaco_switch, . - ilwaco_switch

/* Where ilwaco_switch returns to in a new thread: EBX = thread. */
  .section .text.ilwaco_thread_entry, "ax", @progbits
  .globl ilwaco_thread_entry
  .type ilwaco_thread_entry, @function
ilwaco_thread_entry:
  xorl %ebp, %ebp
  subl $12, %esp
  pushl %ebx
  call ilwaco_thread_main
  ud2
  .size ilwaco_thread_entry, . - ilwaco_thread_entry

  .section .note.GNU-stack, "", @progbits
