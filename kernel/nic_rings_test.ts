import { assert, assertEquals } from "@std/assert";
import { OFFLOAD_PARTIAL } from "../devices/offload.ts";
import { checksumsHold, tcpFields, tcpFrame, udpFrame } from "../devices/testing/packets.ts";
import { writeVirtioHeader } from "../devices/virtio_header.ts";
import { CONSTANTS, INTERRUPTS, PORTS } from "./abi.ts";
import { POOL, swapKernel } from "./testing/swap_kernel.ts";
import {
  bytesAt,
  type Descriptor,
  interruptsSeen,
  operate,
  operations,
  putFrame,
  putRing,
  RING_GUEST,
  ringState,
} from "./testing/ring_guest.ts";
import { type TestKernel, testKernel } from "./testing/test_kernel.ts";
import type { Vm } from "./vm.ts";

const SEND = PORTS.PORT_NIC_RING_SEND.value, RECEIVE = PORTS.PORT_NIC_RING_RECEIVE.value;
const OFFLOAD = PORTS.PORT_NIC_OFFLOAD.value;
const RING = 0x30000, BUFFERS = 0x40000;
const MORE = CONSTANTS.NIC_DESCRIPTOR_MORE.value;
const WORLD = Uint8Array.of(2, 0, 0, 0, 0, 99);

/** A kernel with `count` guests that wait for what to do. */
async function setup(count = 1, t: TestKernel = testKernel()) {
  const vms: Vm[] = [];
  for (let i = 0; i < count; i++) vms.push(await t.boot(RING_GUEST, { network: true }));
  t.kernel.run(1000);
  const perform = (vm: Vm, port: number, value: number) => {
    const before = operations(vm);
    operate(vm, port, value);
    for (let i = 0; i < 200 && vm.active && operations(vm) === before; i++) t.kernel.run(5000);
    return vm.active && operations(vm) > before;
  };
  return { t, vms, vm: vms[0], perform };
}

/** A frame of the VM to the world. */
function frameOf(vm: Vm, mark: number, length = 60): Uint8Array {
  const frame = new Uint8Array(length).fill(mark);
  frame.set([...WORLD, ...vm.mac, 0x88, 0xb5]);
  return frame;
}

/** A large segment from one VM to another or to the world, and its header. */
function largeOf(vm: Vm, to: Uint8Array, payload: number, size = 1448) {
  const frame = tcpFrame({
    payload: Uint8Array.from({ length: payload }, (_, i) => i * 13 >> 3),
    from: vm.mac,
    to,
    source: vm.network!.address,
  });
  const header = new Uint8Array(10);
  writeVirtioHeader(header, frame, OFFLOAD_PARTIAL | size);
  return { frame, header };
}

Deno.test("many frames are sent by one operation, whole or in pieces, in order", async () => {
  const { t, vm, perform } = await setup();
  const descriptors: Descriptor[] = [];
  for (let i = 0; i < 10; i++) {
    descriptors.push(putFrame(vm, BUFFERS + i * 2048, frameOf(vm, i, 60 + i)));
  }
  // Number 10 in three pieces, one of them empty, over the end of the ring.
  const { address, length } = putFrame(vm, BUFFERS + 0x8ffa, frameOf(vm, 10, 1514));
  descriptors.push({ address, length: 11, flags: MORE }, { address, length: 0, flags: MORE }, {
    address: address + 11,
    length: length - 11,
  });
  putRing(vm, RING, descriptors, { head: 0xfffffffb });
  assert(perform(vm, SEND, RING));
  assertEquals(ringState(vm, RING), { head: 8, wanted: 0 });
  assertEquals(t.uplinked.map((frame) => [frame[20], frame.length]), [
    ...Array.from({ length: 10 }, (_, i) => [i, 60 + i]),
    [10, 1514],
  ]);
  assertEquals(t.uplinked[10], frameOf(vm, 10, 1514));
  t.finish();
});

