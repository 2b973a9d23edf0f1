/** What moves between memory and swap, when, and who waits. */

import { assert, assertEquals } from "@std/assert";
import type { EngineSettings } from "../cpu/engine_settings.ts";
import type { Vm } from "./kernel.ts";
import {
  checker,
  ENGINES,
  POOL,
  settle,
  sleeper,
  squeeze,
  swapKernel,
} from "./testing/swap_kernel.ts";

/** A frame for VM 1 with a number in it. */
function packet(number: number): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([2, 0x44, 0x4e, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x88, 0xb5, number]);
  return frame;
}

Deno.test("a VM with more memory than the pool runs, and reads back what it wrote", async () => {
  for (const clusterPages of [1, 4, 16, 64]) {
    const t = swapKernel({ clusterPages }, POOL, ENGINES[clusterPages & 1]);
    const vm = await t.boot(checker(700, 4), { memory: 4 << 20 });
    settle(t);
    assertEquals([vm.state, vm.exitCode], ["stopped", 0]);
    assert(vm.stats.pageOuts > 1000 && vm.stats.pageIns > 500, JSON.stringify(vm.stats));
    t.finish();
  }
});

Deno.test("many VMs that together need eight times the pool all end right", async () => {
  for (const clusterPages of [1, 16]) {
    const t = swapKernel({ clusterPages, delay: ({ slots }) => slots[0] % 3 });
    const vms: Vm[] = [];
    for (let i = 0; i < 40; i++) vms.push(await t.boot(checker(50, 5), { memory: 1 << 20 }));
    settle(t);
    assertEquals(
      vms.map(({ state, exitCode }) => `${state} ${exitCode}`),
      vms.map(() => "stopped 0"),
    );
    t.finish();
  }
});

Deno.test("the VM that has been idle longest goes first, and goes whole", async () => {
  const t = swapKernel();
  const vms = [];
  for (let i = 0; i < 4; i++) {
    vms.push(await t.boot(sleeper(20)));
    t.kernel.run(50_000);
  }
  // The first has run last.
  t.kernel.keyboard(vms[0], Uint8Array.of(1));
  t.kernel.run(50_000);
  await squeeze(t);
  const writes = t.device.log.filter(({ write }) => write).map(({ slots }) => slots[0] >> 8);
  assertEquals([...new Set(writes)].slice(0, 4), [1, 2, 3, 0]);
  assertEquals(vms.map(({ stats }) => stats.swappedPages), [21, 21, 21, 21]);
  t.finish();
});

Deno.test("a page that swap has a valid copy of goes without being written", async () => {
  const t = swapKernel();
  // Reads one word of each page when a key is pressed.
  const vm = await t.boot(sleeper(
    30,
    `mov edi, 0x40000
    mov ecx, 30
  read: mov eax, [edi]
    add edi, 4096
    dec ecx
    jnz read`,
  ));
  t.kernel.run(50_000);
  await squeeze(t);
  assertEquals(vm.stats.privateFrames, 0);
  const { pageOuts } = vm.stats;
  t.kernel.keyboard(vm, Uint8Array.of(1));
  settle(t);
  assertEquals(vm.stats.privateFrames, 31);
  await squeeze(t);
  assertEquals(vm.stats.privateFrames, 0);
  // Its registers are written at every turn.
  assertEquals(vm.stats.pageOuts, pageOuts + 1);
  t.finish();
});

Deno.test("pages that hold nothing but zeros go without being written", async () => {
  const t = swapKernel();
  const vm = await t.boot(
    sleeper(1, "").replace("mov [edi], edi", "mov dword ptr [edi], 0")
      .replace("mov ecx, 1", "mov ecx, 40"),
  );
  t.kernel.run(50_000);
  assertEquals(vm.stats.privateFrames, 41);
  await squeeze(t);
  assertEquals([vm.stats.privateFrames, vm.stats.swappedPages, vm.stats.pageOuts], [0, 1, 1]);
  t.finish();
});

Deno.test("a small VM leaves with one write and comes back with one read", async () => {
  const t = swapKernel({ clusterPages: 16 });
  const vm = await t.boot(sleeper(12));
  t.kernel.run(50_000);
  await squeeze(t);
  const moved = () => t.device.log.filter(({ slots }) => slots[0] < 256);
  assertEquals(moved().map(({ write, slots }) => [write, slots.length]), [[true, 13]]);
  t.kernel.keyboard(vm, Uint8Array.of(1));
  settle(t);
  assertEquals(moved().map(({ write, slots }) => [write, slots.length]), [[true, 13], [false, 13]]);
  assertEquals([vm.state, vm.stats.faults, vm.stats.privateFrames], ["idle", 1, 13]);
  t.finish();
});

