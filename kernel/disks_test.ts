/** What a VM's disk requests do, whose turn it is, and what a wrong one costs. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CONSTANTS } from "./abi.ts";
import { VmError } from "./errors.ts";
import type { Vm } from "./kernel.ts";
import {
  BLOCK,
  diskGuest,
  ENDED_AT,
  ENDED_BYTES_AT,
  type GuestRequest,
  MemoryDisk,
  type MemoryDiskOptions,
} from "./testing/memory_disk.ts";
import { checker, squeeze } from "./testing/swap_kernel.ts";
import { MemorySwap } from "./testing/memory_swap.ts";
import { type TestKernel, testKernel } from "./testing/test_kernel.ts";

const READ = CONSTANTS.DISK_READ.value;
const WRITE = CONSTANTS.DISK_WRITE.value;
const FLUSH = CONSTANTS.DISK_FLUSH.value;

const DATA = { name: "data", blocks: 100, readOnly: false, handle: 7 };
const BOOT = { name: "boot", blocks: 10, readOnly: true, handle: 8 };

interface DiskKernel extends TestKernel {
  readonly device: MemoryDisk;
  open(requests: readonly GuestRequest[] | string): Promise<Vm>;
}

function diskKernel(options: MemoryDiskOptions = {}, kernel = {}): DiskKernel {
  const device = new MemoryDisk(options);
  const t = testKernel({ disks: device, ...kernel });
  let id = 0;
  return {
    ...t,
    device,
    async open(requests) {
      const source = typeof requests === "string" ? requests : diskGuest(requests);
      const image = await t.load(source);
      const name = `disk-${++id}`;
      const vm = t.kernel.createVm({ id, name, image, memory: 1 << 20, disks: [DATA, BOOT] });
      t.kernel.start(vm);
      return vm;
    },
    finish() {
      t.finish();
      const { held } = device;
      device.held = false;
      device.poll(() => {});
      device.held = held;
      assertEquals(device.area.free, device.area.blocks, "places of the staging area were lost");
    },
  };
}

/** `tag status` of what has ended, by tag. */
function ended(vm: Vm): string[] {
  const bytes = new Uint8Array(8192), size = new Uint8Array(4);
  vm.space.read(ENDED_BYTES_AT, size, 0, 4);
  const count = new Uint32Array(size.buffer)[0] / 8;
  vm.space.read(ENDED_AT, bytes, 0, count * 8);
  const words = new Uint32Array(bytes.buffer);
  return Array.from({ length: count }, (_, i) => [words[2 * i], words[2 * i + 1]])
    .sort(([a], [b]) => a - b).map((pair) => pair.join(" "));
}

function byte(vm: Vm, address: number): number {
  const byte = new Uint8Array(1);
  assertEquals(vm.space.read(address, byte, 0, 1), 1);
  return byte[0];
}

Deno.test("a VM sees its disks in the table, and what it writes to one it can read again", async () => {
  const t = diskKernel();
  const vm = await t.open([
    { operation: WRITE, block: 95, count: 5, buffer: 0x45ffd },
    { operation: FLUSH },
    { operation: READ, block: 96, count: 3, buffer: 0x80001 },
    { operation: READ, disk: 1, block: 0, count: 1, buffer: 0x45000 },
  ]);
  t.kernel.run(1_000_000);
  assertEquals(ended(vm), ["0 0", "1 0", "2 0", "3 0"]);
  // Three bytes of page 5, then pages 6 to 10.
  assertEquals([...t.device.blocks.get("7:95")!.subarray(0, 4)], [5, 5, 5, 6]);
  assertEquals(byte(vm, 0x80001), 6);
  assertEquals(byte(vm, 0x80001 + 3 * BLOCK - 1), 9);
  assertEquals(byte(vm, 0x45000), 0);
  const table = new Uint8Array(96);
  vm.space.read(0x1100, table, 0, 96);
  assertEquals([...new Uint32Array(table.buffer, 0, 2)], [100, 0]);
  assertEquals([...new Uint32Array(table.buffer, 32, 2)], [10, 1]);
  assertEquals(new TextDecoder().decode(table.subarray(40, 45)), "boot\0");
  assert(table.subarray(64).every((byte) => byte === 0));
  const counted = {
    reads: 2,
    writes: 1,
    flushes: 1,
    readBytes: 4 * BLOCK,
    writtenBytes: 5 * BLOCK,
  };
  assertEquals(vm.stats.disk, { ...counted, errors: 0 });
  assertEquals(t.kernel.stats().disks, { ...counted, errors: 0, waiting: 0, underWay: 0 });
  t.finish();
});

