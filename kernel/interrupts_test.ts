import { assert, assertEquals } from "@std/assert";
import { type BootOptions, testKernel } from "./testing/test_kernel.ts";

/** Runs a guest to its end and returns what it left. */
async function run(source: string, options?: BootOptions) {
  const t = testKernel();
  const vm = await t.boot(source, options);
  t.kernel.run(1_000_000);
  const report = t.kernel.report(vm);
  const { exceptions, interrupts } = vm.stats;
  t.finish();
  return { report, ...report.registers, exceptions, interrupts, reason: report.reason };
}

Deno.test("an exception calls its handler with EFLAGS, CS and EIP on the stack", async () => {
  const { reason, ebx, ecx, edx, esi, edi, esp } = await run(`
_start: mov dword ptr [REG_exception_handler], offset handler
  mov dword ptr [REG_interrupt_enable], 1
  stc
fault: mov eax, [0xdead0000]
  terminate
handler: pop ebx
  pop ecx
  pop edx
  mov esi, [REG_exception_address]
  mov edi, [REG_exception_vector]
  shl edi, 8
  or edi, [REG_exception_error]
  mov eax, [REG_interrupt_enable]
  sub ebx, offset fault
  terminate`);
  assertEquals(reason, "ended with code 0");
  assertEquals(ebx, 0);
  assertEquals(ecx, 0x23);
  assertEquals(edx & 0x201, 0x201);
  assertEquals(esi, 0xdead0000);
  assertEquals(edi, 14 << 8 | 4);
  assertEquals(esp, 1 << 20);
});

Deno.test("IRET goes back to where the exception was, with the flags it had", async () => {
  const { reason, exceptions, ebx, ecx } = await run(`
_start: mov dword ptr [REG_exception_handler], offset handler
  mov ecx, 0
  mov dword ptr [REG_interrupt_enable], 1
  stc
  mov ebx, [ecx]
  jnc wrong
  mov eax, [REG_interrupt_enable]
  terminate
handler: clc
  mov ecx, offset value
  iret
wrong: mov eax, 9
  terminate
  .data
value: .long 1234`);
  assertEquals(reason, "ended with code 1");
  assertEquals(ebx, 1234);
  assertEquals(exceptions, 1);
  assert(ecx > 0x10000);
});

const EXCEPTIONS: [string, number, number, string][] = [
  ["division by zero", 0, 0, "xor ecx, ecx\n div ecx"],
  ["int3", 3, 0, "int3"],
  ["ud2", 6, 0, "ud2"],
  ["hlt", 13, 0, "hlt"],
  ["an unknown port", 13, 0, "mov edx, 0x3f8\n in eax, dx"],
  ["a byte from a word port", 13, 0, "mov edx, PORT_KEYBOARD_STATUS\n in al, dx"],
  ["a word to a buffer port", 13, 0, "mov edx, PORT_CONSOLE_WRITE\n out dx, eax"],
  ["a buffer to a word port", 13, 0, "mov edx, PORT_CLOCK\n mov ecx, 1\n rep outsb"],
  ["dwords to a buffer port", 13, 0, "mov edx, PORT_CONSOLE_WRITE\n mov ecx, 1\n rep outsd"],
  ["the direction flag", 13, 0, "std\n mov edx, PORT_CONSOLE_WRITE\n mov ecx, 1\n rep outsb"],
  ["a NIC without a network", 13, 0, "mov edx, PORT_NIC_STATUS\n in eax, dx"],
  ["a write to the null page", 14, 6, "mov [8], eax"],
  ["a read beyond memory", 14, 4, "mov esi, [REG_memory_size]\n mov eax, [esi]"],
  ["code beyond memory", 14, 4, "mov esi, [REG_memory_size]\n jmp esi"],
  ["an IRET beyond the stack", 14, 4, "mov esp, [REG_memory_size]\n sub esp, 4\n iret\n"],
  ["an IRET to another CS", 13, 0x30, "push 0\n push 0x33\n push 0\n iret"],
];

for (const [what, vector, error, code] of EXCEPTIONS) {
  Deno.test(`${what} raises exception ${vector} and the guest may go on`, async () => {
    const { report, ebx, exceptions } = await run(`
_start: mov dword ptr [REG_exception_handler], offset handler
  ${code}
  mov eax, 77
  terminate
handler: mov esp, 0x80000
  mov eax, [REG_exception_vector]
  mov ebx, [REG_exception_error]
  terminate`);
    assertEquals(report.code, vector, report.reason);
    assertEquals(ebx, error);
    assertEquals(exceptions, 1);
  });

  Deno.test(`${what} without a handler ends the VM with a report`, async () => {
    const { report } = await run(`_start: nop\n ${code}\n mov eax, 77\n terminate`);
    assertEquals(report.state, "crashed");
    assertEquals(report.exception?.vector, vector);
    assertEquals(report.exception?.error, error);
  });
}