Deno.test("many frames are received by one operation, and the ring tells what waits", async () => {
  const { t, vm, perform } = await setup();
  const buffers = Array.from({ length: 4 }, (_, i) => ({
    address: BUFFERS + i * 2048 + 4090,
    length: 2048,
  }));
  putRing(vm, RING, buffers, { size: 8, head: 6 });
  assert(perform(vm, RECEIVE, RING));
  assertEquals(ringState(vm, RING), { head: 6, wanted: 0 });
  const frames = Array.from({ length: 5 }, (_, i) => {
    const frame = new Uint8Array(100 + i).fill(i);
    frame.set([...vm.mac, ...WORLD, 0x88, 0xb5]);
    return frame;
  });
  for (const frame of frames) t.kernel.receive(frame);
  assert(perform(vm, RECEIVE, RING));
  assertEquals(ringState(vm, RING), { head: 10, wanted: 114 });
  buffers.forEach(({ address }, i) => {
    assertEquals(bytesAt(vm, address, 110 + i), Uint8Array.of(...new Uint8Array(10), ...frames[i]));
    const used = RING + 16 + ((6 + i) & 7) * 16 + 12;
    assertEquals(bytesAt(vm, used, 4), Uint8Array.of(110 + i, 0, 0, 0));
  });
  // A buffer that is too small is left alone, and the frame stays.
  putRing(vm, RING, [{ address: BUFFERS, length: 113 }]);
  assert(perform(vm, RECEIVE, RING));
  assertEquals(ringState(vm, RING), { head: 0, wanted: 114 });
  putRing(vm, RING, [{ address: BUFFERS, length: 114 }]);
  assert(perform(vm, RECEIVE, RING));
  assertEquals(ringState(vm, RING), { head: 1, wanted: 0 });
  assertEquals(vm.nic!.receiveQueue.size, 0);
  t.finish();
});

Deno.test("what finds no room in the send queue stays in the ring, and the guest hears of room", async () => {
  const { t, vm, perform } = await setup();
  const one = putFrame(vm, BUFFERS, frameOf(vm, 1));
  putRing(vm, RING, new Array(100).fill(one), { size: 128 });
  assert(perform(vm, SEND, RING));
  assertEquals(ringState(vm, RING).head, 64);
  assert((interruptsSeen(vm) & INTERRUPTS.INTERRUPT_NIC_TRANSMIT.value) !== 0);
  assert(perform(vm, SEND, RING));
  assertEquals(ringState(vm, RING).head, 100);
  assertEquals(t.uplinked.length, 100);
  t.finish();
});

Deno.test("a large segment reaches a guest that takes it whole, and any other one as frames", async () => {
  const { t, vms: [a, b], perform } = await setup(2);
  const { frame, header } = largeOf(a, b.mac, 60_000);
  putRing(a, RING, [putFrame(a, BUFFERS, frame, header)]);
  assert(perform(b, OFFLOAD, 3));
  assert(perform(a, SEND, RING));
  assertEquals(b.nic!.receiveQueue.size, 1);
  putRing(b, RING, [{ address: BUFFERS, length: 2048 }]);
  assert(perform(b, RECEIVE, RING));
  assertEquals(ringState(b, RING), { head: 0, wanted: 10 + frame.length });
  putRing(b, RING, [{ address: BUFFERS, length: 70_000 }]);
  assert(perform(b, RECEIVE, RING));
  assertEquals(bytesAt(b, BUFFERS, 10), header);
  assertEquals(bytesAt(b, BUFFERS + 10, frame.length), frame);

  for (const takes of [0, 1]) {
    assert(perform(b, OFFLOAD, takes));
    putRing(a, RING, [putFrame(a, BUFFERS, frame, header)]);
    assert(perform(a, SEND, RING));
    assertEquals(b.nic!.receiveQueue.size, Math.ceil(60_000 / 1448));
    let got = 0;
    for (let one; (one = b.nic!.receiveQueue.peek()) !== null; b.nic!.receiveQueue.drop()) {
      assert(checksumsHold(one));
      assertEquals(tcpFields(one).source, a.network!.address);
      got += tcpFields(one).payload.length;
    }
    assertEquals(got, 60_000);
  }
  // To an uplink that takes nothing it goes as frames, too.
  const up = largeOf(a, WORLD, 3000);
  putRing(a, RING, [putFrame(a, BUFFERS, up.frame, up.header)]);
  assert(perform(a, SEND, RING));
  assertEquals(t.uplinked.map((one) => one.length), [66 + 1448, 66 + 1448, 66 + 104]);
  assert(t.uplinked.every(checksumsHold));
  t.finish();
  assertEquals([a.nic!.receiveQueue.pool.free, a.nic!.receiveQueue.pool.freeLarge], [16_384, 128]);
});