Deno.test("a request that is wrong ends with a status that says so, and reaches no file", async () => {
  const t = diskKernel();
  const huge = 0xffffffff;
  const vm = await t.open([
    { operation: READ, disk: 2, block: 0, count: 1 },
    { operation: READ, disk: huge, block: 0, count: 1 },
    { operation: 3, block: 0, count: 1 },
    { operation: huge, block: 0, count: 1 },
    { operation: READ, block: 0, count: 0 },
    { operation: READ, block: 0, count: 33 },
    { operation: READ, block: 100, count: 1 },
    { operation: READ, block: 99, count: 2 },
    { operation: WRITE, block: huge, count: 1 },
    { operation: READ, block: 2, count: huge },
    { operation: FLUSH, block: 1 },
    { operation: FLUSH, count: 1 },
    { operation: WRITE, disk: 1, block: 0, count: 1 },
    { operation: WRITE, disk: 1, block: huge, count: huge, buffer: huge },
  ]);
  t.kernel.run(1_000_000);
  const statuses = [5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3];
  assertEquals(ended(vm), statuses.map((status, tag) => `${tag} ${status}`));
  assertEquals(t.device.log, []);
  assertEquals(vm.stats.disk!.errors, 14);
  t.finish();
});

Deno.test("a buffer or a request that cannot be reached faults, and those before it are taken", async () => {
  const good = { operation: WRITE, block: 0, count: 1 };
  const bad: [GuestRequest, string][] = [
    [{ operation: READ, count: 1, buffer: 0 }, "0x0"],
    [{ operation: READ, count: 2, buffer: 0xff000 }, "0x100000"],
    [{ operation: WRITE, count: 1, buffer: 0xfffff001 }, "0xfffff001"],
  ];
  for (const [request, address] of bad) {
    const t = diskKernel();
    const vm = await t.open([good, request]);
    t.kernel.run(1_000_000);
    assertEquals(vm.state, "crashed");
    assert(t.kernel.report(vm).reason.includes(address), t.kernel.report(vm).reason);
    assertEquals(t.device.log.length, 1);
    t.finish();
  }
  const rep = (port: string, string: string, count: number, address: number) =>
    `_start: mov edx, ${port}\n mov esi, ${address}\n mov edi, esi\n mov ecx, ${count}\n rep ${string}\n` +
    "mov eax, ecx\n terminate";
  const ports: [string, string, string][] = [
    [rep("PORT_DISK_SUBMIT", "outsb", 25, 0x10000), "crashed", "#GP"],
    [rep("PORT_DISK_SUBMIT", "outsb", 24, 0xfffff0), "crashed", "#PF"],
    [rep("PORT_DISK_SUBMIT", "outsb", 0, 0xfffff0), "stopped", ""],
    [rep("PORT_DISK_COMPLETE", "insb", 12, 0x40000), "crashed", "#GP"],
    [rep("PORT_DISK_COMPLETE", "insb", 16, 0), "stopped", ""],
    [rep("PORT_DISK_SUBMIT", "insb", 24, 0x40000), "crashed", "#GP"],
    [rep("PORT_DISK_COMPLETE", "outsb", 8, 0x10000), "crashed", "#GP"],
  ];
  for (const [source, state, reason] of ports) {
    const t = diskKernel();
    const vm = await t.open(source);
    t.kernel.run(1_000_000);
    assertEquals(vm.state, state);
    if (reason !== "") assert(t.kernel.report(vm).reason.includes(reason), source);
    t.finish();
  }
});

Deno.test("a VM without disks has no such ports, and a kernel without disks makes no VM with some", async () => {
  const t = testKernel();
  const vm = await t.boot("_start: mov edx, PORT_DISK_SUBMIT\n mov ecx, 0\n rep outsb\n terminate");
  t.kernel.run(100_000);
  assertEquals(vm.state, "crashed");
  const image = await t.load("_start: terminate");
  const spec = { name: "x", image, memory: 1 << 20 };
  assertThrows(() => t.kernel.createVm({ ...spec, disks: [DATA] }), VmError, "without disks");
  t.finish();
  const d = diskKernel();
  const made = await d.load("_start: terminate");
  const wrong: [string, object[]][] = [
    ["names", [DATA, DATA]],
    ["at most 8", Array.from({ length: 9 }, (_, i) => ({ ...DATA, name: `d${i}` }))],
    ["ASCII", [{ ...DATA, name: "x".repeat(24) }]],
    ["blocks", [{ ...DATA, blocks: 2 ** 32 }]],
    ["blocks", [{ ...DATA, blocks: 0 }]],
  ];
  for (const [message, disks] of wrong) {
    const spec = { name: "x", image: made, memory: 1 << 20, disks: disks as typeof DATA[] };
    assertThrows(() => d.kernel.createVm(spec), VmError, message);
  }
  d.finish();
});

