/**
 * Guests that do port I/O with random numbers over memory full of rings, descriptors and requests that nearly
 * make sense, and overwrite all of it, beside neighbours that check their memory; while the operator pauses,
 * resumes, kills and makes VMs, and the devices are slow, full and wrong.
 *
 * Nothing is thrown, no neighbour sees a wrong byte, and everything comes back in the end.
 */

import { assert, assertEquals } from "@std/assert";
import { PORTS, STRUCTURES } from "./abi.ts";
import type { Image, Vm } from "./kernel.ts";
import { TEST_ENGINE, TEST_ENGINES } from "./testing/engine.ts";
import { MemoryDisk } from "./testing/memory_disk.ts";
import { MemorySwap } from "./testing/memory_swap.ts";
import { checker } from "./testing/swap_kernel.ts";
import { testKernel, testNetwork } from "./testing/test_kernel.ts";
import { SWAP_DONE, SWAP_FULL } from "./swap_device.ts";

/** Where a guest has its script, disk requests, rings with their descriptors, frames, and what they name. */
const SCRIPT = 0x20000, REQUESTS = 0x40000, RINGS = 0x41000, FRAMES = 0x42000, BUFFERS = 0x50000;
const STEPS = 128, STEP_BYTES = 32, RING_BYTES = 0x200, FRAME_BYTES = 0x800, ZONE = 0x1000;
const BUFFER_BYTES = 0x40000;
const MEMORY = 1 << 20, POOL = 200 * 4096;
/** Everything is executed a few times only; translating it first would take all the time. */
const ENGINE = TEST_ENGINE.translateAfter === 0 ? TEST_ENGINES.soon : TEST_ENGINE;

/** Performs the script's steps one after the other, whatever becomes of them. */
const GUEST = `
_start: mov ebp, ${SCRIPT}
next: mov esp, 0x3f000
  mov dword ptr [REG_exception_handler], offset next
  mov dword ptr [REG_interrupt_handler], offset interrupted
  mov dword ptr [REG_interrupt_enable], 1
  cld
  add ebp, ${STEP_BYTES}
  cmp ebp, ${SCRIPT + STEPS * STEP_BYTES}
  jb step
  mov ebp, ${SCRIPT}
step: mov ebx, [ebp]
  and ebx, 15
  mov eax, [ebp + 4]
  mov ecx, [ebp + 8]
  mov edx, [ebp + 12]
  mov esi, [ebp + 16]
  mov edi, [ebp + 20]
  jmp [operations + ebx * 4]
do_out: out dx, eax
  jmp next
do_in: in eax, dx
  jmp next
do_outs: rep outsb
  jmp next
do_ins: rep insb
  jmp next
do_one: outsb
  insb
  jmp next
do_store: mov [edi], eax
  mov [edi + 4], ecx
  jmp next
do_idle: and eax, 1023
  idle
  jmp next
do_return: push eax
  push 0x23
  push offset next
  iret
do_word: out dx, ax
  jmp next
do_back: std
  rep insb
  jmp next
interrupted: mov dword ptr [REG_interrupt_pending], 0
  iret
  .data
operations: .long do_out, do_in, do_outs, do_ins, do_one, do_store, do_idle, do_return
  .long do_out, do_outs, do_ins, do_store, do_out, do_word, do_back, do_outs`;

const VALUES = [0, 1, 2, 8, 16, 31, 32, 60, 255, 256, 1514, 1515, 4095, 4096, 65_535, 65_536];
const ADDRESSES = [0, 0xfff, 0x1000, 0x1ffe, 0x10000, SCRIPT, RINGS, MEMORY - 8, MEMORY, -16];
const NUMBERS = Object.values(PORTS).map(({ value }) => value);
const { PORT_DISK_SUBMIT, PORT_DISK_COMPLETE, PORT_NIC_RING_SEND, PORT_NIC_RING_RECEIVE } = PORTS;
const OUT = 0, OUTS = 2, INS = 3;
const REQUEST_BYTES = STRUCTURES.disk_request.bytes;
const COMPLETION_BYTES = STRUCTURES.disk_completion.bytes;