Deno.test("a frame whose header does not fit it is dropped and counted, and the ring goes on", async () => {
  const { t, vm, perform } = await setup();
  const { frame, header } = largeOf(vm, WORLD, 1000, 500);
  const spoof = largeOf(vm, WORLD, 3000);
  spoof.frame[29] ^= 1;
  const wrong = [[0, 4], [0, 3], [0, 0], [1, 3], [6, 14], [8, 6], [5, 0xff]].map(([at, value]) => {
    const bytes = header.slice();
    bytes[at] = value;
    return bytes;
  });
  const descriptors = wrong.map((bytes, i) => putFrame(vm, BUFFERS + i * 4096, frame, bytes));
  descriptors.push(putFrame(vm, BUFFERS + 0x10000, spoof.frame, spoof.header));
  descriptors.push(putFrame(vm, BUFFERS + 0x20000, udpFrame(new Uint8Array(9)), header));
  descriptors.push(putFrame(vm, BUFFERS + 0x21000, frameOf(vm, 7)));
  putRing(vm, RING, descriptors);
  assert(perform(vm, SEND, RING));
  assertEquals(ringState(vm, RING).head, descriptors.length);
  const { drops } = t.kernel.stats().network;
  assertEquals([drops.offload, drops.spoofed_ip], [8, 1]);
  assertEquals(t.uplinked.length, 1);
  t.finish();
});

Deno.test("a ring that says nonsense ends its guest and nothing else", async () => {
  const frames = (vm: Vm) => putFrame(vm, BUFFERS, frameOf(vm, 1));
  const attacks: [string, (vm: Vm) => number, string][] = [
    ["not aligned", (vm) => (putRing(vm, RING + 8, [frames(vm)]), RING + 8), "#GP"],
    ["size 0", (vm) => (putRing(vm, RING, [frames(vm)], { size: 0 }), RING), "#GP"],
    ["size 3", (vm) => (putRing(vm, RING, [frames(vm)], { size: 3 }), RING), "#GP"],
    ["size 512", (vm) => (putRing(vm, RING, [frames(vm)], { size: 512 }), RING), "#GP"],
    ["negative size", (vm) => (putRing(vm, RING, [], { size: -16, tail: 1 }), RING), "#GP"],
    ["overfull", (vm) => (putRing(vm, RING, [frames(vm)], { tail: 17 }), RING), "#GP"],
    ["tail before head", (vm) => (putRing(vm, RING, [], { head: 5, tail: 4 }), RING), "#GP"],
    ["nowhere", () => 0xfffffff0, "#PF"],
    ["on the null page", () => 0, "#PF"],
    ["ends beyond memory", (vm) => {
      const ring = 0x100000 - 16;
      vm.space.store32(ring, 16);
      vm.space.store32(ring + 4, 1);
      return ring;
    }, "#PF"],
    ["13 bytes", (vm) => (putRing(vm, RING, [{ address: BUFFERS, length: 23 }]), RING), "#GP"],
    [
      "only half a header",
      (vm) => (putRing(vm, RING, [{ address: BUFFERS, length: 5 }]), RING),
      "#GP",
    ],
    ["1515 bytes", (vm) => (putRing(vm, RING, [{ address: BUFFERS, length: 1525 }]), RING), "#GP"],
    ["4 GiB", (vm) => (putRing(vm, RING, [{ address: BUFFERS, length: -1 }]), RING), "#GP"],
    ["beyond memory", (vm) => (putRing(vm, RING, [{ address: -8, length: 60 }]), RING), "#PF"],
    [
      "no last piece",
      (vm) => (putRing(vm, RING, [{ ...frames(vm), flags: MORE }]), RING),
      "#GP",
    ],
    [
      "pieces without end",
      (vm) => (putRing(vm, RING, new Array(16).fill({ address: 0, length: 0, flags: MORE })), RING),
      "#GP",
    ],
    [
      "pieces that are too much together",
      (vm) => {
        const piece = { address: BUFFERS, length: 20_000, flags: MORE };
        putRing(vm, RING, [piece, piece, piece, piece, frames(vm)]);
        return RING;
      },
      "#GP",
    ],
  ];
  for (const [what, attack, name] of attacks) {
    const { t, vms: [vm, other], perform } = await setup(2);
    assert(!perform(vm, SEND, attack(vm)), what);
    assertEquals(vm.crash?.exception?.name, name, what);
    putRing(other, RING, [frames(other)]);
    assert(perform(other, SEND, RING));
    assertEquals(t.uplinked.length, 1);
    t.finish();
  }
});