Deno.test("so many requests as the queue has are open, also of a VM that takes no completion", async () => {
  const t = diskKernel({ stagingBlocks: 32 });
  t.device.held = true;
  const one = { operation: READ, block: 1, count: 1, buffer: 0x80000 };
  const vm = await t.open(Array(100).fill(one));
  t.kernel.run(1_000_000);
  assertEquals([vm.disk!.open, t.device.log.length, t.kernel.stats().disks.waiting], [64, 32, 32]);
  t.device.held = false;
  t.kernel.run(1_000_000);
  assertEquals(ended(vm).length, 100);
  assertEquals(vm.disk!.open, 0);
  t.finish();
});

Deno.test("a VM that has many requests open keeps another one waiting for a turn at most", async () => {
  const t = diskKernel({ stagingBlocks: 32 });
  t.device.held = true;
  const big = { operation: WRITE, block: 1, count: 32 };
  await t.open(Array(64).fill(big));
  t.kernel.run(1_000_000);
  await t.open(Array(8).fill({ operation: READ, block: 1, count: 2, buffer: 0x80000 }));
  await t.open(Array(64).fill({ operation: FLUSH }));
  t.kernel.run(1_000_000);
  t.device.held = false;
  t.kernel.run(10_000_000);
  const order = t.device.log.map(({ owner, count }) => `${owner.id}:${Math.max(1, count)}`);
  // What was under way, one turn, and then those who came later.
  assertEquals(order.slice(0, 2), ["1:32", "1:32"]);
  for (let i = 0, blocks = 0; i < order.length; i++) {
    const [id, count] = order[i].split(":");
    blocks = order[i - 1]?.split(":")[0] === id ? blocks + Number(count) : Number(count);
    if (i > 1 && i < 60) assert(blocks <= 32, `${i}: ${order.slice(0, i + 1).join(" ")}`);
  }
  t.finish();
});

Deno.test("a VM whose requests do not end leaves places of the staging area to others", async () => {
  const t = diskKernel({ stagingBlocks: 512 });
  t.device.held = true;
  await t.open(Array(64).fill({ operation: READ, block: 1, count: 32, buffer: 0x80000 }));
  t.kernel.run(1_000_000);
  assertEquals(t.device.log.length, 8);
  await t.open(Array(5).fill({ operation: READ, block: 1, count: 32, buffer: 0x80000 }));
  t.kernel.run(1_000_000);
  assertEquals(t.device.log.slice(8).map(({ owner }) => owner.id), Array(5).fill(2));
  t.device.held = false;
  t.kernel.run(10_000_000);
  assertEquals(t.device.log.length, 69);
  t.finish();
});

Deno.test("a VM that ends with requests under way leaves nothing behind", async () => {
  const t = diskKernel({ stagingBlocks: 40 });
  t.device.held = true;
  const vm = await t.open(
    Array.from({ length: 20 }, (_, i) => ({
      operation: i % 2 === 0 ? WRITE : READ,
      block: i,
      count: 3,
      buffer: i % 2 === 0 ? 0x40000 : 0x80000,
    })),
  );
  const other = await t.open([{ operation: READ, block: 1, count: 32, buffer: 0x80000 }]);
  t.kernel.run(1_000_000);
  t.kernel.destroy(vm);
  assertEquals(t.kernel.stats().disks.waiting, 1);
  t.device.held = false;
  t.kernel.run(1_000_000);
  assertEquals(ended(other), ["0 0"]);
  t.finish();
});

