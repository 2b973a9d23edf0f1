import { assert, assertEquals } from "@std/assert";
import { FEATURES } from "./abi.ts";
import { type TestKernel, testKernel } from "./testing/test_kernel.ts";
import type { Vm } from "./vm.ts";
import { ANSWER_FRAME } from "./testing/answer_frame.ts";

const SPIN = "_start: inc eax\n jmp _start";

/** Takes one frame, counts it in EBX, and idles. */
const COUNT = `
_start: mov dword ptr [REG_interrupt_pending], 0
  mov edi, 0x20000
  mov ecx, 1514
  mov edx, PORT_NIC_RECEIVE
  rep insb
  cmp ecx, 1514
  je none
  inc ebx
  jmp _start
none: inc esi
  mov eax, IDLE_FOREVER
  idle
  jmp _start`;

/** Sends one frame to VM 1 and spins, counting in EBX. */
const SEND = `
_start: mov eax, [REG_nic_mac]
  mov [frame], eax
  mov [frame + 6], eax
  mov ax, [REG_nic_mac + 4]
  mov [frame + 10], ax
  mov word ptr [frame + 4], 0x0100
  mov esi, offset frame
  mov ecx, 60
  mov edx, PORT_NIC_SEND
  rep outsb
again: inc ebx
  jmp again
  .data
frame: .fill 12
  .byte 0x88, 0xb5
  .fill 60`;