Deno.test("a buffer that ends in unmapped memory faults at its first bad byte", async () => {
  const t = testKernel();
  const vm = await t.boot(`
_start: mov esi, [REG_memory_size]
  sub esi, 4
  mov dword ptr [esi], 0x64636261
  mov ecx, 1000000
  mov edx, PORT_CONSOLE_WRITE
  rep outsb`);
  t.kernel.run(1_000_000);
  assertEquals(t.consoles.get(1), "abcd");
  assertEquals(vm.crash?.exception, { vector: 14, name: "#PF", error: 4, address: 1 << 20 });
  assertEquals(vm.crash?.registers.esi, 1 << 20);
  assertEquals(vm.crash?.registers.ecx, 1000000 - 4);
  t.finish();
});

Deno.test("a frame that cannot be read whole is not sent, one that cannot be stored not taken", async () => {
  const t = testKernel();
  const vm = await t.boot(
    `
_start: mov esp, 0x80000
  mov dword ptr [REG_exception_handler], offset sent
  mov esi, [REG_memory_size]
  sub esi, 59
  mov ecx, 60
  mov edx, PORT_NIC_SEND
  rep outsb
sent: mov dword ptr [REG_exception_handler], offset received
  mov eax, IDLE_FOREVER
  idle
  mov edi, [REG_memory_size]
  sub edi, 20
  mov ecx, 60
  mov edx, PORT_NIC_RECEIVE
  rep insb
received: mov ebx, [edi]
  mov edx, PORT_NIC_STATUS
  in eax, dx
  terminate`,
    { network: true },
  );
  t.kernel.run(10_000);
  const frame = new Uint8Array(60).fill(1);
  frame.set([...vm.mac, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  t.kernel.receive(frame);
  t.kernel.run(10_000);
  assertEquals(vm.exitCode, 1);
  assertEquals(vm.stats.exceptions, 2);
  assertEquals(vm.stats.framesOut, 0);
  const { ebx, ecx } = t.kernel.report(vm).registers;
  assertEquals([ebx, ecx], [0, 60]);
  t.finish();
});

Deno.test("a frame longer than the buffer is cut off, and ECX says what was moved", async () => {
  const t = testKernel();
  const vm = await t.boot(
    `
_start: mov eax, IDLE_FOREVER
  idle
  mov edi, 0x20000
  mov ecx, 20
  mov edx, PORT_NIC_RECEIVE
  rep insb
  mov ebx, ecx
  mov ecx, 2000
  rep insb
  mov esi, ecx
  mov ecx, 2000
  rep insb
  terminate`,
    { network: true },
  );
  t.kernel.run(1000);
  for (const size of [60, 1514]) {
    const frame = new Uint8Array(size);
    frame.set([...vm.mac, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
    t.kernel.receive(frame);
  }
  t.kernel.run(1000);
  const { ebx, ecx, esi, edi } = t.kernel.report(vm).registers;
  assertEquals([ebx, esi, ecx, edi], [0, 2000 - 1514, 2000, 0x20000 + 20 + 1514]);
  t.finish();
});

Deno.test("interrupts come in one upcall and wait while they are disabled", async () => {
  const t = testKernel();
  const vm = await t.boot(
    `
_start: mov dword ptr [REG_interrupt_handler], offset handler
again: mov eax, IDLE_FOREVER
  idle
  inc dword ptr [idles]
  cmp dword ptr [idles], 3
  jb again
  mov dword ptr [REG_interrupt_enable], 1
  mov eax, IDLE_FOREVER
  idle
  mov eax, [REG_interrupt_enable]
  mov ebx, [pending]
  mov ecx, [calls]
  terminate
handler: inc dword ptr [calls]
  xor eax, eax
  xchg eax, [REG_interrupt_pending]
  or [pending], eax
  iret
  .data
idles: .long 0
pending: .long 0
calls: .long 0`,
    { network: true },
  );
  t.kernel.run(1000);
  assertEquals(vm.state, "idle");
  t.kernel.keyboard(vm, Uint8Array.of(1));
  t.kernel.shutdown(vm);
  t.kernel.run(1000);
  assertEquals(vm.exitCode, 1);
  const { ebx, ecx } = t.kernel.report(vm).registers;
  assertEquals(ebx, 1 << 1 | 1 << 5);
  assertEquals(ecx, 1);
  t.finish();
});

Deno.test("a guest that never clears an interrupt is still given turns", async () => {
  const t = testKernel({ quantum: 1000 });
  const vm = await t.boot(`
_start: mov dword ptr [REG_interrupt_handler], offset handler
  mov dword ptr [REG_interrupt_pending], 1
  mov dword ptr [REG_interrupt_enable], 1
spin: inc dword ptr [0x20000]
  jmp spin
handler: iret`);
  t.kernel.run(100_000);
  assertEquals(vm.state, "running");
  assertEquals(vm.stats.interrupts, 99);
  t.finish();
});
