import { assertEquals } from "@std/assert";
import { PAGE_SIZE } from "../cpu/engine.ts";
import { INTERRUPTS } from "./abi.ts";
import { createPool, FrameTable } from "./frames.ts";
import { Image } from "./image.ts";
import { Network } from "./network.ts";
import { executable } from "./testing/elf_builder.ts";
import { testKernel, testNetwork } from "./testing/test_kernel.ts";
import { SEND_UNTIL_REFUSED } from "./testing/send_until_refused.ts";
import type { Vm } from "./vm.ts";
import { buildVm } from "./vm_builder.ts";
import { checkSpec } from "./vm_spec.ts";

/** A network with VMs 1..count; `sent` holds the senders of the frames that left, in order. */
function setup(count: number) {
  const frames = new FrameTable(createPool(64 * PAGE_SIZE));
  const image = new Image("test", executable([0x90]), frames);
  const sent: number[] = [];
  const raised: string[] = [];
  const network = new Network({
    uplink: (frame) => sent.push(frame[11]) > 0,
    raise: (vm, bits) => raised.push(`${vm.id}: ${bits}`),
    received: (vm) => raised.push(`${vm.id}: ${INTERRUPTS.INTERRUPT_NIC_RECEIVE.value}`),
    wait() {},
    now: () => 0,
  });
  const vms: Vm[] = [];
  for (let id = 1; id <= count; id++) {
    const spec = { id, name: "vm", image, memory: 1 << 20, network: testNetwork(id) };
    const vm = buildVm(frames, spec, id, checkSpec(spec), network.createNic(), false, {
      room: () => 0,
      write() {},
    });
    network.attach(vm);
    vms.push(vm);
  }
  const send = (vm: Vm): boolean => {
    const frame = new Uint8Array(60);
    frame.set([2, 0, 0, 0, 0, 99, ...vm.mac, 0x88, 0xb5]);
    return network.send(vm, vm.nic!, frame);
  };
  return { network, vms, send, sent, raised };
}

Deno.test("frames of several senders leave in turns", () => {
  const { network, vms, send, sent } = setup(3);
  for (let i = 0; i < 3; i++) send(vms[0]);
  send(vms[1]);
  for (let i = 0; i < 2; i++) send(vms[2]);
  network.drain();
  assertEquals(sent, [1, 2, 3, 1, 3, 1]);
  network.drain();
  assertEquals(sent.length, 6);
  assertEquals(network.framesUp, 6);
});

Deno.test("a sender beyond its queue is refused and told once when there is room", () => {
  const { network, vms, send, sent, raised } = setup(1);
  let accepted = 0;
  while (send(vms[0])) accepted++;
  send(vms[0]);
  assertEquals(accepted, 64);
  network.drain();
  assertEquals(sent.length, 64);
  assertEquals(raised, [`1: ${INTERRUPTS.INTERRUPT_NIC_TRANSMIT.value}`]);
});

Deno.test("a VM that is detached has sent what it could, and sends and receives nothing more", () => {
  const { network, vms, send, sent } = setup(2);
  send(vms[0]);
  send(vms[0]);
  network.detach(vms[0]);
  network.drain();
  assertEquals(sent, [1, 1]);
  const frame = new Uint8Array(60);
  frame.set([...vms[1].mac, 2, 0, 0, 0, 0, 99, 0x88, 0xb5]);
  network.receive(frame);
  network.detach(vms[1]);
  assertEquals(network.pool.free, network.pool.slots);
});

Deno.test("a VM that ends while it waits for room to send takes no turn any more", async () => {
  const clock = { now: 0, monotonic: () => clock.now, wall: () => clock.now };
  const t = testKernel({ clock });
  const vm = await t.boot(
    `
${SEND_UNTIL_REFUSED}
  mov dword ptr [REG_interrupt_pending], 0
  mov eax, IDLE_FOREVER
  idle
  jmp next
  .data
frame: .byte 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0x88, 0xb5
  .fill 46`,
    { network: true, resources: { netFrames: { rate: 64, burst: 64 } } },
  );
  t.kernel.run(100_000);
  assertEquals([vm.state, vm.nic!.refused], ["idle", true]);
  // All of its frames may pass, but nobody has looked at the time yet.
  clock.now += 2_000_000;
  t.kernel.stop(vm);
  const { quanta } = vm;
  // Its frames are another VM's now.
  const other = await t.boot("_start: inc dword ptr [0x20000]\n jmp _start");
  t.kernel.run(100_000);
  assertEquals([vm.state, vm.queue, vm.quanta], ["stopped", null, quanta]);
  assertEquals(other.state, "running");
  assertEquals(t.kernel.stats().timers, 0);
  t.finish();
});