Deno.test("a VM that waits for a page takes no turn, and the others run on", async () => {
  const t = swapKernel();
  const vm = await t.boot(sleeper(10));
  t.kernel.run(50_000);
  await squeeze(t);
  const { quanta } = vm.stats;
  t.device.held = true;
  t.kernel.keyboard(vm, Uint8Array.of(1));
  const other = await t.boot("_start: inc eax\n jmp _start");
  assertEquals(t.kernel.run(200_000), 200_000);
  assert(other.stats.instructions > 190_000);
  assertEquals([vm.state, vm.stats.quanta, t.kernel.stats().swap.underWay], ["running", quanta, 1]);
  assertEquals([vm.waits, t.kernel.report(vm).waits, other.waits], ["memory", "memory", null]);
  t.device.held = false;
  t.kernel.run(200_000);
  assertEquals([vm.state, vm.waits], ["idle", null]);
  t.finish();
});

Deno.test("time does not jump while a page is under way", async () => {
  const t = swapKernel();
  const vm = await t.boot(sleeper(10));
  t.kernel.run(50_000);
  await squeeze(t);
  t.device.held = true;
  t.kernel.keyboard(vm, Uint8Array.of(1));
  const timer = await t.boot("_start: mov eax, 5000000\n idle\n terminate");
  const before = t.clock.monotonic();
  assert(t.kernel.run(50_000) < 50_000);
  assert(t.clock.monotonic() < before + 1000);
  assertEquals(timer.state, "idle");
  t.device.held = false;
  t.kernel.run(50_000);
  assertEquals(timer.state, "stopped");
  t.finish();
});

/** Waits for packets and prints the number in each; everything it uses can be in swap. */
const RECEIVER = sleeper(
  10,
  `
next: mov edi, 0x48ff0
  mov ecx, 1514
  mov edx, PORT_NIC_RECEIVE
  rep insb
  cmp ecx, 1514
  je again
  mov esi, 0x48ffe
  add byte ptr [esi], '0'
  mov ecx, 1
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  jmp next`,
);

Deno.test("packets for a VM in swap wait in its queue, and it is brought in for them", async () => {
  const t = swapKernel({ clusterPages: 1 });
  const vm = await t.boot(RECEIVER, { network: true });
  t.kernel.run(50_000);
  for (let round = 0; round < 3; round++) {
    while (vm.stats.privateFrames > 0) await squeeze(t);
    t.device.held = true;
    for (let i = 0; i < 5; i++) t.kernel.receive(packet(i));
    t.kernel.run(50_000);
    assertEquals(t.consoles.get(1) ?? "", "01234".repeat(round));
    t.device.held = false;
    settle(t);
    assertEquals(t.consoles.get(1), "01234".repeat(round + 1));
  }
  assertEquals(vm.stats.drops, 0);
  t.finish();
});

Deno.test("an upcall waits for its stack, and its return for the frame", async () => {
  const t = swapKernel({ clusterPages: 1 });
  const vm = await t.boot(`
_start: mov esp, 0x42008
  mov dword ptr [REG_interrupt_handler], offset handler
  mov dword ptr [REG_interrupt_enable], 1
  mov ebx, 0
sleep: mov eax, IDLE_FOREVER
  idle
  cmp ebx, 3
  jb sleep
  mov eax, ebx
  terminate
handler: mov dword ptr [REG_interrupt_pending], 0
  inc ebx
  mov esi, esp
  mov esp, 0x60000
  push esi
  mov eax, IDLE_FOREVER
  idle
  mov dword ptr [REG_interrupt_pending], 0
  pop esp
  iret`);
  t.kernel.run(50_000);
  for (let i = 0; i < 6; i++) {
    assertEquals(vm.state, "idle");
    await squeeze(t);
    t.kernel.keyboard(vm, Uint8Array.of(1));
    settle(t);
  }
  assertEquals([vm.state, vm.exitCode, vm.stats.interrupts], ["stopped", 3, 3]);
  assert(vm.stats.faults >= 12, `${vm.stats.faults}`);
  t.finish();
});

Deno.test("an exception waits for the stack of its handler", async () => {
  const t = swapKernel({ clusterPages: 1 });
  const vm = await t.boot(sleeper(
    3,
    `mov dword ptr [REG_exception_handler], offset handler
    mov esp, 0x42008
    ud2
  handler: mov eax, [esp]
    sub eax, offset handler - 2
    add eax, [REG_exception_vector]
    terminate`,
  ));
  t.kernel.run(50_000);
  await squeeze(t);
  t.kernel.keyboard(vm, Uint8Array.of(1));
  settle(t);
  assertEquals([vm.state, vm.exitCode], ["stopped", 6]);
  t.finish();
});

Deno.test("code that was paged out runs as it was, and the code cached from its frame is dropped", async () => {
  for (const engine of ENGINES) await pageOutCode(engine);
});