Deno.test("random rings never throw, and cost a bounded share of work each time", async () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  let { t, vms: [vm, other] } = await setup(2);
  for (let round = 0; round < 100; round++) {
    if (!vm.active) ({ t, vms: [vm, other] } = await setup(2));
    const address = () => random(8) ? BUFFERS + random(0x8000) : random(1 << 24) << 8;
    const descriptors = Array.from({ length: random(20) }, () => {
      const { frame, header } = largeOf(vm, random(2) ? other.mac : WORLD, random(9000) + 1);
      if (random(3) === 0) header[random(10)] = random(256);
      const { length } = putFrame(vm, BUFFERS + random(0x1000), frame, header);
      return {
        address: address(),
        length: random(4) ? length : random(70_000),
        flags: random(9) ? 0 : 1,
      };
    });
    putRing(vm, RING, descriptors, { size: 32, head: random(1 << 30) });
    operate(vm, [SEND, RECEIVE][random(2)], random(30) ? RING : address() & ~15);
    for (let i = 0; i < 20; i++) assert(t.kernel.run(2000) < 40_000);
    for (let one; (one = other.nic?.receiveQueue.peek());) {
      assert(one.length >= 14);
      other.nic!.receiveQueue.drop();
    }
  }
  t.finish();
});

Deno.test("a ring, a piece and a buffer may be in swap: the operation goes on where it stopped", async () => {
  const t = swapKernel({ delay: () => 3 }, POOL);
  const { vm } = await setup(1, t);
  const { frame, header } = largeOf(vm, WORLD, 20_000);
  const big = putFrame(vm, BUFFERS + 100, frame, header);
  const cut = 9000;
  putRing(vm, RING + 0xff0, [
    putFrame(vm, BUFFERS + 0x10000, frameOf(vm, 1)),
    { address: big.address, length: cut, flags: MORE },
    { address: big.address + cut, length: big.length - cut },
    putFrame(vm, BUFFERS + 0x11000, frameOf(vm, 2)),
  ]);
  const hog = await t.boot(
    `_start: mov edi, 0x40000\n mov ecx, 240 * 1024\n rep stosd\n mov eax, 1000\n idle\n jmp _start`,
    { memory: 2 << 20 },
  );
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 400; i++) t.kernel.run(20_000);
    if (vm.space.swapped > 10) break;
  }
  assert(vm.space.swapped > 3, `${vm.space.swapped} pages in swap`);
  t.kernel.stop(hog);
  operate(vm, SEND, RING + 0xff0);
  for (let i = 0; i < 400; i++) t.kernel.run(5000);
  assertEquals(ringState(vm, RING + 0xff0).head, 4);
  const payloads = t.uplinked.slice(1, -1).map((one) => tcpFields(one).payload.length);
  assertEquals(payloads.reduce((sum, length) => sum + length, 0), 20_000);
  assertEquals(t.uplinked.length, 2 + Math.ceil(20_000 / 1448));
  t.finish();
});

Deno.test("a limit of the rate counts a large segment as the frames that it becomes", async () => {
  const t = testKernel();
  const vm = await t.boot(RING_GUEST, {
    network: true,
    resources: { netFrames: { rate: 10, burst: 20 } },
  });
  t.kernel.run(1000);
  const { frame, header } = largeOf(vm, WORLD, 1448 * 30);
  const large = putFrame(vm, BUFFERS, frame, header);
  putRing(vm, RING, [large, putFrame(vm, BUFFERS + 0x20000, frameOf(vm, 1))]);
  operate(vm, SEND, RING);
  t.kernel.run(5000);
  assertEquals(t.uplinked.length, 30);
  // 20 were there, 10 are owed: the next may go after 11 tenths of a second.
  const owedUntil = t.kernel.nextDeadline();
  assert(owedUntil > 900_000 && owedUntil < 1_200_000, `${owedUntil}`);
  t.finish();
});