function fuzzer(seed: number) {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const pick = <T>(values: readonly T[]): T => values[random(values.length)];
  const word = (): number => random(8) === 0 ? random(2 ** 32) : pick(VALUES);
  const buffer = (): number =>
    random(12) === 0 ? pick(ADDRESSES) + random(3) : BUFFERS + random(BUFFER_BYTES);
  const ring = (): number => RINGS + RING_BYTES * random(ZONE / RING_BYTES);
  const request = (): number => REQUESTS + REQUEST_BYTES * random(100);
  /** Operation, EAX, ECX, EDX, ESI, EDI: mostly what a driver does. */
  const step = (): number[] => {
    const kind = random(10);
    const repeats = (bytes: number) => random(12) === 0 ? word() : bytes * random(9);
    const port = ({ value }: { value: number }) => random(20) === 0 ? pick(NUMBERS) : value;
    const length = repeats(REQUEST_BYTES), taken = repeats(COMPLETION_BYTES);
    if (kind === 0) return [OUTS, 0, length, port(PORT_DISK_SUBMIT), request(), 0];
    if (kind === 1) return [INS, 0, taken, port(PORT_DISK_COMPLETE), 0, buffer()];
    if (kind <= 3) return [OUT, ring(), 0, port(PORT_NIC_RING_SEND), 0, 0];
    if (kind <= 4) return [OUT, ring(), 0, port(PORT_NIC_RING_RECEIVE), 0, 0];
    const at = random(2) === 0 ? buffer() : ring();
    return [random(16), at, word(), pick(NUMBERS), buffer(), buffer()];
  };
  /** Fills the guest's zones; its own MAC address makes some frames pass. */
  const zones = (id: number): [number, number[]][] => {
    const parts: [number, number[]][] = [];
    for (let n = 0; n < STEPS; n++) parts.push([SCRIPT + n * STEP_BYTES, step()]);
    for (let at = REQUESTS; at < REQUESTS + 100 * REQUEST_BYTES; at += REQUEST_BYTES) {
      parts.push([at, [word(), random(3), random(4), random(90), random(12), buffer()]]);
    }
    for (let at = RINGS; at < RINGS + ZONE; at += RING_BYTES) {
      const head = random(5) === 0 ? word() : -3 + random(6);
      const words = [1 << random(6), head + random(20), head, 0];
      for (let n = 0; n < 24; n++) {
        words.push(
          FRAMES + FRAME_BYTES * random(20),
          10 + random(1600),
          random(9) === 0 ? 1 : 0,
          0,
        );
      }
      parts.push([at, words]);
    }
    for (let n = 0; n < 20; n++) {
      const to = random(3) === 0 ? 255 : id - 2 + random(5);
      // A header of zeros, mostly, and then the frame's.
      parts.push([FRAMES + n * FRAME_BYTES, [
        random(9) === 0 ? word() : 0,
        0,
        0x4402_0000,
        0x4e | (to & 255) << 24,
        0x004e_4402,
        id << 8 | 0x88 << 16 | 0xb5 << 24,
      ]]);
    }
    return parts;
  };
  return { random, pick, zones, word };
}