function frameTo(vm: Vm): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([...vm.mac, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  return frame;
}

const frames = (t: TestKernel, vm: Vm) => t.kernel.report(vm).registers.ebx;

Deno.test("batched: frames wait until their VM is scheduled, and then come together", async () => {
  const t = testKernel();
  const vm = await t.boot(COUNT, { network: true });
  t.kernel.run(1000);
  const { quanta } = vm.stats;
  for (let i = 0; i < 10; i++) t.kernel.receive(frameTo(vm));
  assertEquals(frames(t, vm), 0);
  t.kernel.run(1000);
  assertEquals([frames(t, vm), vm.stats.quanta - quanta], [10, 1]);
  t.finish();
});

Deno.test("synchronous: each frame is a switch into its VM, at once", async () => {
  const t = testKernel({ mechanisms: { interrupts: "synchronous" } });
  const vm = await t.boot(COUNT, { network: true });
  const other = await t.boot(SPIN);
  t.kernel.run(100_000);
  const { quanta } = vm.stats;
  for (let i = 1; i <= 10; i++) {
    t.kernel.receive(frameTo(vm));
    assertEquals([frames(t, vm), vm.stats.quanta - quanta], [i, i]);
  }
  const before = vm.stats.instructions + other.stats.instructions;
  const budget = 100_000;
  assertEquals(t.kernel.run(budget), budget);
  // What the switches cost was owed.
  const done = vm.stats.instructions + other.stats.instructions - before;
  assert(done < budget && done > budget - 2000, `${done}`);
  t.finish();
});

Deno.test("synchronous: a frame between VMs switches in the middle of the sender's turn", async () => {
  for (const interrupts of ["batched", "synchronous"] as const) {
    const t = testKernel({ mechanisms: { interrupts } });
    const receiver = await t.boot(COUNT, { network: true });
    t.kernel.run(1000);
    const sender = await t.boot(SEND, { network: true });
    // Less than the sender's turn: only a switch lets the receiver run.
    t.kernel.run(150);
    assertEquals(frames(t, receiver), interrupts === "synchronous" ? 1 : 0, interrupts);
    t.kernel.run(100_000);
    assertEquals(frames(t, receiver), 1);
    assert(t.kernel.report(sender).registers.ebx > 100);
    t.finish();
  }
});

Deno.test("synchronous: two VMs that answer each other do not hold the kernel", async () => {
  const t = testKernel({ mechanisms: { interrupts: "synchronous" } });
  const bounce = COUNT.replace(
    "inc ebx",
    ANSWER_FRAME,
  );
  const a = await t.boot(bounce, { network: true });
  t.kernel.run(1000);
  const begin = SEND.replace("again: inc ebx\n  jmp again", bounce.replaceAll("_start", "serve"));
  const b = await t.boot(begin, { network: true });
  for (let i = 0; i < 10; i++) {
    assertEquals(t.kernel.run(100_000), 100_000);
    t.kernel.receive(frameTo(a));
  }
  assert(a.stats.framesIn > 1000 && b.stats.framesIn > 1000);
  t.finish();
});

Deno.test("spin: an idle VM keeps its place in the queue and runs on", async () => {
  const idles: number[] = [];
  for (const idle of ["timeout", "spin"] as const) {
    const t = testKernel({ mechanisms: { idle } });
    const vm = await t.boot(COUNT, { network: true });
    t.kernel.run(10_000);
    assertEquals(vm.state, idle === "spin" ? "running" : "idle");
    t.kernel.receive(frameTo(vm));
    t.kernel.run(10_000);
    assertEquals(frames(t, vm), 1, idle);
    idles.push(t.kernel.report(vm).registers.esi);
    t.finish();
  }
  assertEquals(idles[0], 2);
  assert(idles[1] > 300, `${idles[1]}`);
});

/** Waits for a frame, takes it and sends it back through registers; EBX counts the accesses. */
const REGISTERS = `
.macro port_out port, value
  mov edx, \\port
  mov eax, \\value
  out dx, eax
  inc ebx
.endm
.macro port_in port
  mov edx, \\port
  in eax, dx
  inc ebx
.endm
_start: mov eax, IDLE_FOREVER
  idle
  port_in PORT_NIC_FLAGS
  test eax, NIC_FLAG_RECEIVED
  jz failed
  port_out PORT_NIC_COMMAND, NIC_COMMAND_PAGE_1
  port_in PORT_NIC_PAGE
  mov ebp, eax
  port_out PORT_NIC_COMMAND, NIC_COMMAND_PAGE_0
  port_out PORT_NIC_ADDRESS_LOW, 0
  port_out PORT_NIC_ADDRESS_HIGH, ebp
  port_in PORT_NIC_COUNT_LOW
  mov ecx, eax
  port_in PORT_NIC_COUNT_HIGH
  shl eax, 8
  or ecx, eax
  mov [0x20000], ecx
  port_out PORT_NIC_COMMAND, NIC_COMMAND_READ
  mov edi, 0x21000
  mov edx, PORT_NIC_DATA
  rep insb
  inc ebx
  port_out PORT_NIC_FLAGS, NIC_FLAG_MOVED
  port_out PORT_NIC_PAGE, ebp
  mov [0x20004], ebx
  mov eax, [0x21006]
  mov [0x21000], eax
  mov ax, [0x2100a]
  mov [0x21004], ax
  mov eax, [REG_nic_mac]
  mov [0x21006], eax
  mov ax, [REG_nic_mac + 4]
  mov [0x2100a], ax
  port_in PORT_NIC_FLAGS
  test eax, NIC_FLAG_ROOM
  jz failed
  port_out PORT_NIC_COMMAND, NIC_COMMAND_PAGE_0
  port_out PORT_NIC_ADDRESS_LOW, 0
  port_out PORT_NIC_ADDRESS_HIGH, 0
  port_out PORT_NIC_COUNT_LOW, [0x20000]
  port_out PORT_NIC_COUNT_HIGH, [0x20001]
  port_out PORT_NIC_COMMAND, NIC_COMMAND_WRITE
  mov esi, 0x21000
  mov ecx, [0x20000]
  mov edx, PORT_NIC_DATA
  rep outsb
  inc ebx
  port_in PORT_NIC_FLAGS
  port_out PORT_NIC_FLAGS, NIC_FLAG_MOVED
  port_out PORT_NIC_PAGE, 0
  port_out PORT_NIC_COMMAND, NIC_COMMAND_SEND
  port_in PORT_NIC_STATUS
  mov ecx, [0x20004]
  mov edi, [REG_features]
  mov dword ptr [REG_interrupt_pending], 0
  mov eax, IDLE_FOREVER
  idle
failed: mov eax, 99
  terminate`;

Deno.test("pio12: a frame is received and sent with twelve accesses each", async () => {
  const t = testKernel({ mechanisms: { nic: "pio12" } });
  const vm = await t.boot(REGISTERS, { network: true });
  t.kernel.run(1000);
  const frame = frameTo(vm);
  frame[50] = 77;
  t.kernel.receive(frame);
  t.kernel.run(1000);
  const { registers: { ebx, ecx, edi } } = t.kernel.report(vm);
  assertEquals([vm.state, ecx, ebx], ["idle", 12, 25]);
  assertEquals(edi & FEATURES.FEATURE_NIC_REGISTERS.value, FEATURES.FEATURE_NIC_REGISTERS.value);
  assertEquals([t.uplinked.length, t.uplinked[0]?.[50]], [1, 77]);
  t.finish();
});

for (const nic of ["simple", "pio12"] as const) {
  Deno.test(`${nic}: the other kind of NIC is not there`, async () => {
    const t = testKernel({ mechanisms: { nic } });
    const port = nic === "simple" ? "PORT_NIC_DATA" : "PORT_NIC_SEND";
    const vm = await t.boot(
      `_start: mov esi, 0x20000\n mov edx, ${port}\n mov ecx, 60\n rep outsb\n terminate`,
      { network: true },
    );
    t.kernel.run(1000);
    assertEquals(vm.crash?.exception?.name, "#GP");
    t.finish();
  });
}