Deno.test("pages may leave memory while their requests wait or are under way", async () => {
  for (
    const engine of [{ name: "evaluator" }, { name: "translator", translateAfter: 0 }] as const
  ) {
    const swap = new MemorySwap();
    const poolBytes = 1 << 20;
    const t = diskKernel({ stagingBlocks: 32 }, {
      poolBytes,
      memory: new ArrayBuffer(poolBytes),
      swap: swap.swap,
      quantum: 5_000,
      engine,
    });
    for (let i = 0; i < 4; i++) t.device.blocks.set(`7:${i}`, new Uint8Array(BLOCK).fill(0xa0 + i));
    t.device.held = true;
    const vm = await t.open([
      { operation: READ, block: 0, count: 4, buffer: 0x80123 },
      { operation: WRITE, block: 10, count: 32, buffer: 0x40000 },
      { operation: READ, block: 1, count: 1, buffer: 0xa0000 },
      { operation: FLUSH },
    ]);
    t.kernel.run(1_000_000);
    assertEquals(t.device.log.length, 1);
    await squeeze(t);
    assertEquals(vm.space.resident < 5, true, `${vm.space.resident} pages are in memory`);
    t.device.held = false;
    for (let i = 0; i < 200; i++) t.kernel.run(20_000);
    assertEquals(ended(vm), ["0 0", "1 0", "2 0", "3 0"]);
    assertEquals(byte(vm, 0x80123 + 3 * BLOCK), 0xa3);
    assertEquals(byte(vm, 0xa0000), 0xa1);
    for (let i = 0; i < 32; i++) assertEquals(t.device.blocks.get(`7:${10 + i}`)![4095], i);
    t.finish();
  }
});

Deno.test("requests end right while all memory is fought for", async () => {
  const swap = new MemorySwap({ delay: ({ slots }) => slots[0] % 3 });
  const poolBytes = 1 << 20;
  const t = diskKernel({ stagingBlocks: 64 }, {
    poolBytes,
    memory: new ArrayBuffer(poolBytes),
    swap: swap.swap,
    quantum: 2_000,
  });
  const requests = Array.from({ length: 64 }, (_, i) => ({
    operation: i < 32 ? WRITE : READ,
    block: i % 32,
    count: 1,
    buffer: i < 32 ? 0x40000 + i * BLOCK : 0x80000 + (i - 32) * BLOCK,
  }));
  const vms: Vm[] = [];
  for (let i = 0; i < 6; i++) vms.push(await t.open(requests));
  const hog = await t.load(checker(200, 3));
  const other = t.kernel.createVm({ id: 99, name: "hog", image: hog, memory: 4 << 20 });
  t.kernel.start(other);
  for (let i = 0; i < 3000; i++) t.kernel.run(20_000);
  assertEquals([other.state, other.exitCode], ["stopped", 0]);
  const all = requests.map((_, tag) => `${tag} 0`);
  for (const vm of vms) assertEquals(vm.disk!.counters.errors, 0);
  for (const vm of vms) {
    assertEquals(vm.disk!.counters.reads + vm.disk!.counters.writes, all.length);
  }
  t.finish();
});

Deno.test("what is copied for a VM is taken from the processor time that its cap leaves", async () => {
  const t = diskKernel();
  t.device.held = true;
  const requests = [WRITE, READ].map((operation) => ({
    operation,
    block: 0,
    count: 32,
    buffer: 0x80000,
  }));
  const vm = await t.open(requests);
  t.kernel.setResources(vm, { cpus: 0.5 });
  let spent = 0;
  vm.cpuTime!.spend = (microseconds) => spent += microseconds;
  t.kernel.run(100_000);
  const before = spent;
  t.device.held = false;
  t.kernel.run(100_000);
  assertEquals(ended(vm), ["0 0", "1 0"]);
  // The write when it was sent, the read when it had ended: half a microsecond for a block.
  assert(before >= 16 && spent >= before + 16, `${before} and ${spent}`);
  t.finish();
});

Deno.test("whatever a guest writes into its requests, the kernel and other VMs go on", async () => {
  let seed = 12345;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  const number = () => [0, 1, 7, 99, 0x1000, 0xff000, 0x40001, 2 ** 31, 2 ** 32 - 1][random(9)];
  for (let round = 0; round < 40; round++) {
    const t = diskKernel({ stagingBlocks: 33, outcome: () => random(6) });
    const bad = await t.open(
      Array.from({ length: 70 }, () => ({
        disk: random(3),
        operation: random(4),
        block: number(),
        count: random(2) === 0 ? random(34) : number(),
        buffer: random(2) === 0 ? 0x40000 + random(200_000) : number(),
      })),
    );
    const good = await t.open([{ operation: READ, block: 0, count: 32, buffer: 0x80000 }]);
    t.kernel.run(2_000_000);
    assertEquals(ended(good).length, 1);
    assert(bad.state === "crashed" || bad.disk!.open === 0, bad.state);
    t.finish();
  }
});