async function fuzz(seed: number, rounds: number): Promise<void> {
  const { random, pick, zones, word } = fuzzer(seed);
  const swap = new MemorySwap({
    clusterPages: 4,
    delay: () => random(3),
    outcome: ({ write }) => write && random(100) === 0 ? SWAP_FULL : SWAP_DONE,
  });
  const disk = new MemoryDisk({ stagingBlocks: 40, outcome: () => random(7) });
  let room = 1000;
  const t = testKernel({
    engine: ENGINE,
    poolBytes: POOL,
    memory: new ArrayBuffer(POOL),
    swap: swap.swap,
    disks: disk,
    quantum: 4000,
    events: {
      console: (_, bytes) => room -= bytes.length,
      consoleRoom: () => Math.max(0, room),
      state: () => {},
      uplink: () => random(3) > 0,
    },
    trace: () => {},
  });
  const { kernel } = t;
  const guest = await t.load(GUEST), honest = await t.load(checker(70, 25));
  const guests: Vm[] = [], neighbours: Vm[] = [];
  let nextId = 1, finished = 0;
  const make = (image: Image, list: Vm[]): Vm => {
    const id = nextId++;
    const vm = kernel.createVm({
      id,
      name: `vm-${id}`,
      image,
      memory: MEMORY,
      network: testNetwork(id),
      disks: [
        { name: "data", blocks: 100, readOnly: false, handle: 2 * id },
        { name: "boot", blocks: 10, readOnly: true, handle: 2 * id + 1 },
      ],
    });
    kernel.start(vm);
    list.push(vm);
    return vm;
  };
  /** Writes into the guest's memory what it could have written there itself. */
  const scribble = (vm: Vm, at: number, words: readonly number[]) => {
    const bytes = new Uint8Array(Uint32Array.from(words).buffer);
    vm.space.write(at, bytes, 0, bytes.length);
  };
  const fill = (vm: Vm) => {
    for (const [at, words] of zones(vm.id)) scribble(vm, at, words);
  };
  const operate = (vm: Vm | undefined) => {
    if (vm === undefined) return;
    switch (random(9)) {
      case 0:
        if (vm.state === "running" || vm.state === "idle") kernel.pause(vm);
        break;
      case 1:
      case 2:
        if (vm.state === "paused") kernel.resume(vm);
        break;
      case 3:
        if (random(4) === 0 && guests.includes(vm) && !vm.ended) kernel.destroy(vm);
        break;
      case 4:
        kernel.keyboard(vm, new Uint8Array(random(600)).fill(65));
        break;
      case 5:
        kernel.setResources(vm, {
          cpuWeight: 1 + random(1000),
          cpus: pick([null, 0.001, 0.5]),
          netFrames: pick([null, { rate: 1 + random(100_000) }]),
        });
        break;
      case 6:
        kernel.shutdown(vm);
        break;
      case 7:
        kernel.capture(vm, pick([null, () => {}]));
        break;
      default:
        if (!vm.ended && guests.includes(vm)) scribble(vm, RINGS + 4 * random(512), [word()]);
    }
  };
  const frame = () => {
    const bytes = new Uint8Array(14 + random(1600));
    bytes.set([2, 0x44, 0x4e, 0, 0, nextId - 1 - random(6), 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
    return bytes;
  };
  for (let round = 0; round < rounds; round++) {
    const refused = kernel.stats().swap.diskFull;
    if (random(20) === 0) t.clock.jump(t.clock.monotonic() + 1_000_000);
    while (!refused && guests.length < 4) fill(make(guest, guests));
    while (!refused && neighbours.length < 2) make(honest, neighbours);
    kernel.run(200 + random(8000));
    for (let n = random(4); n > 0; n--) operate(pick(random(5) === 0 ? neighbours : guests));
    for (let n = random(6); n > 0; n--) kernel.receive(frame(), random(9) === 0 ? random(99) : 0);
    disk.held = random(3) === 0;
    swap.held = random(4) === 0;
    room = 1000 + random(5000);
    for (const vm of guests) kernel.consoleReady(vm);
    for (const vm of guests.filter(({ ended }) => ended)) {
      if (kernel.vm(vm.id) === vm) kernel.destroy(vm);
      guests.splice(guests.indexOf(vm), 1);
    }
    for (const vm of neighbours.filter(({ ended }) => ended)) {
      assertEquals([vm.state, vm.exitCode], ["stopped", 0], vm.crash?.reason);
      finished++;
      kernel.destroy(vm);
      neighbours.splice(neighbours.indexOf(vm), 1);
    }
  }
  assert(finished > 0 || rounds < 200, "no neighbour got through");
  for (const vm of [...kernel.vms.values()]) kernel.destroy(vm);
  disk.held = swap.held = false;
  for (let n = 0; n < 10; n++) kernel.run(1000);
  const { timers, swap: swapped, disks } = kernel.stats();
  assertEquals([timers, disks.waiting, disks.underWay, swapped.underWay], [0, 0, 0, 0]);
  assertEquals([swapped.free, disk.area.free], [swapped.total, disk.area.blocks]);
  t.finish();
}

const { DENALI_FUZZ_SEED = "1", DENALI_FUZZ_SEEDS = "6" } = Deno.env.toObject();

Deno.test("random port I/O, rings and requests, and random operators cost neighbours no byte", async () => {
  for (let n = 0; n < Number(DENALI_FUZZ_SEEDS); n++) {
    const seed = Number(DENALI_FUZZ_SEED) + n;
    try {
      await fuzz(seed, 400);
    } catch (error) {
      throw new Error(`DENALI_FUZZ_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
});