async function pageOutCode(engine: EngineSettings): Promise<void> {
  const t = swapKernel({ clusterPages: 4 }, POOL, engine);
  // Copies a function to eight pages, each with another number in it, and adds up what they return.
  const vm = await t.boot(sleeper(
    1,
    `
  cmp ebp, 0
  jne call
  mov ebp, 1
  mov edi, 0x50000
copy: mov byte ptr [edi], 0xb8
  mov [edi + 1], ebp
  mov byte ptr [edi + 5], 0xc3
  add edi, 4096
  inc ebp
  cmp ebp, 9
  jb copy
call: mov edi, 0x50000
  xor ebx, ebx
sum: call edi
  add ebx, eax
  add edi, 4096
  cmp edi, 0x58000
  jb sum
  add dword ptr [0x50001], 1
  mov [0x60000], ebx`,
  ));
  t.kernel.run(50_000);
  const word = new Int32Array(1);
  for (let i = 0; i < 4; i++) {
    t.kernel.keyboard(vm, Uint8Array.of(1));
    settle(t);
    assertEquals(vm.state, "idle");
    assert(vm.space.load32(0x60000, word, 0));
    assertEquals(word[0], 36 + i);
    await squeeze(t);
  }
  t.finish();
}

Deno.test("a VM that wakes while it is being written keeps what it uses", async () => {
  const t = swapKernel();
  const vm = await t.boot(sleeper(5, "add dword ptr [0x40000], 1\n mov eax, [0x41000]"));
  t.kernel.run(50_000);
  const hog = await t.boot(checker(300, 1), { memory: 4 << 20 });
  t.device.held = true;
  t.clock.jump(t.clock.monotonic() + 2_000_000);
  for (let i = 0; i < 50 && !t.device.log.some(({ slots }) => slots[0] < 256); i++) {
    t.kernel.run(1000);
  }
  t.kernel.keyboard(vm, Uint8Array.of(1));
  for (let i = 0; i < 10; i++) t.kernel.run(1000);
  assertEquals(vm.state, "idle");
  t.device.held = false;
  for (let i = 0; i < 3; i++) t.kernel.run(10);
  assertEquals(vm.stats.privateFrames >= 2, true);
  settle(t);
  const word = new Int32Array(1);
  t.kernel.keyboard(vm, Uint8Array.of(1));
  settle(t);
  assert(vm.space.load32(0x40000, word, 0));
  assertEquals(word[0], 0x40002);
  assertEquals([hog.state, hog.exitCode], ["stopped", 0]);
  t.finish();
});

Deno.test("a VM with many pages pays with its own while others are in use", async () => {
  const t = swapKernel({}, 4 << 20);
  const busy: Vm[] = [];
  for (let i = 0; i < 10; i++) {
    busy.push(
      await t.boot(`
_start: mov edi, 0x40000
next: inc dword ptr [edi]
  add edi, 4096
  cmp edi, 0x50000
  jb next
  mov eax, 2000
  idle
  jmp _start`),
    );
  }
  t.kernel.run(50_000);
  const hog = await t.boot(checker(1500, 3), { memory: 8 << 20 });
  for (let i = 0; i < 2000 && !hog.ended; i++) t.kernel.run(20_000);
  assertEquals([hog.state, hog.exitCode], ["stopped", 0]);
  assertEquals(busy.reduce((sum, { stats }) => sum + stats.faults, 0), 0);
  t.finish();
});

Deno.test("two VMs of which each is larger than the pool both get on, and neither is paused", async () => {
  const t = swapKernel({ delay: ({ slots }) => slots[0] % 3 }, 4 << 20);
  const vms = [
    await t.boot(checker(1500, 2), { memory: 8 << 20 }),
    await t.boot(checker(1500, 2), { memory: 8 << 20 }),
  ];
  settle(t);
  assertEquals(
    vms.map(({ state, exitCode }) => `${state} ${exitCode}`),
    vms.map(() => "stopped 0"),
  );
  assertEquals(t.states.filter((state) => state.endsWith("paused")), []);
  t.finish();
});

Deno.test("VMs in a pool that holds one instruction's pages still get on", async () => {
  for (const engine of ENGINES) await crowd(engine);
});

/** 32 frames, some of them images: seven VMs that copy between pages take each other's all the time. */
async function crowd(engine: EngineSettings): Promise<void> {
  const t = swapKernel({ clusterPages: 1 }, 32 * 4096, engine);
  const image = await t.load(`
_start: mov ebx, 20
next: mov esi, 0x40ffe
  mov edi, 0x42ffe
  mov dword ptr [esi], ebx
  movsd
  mov esi, 0x44ffe
  mov dword ptr [esi], ebx
  cmpsd
  mov edi, 0x42ffe
  mov eax, [edi]
  cmp eax, ebx
  jne wrong
  dec ebx
  jnz next
  mov eax, 0
  terminate
wrong: mov eax, 1
  terminate`);
  const vms: Vm[] = [];
  for (let id = 1; id <= 7; id++) {
    vms.push(t.kernel.createVm({ id, name: `vm-${id}`, image, memory: 1 << 20 }));
  }
  for (const vm of vms) t.kernel.start(vm);
  settle(t, 5000);
  assertEquals(
    vms.map(({ state, exitCode }) => `${state} ${exitCode}`),
    vms.map(() => "stopped 0"),
  );
  t.finish();
}
