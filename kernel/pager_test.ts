import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Image, type Vm, VmError } from "./kernel.ts";
import { RETRY_US } from "./swap_traffic.ts";
import { SWAP_DONE, SWAP_FAILED, SWAP_FULL } from "./swap_device.ts";
import { MemorySwap, type MemorySwapOptions } from "./testing/memory_swap.ts";
import { type TestKernel, testKernel } from "./testing/test_kernel.ts";

const POOL = 1 << 20;

function swapKernel(options: MemorySwapOptions = {}, poolBytes = POOL) {
  const device = new MemorySwap(options);
  const t = testKernel({
    poolBytes,
    memory: new ArrayBuffer(poolBytes),
    swap: device.swap,
    quantum: 5_000,
  });
  return { ...t, device };
}

/** Runs until nothing happens any more, at most `rounds` times. */
function settle(t: TestKernel, rounds = 2000): void {
  for (let i = 0; i < rounds; i++) {
    if (t.kernel.run(20_000) < 20_000 && t.kernel.stats().swap.underWay === 0) return;
  }
}

/**
 * Writes a number of its own into every page of `pages` from 0x40000 on, then checks and changes each,
 * `rounds` times over; ends with code 0, or 1 if a number was wrong.
 */
export function checker(pages: number, rounds: number): string {
  return `
_start: mov ebx, 0
  mov ecx, ${pages}
  mov edi, 0x40000
fill: call value
  mov [edi + ecx * 2 + 4], eax
  mov [edi], eax
  add edi, 4096
  dec ecx
  jnz fill
round: mov ecx, ${pages}
  mov edi, 0x40000
check: call value
  cmp [edi + ecx * 2 + 4], eax
  jne wrong
  cmp [edi], eax
  jne wrong
  inc ebx
  call value
  dec ebx
  mov [edi + ecx * 2 + 4], eax
  mov [edi], eax
  add edi, 4096
  dec ecx
  jnz check
  inc ebx
  cmp ebx, ${rounds}
  jb round
  mov eax, 0
  terminate
wrong: mov eax, 1
  terminate
value: imul eax, edi, 0x9e3779b1
  add eax, ebx
  imul eax, eax, 0x85ebca6b
  add eax, [REG_vm_id]
  ret`;
}

/** Touches pages of its own, then does `then` whenever something is pending. */
function sleeper(pages: number, then = ""): string {
  return `
_start: mov dword ptr [REG_interrupt_enable], 0
  mov edi, 0x40000
  mov ecx, ${pages}
touch: mov [edi], edi
  add edi, 4096
  dec ecx
  jnz touch
again: mov eax, IDLE_FOREVER
  idle
  mov dword ptr [REG_interrupt_pending], 0
  ${then}
  jmp again`;
}

/** Needs `pages` frames for some rounds, which drives out whoever sleeps. */
async function squeeze(t: TestKernel, pages = 252, rounds = 3): Promise<void> {
  t.clock.jump(t.clock.monotonic() + 2_000_000);
  const image = squeezers.get(t) ?? await t.load(checker(pages, rounds));
  squeezers.set(t, image);
  const hog = t.kernel.createVm({ id: 1000, name: "hog", image, memory: 4 << 20 });
  t.kernel.start(hog);
  settle(t);
  assertEquals([hog.state, hog.exitCode], ["stopped", 0]);
  t.kernel.destroy(hog);
}

const squeezers = new WeakMap<TestKernel, Image>();

/** A frame for VM 1 with a number in it. */
function packet(number: number): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([2, 0x44, 0x4e, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x88, 0xb5, number]);
  return frame;
}

Deno.test("a VM with more memory than the pool runs, and reads back what it wrote", async () => {
  for (const clusterPages of [1, 4, 16, 64]) {
    const t = swapKernel({ clusterPages });
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
  t.device.held = false;
  t.kernel.run(200_000);
  assertEquals(vm.state, "idle");
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
  const t = swapKernel({ clusterPages: 4 });
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
});

Deno.test("a page that cannot be read ends the one VM with a report that says so", async () => {
  let broken = false;
  const t = swapKernel({ outcome: ({ write }) => broken && !write ? SWAP_FAILED : SWAP_DONE });
  const vm = await t.boot(sleeper(10)), other = await t.boot(sleeper(10));
  t.kernel.run(50_000);
  await squeeze(t);
  broken = true;
  t.kernel.keyboard(vm, Uint8Array.of(1));
  settle(t);
  assertEquals([vm.state, other.state], ["crashed", "idle"]);
  assert(
    vm.crash!.reason.startsWith("swap failed: reading 11 pages from 0x1000"),
    vm.crash!.reason,
  );
  assert(vm.crash!.reason.endsWith("broken disk"), vm.crash!.reason);
  broken = false;
  t.kernel.keyboard(other, Uint8Array.of(1));
  settle(t);
  assertEquals([other.state, other.stats.privateFrames], ["idle", 11]);
  t.finish();
});

Deno.test("a page that cannot be written ends the one VM with a report that says so", async () => {
  let left = 1;
  const t = swapKernel({ outcome: ({ write }) => write && left-- > 0 ? SWAP_FAILED : SWAP_DONE });
  const vm = await t.boot(sleeper(10));
  t.kernel.run(50_000);
  await squeeze(t);
  assertEquals(vm.state, "crashed");
  assert(vm.crash!.reason.startsWith("swap failed: writing 11 pages"), vm.crash!.reason);
  t.finish();
});

Deno.test("a full disk costs no byte: VMs are paused with a reason and go on when there is room", async () => {
  let full = true;
  const t = swapKernel({ outcome: ({ write }) => full && write ? SWAP_FULL : SWAP_DONE });
  const sleeping = await t.boot(sleeper(60));
  t.kernel.run(50_000);
  const hog = await t.boot(checker(300, 3), { memory: 4 << 20 });
  settle(t);
  assertEquals(hog.state, "paused");
  assert(hog.pauseReason.startsWith("out of memory"), hog.pauseReason);
  assert(hog.pauseReason.includes("disk"), hog.pauseReason);
  assertEquals(sleeping.state, "idle");
  assertEquals(t.kernel.stats().swap.diskFull, 1);
  assertThrows(() => t.kernel.createVm({ name: "n", image: hog.image, memory: 1 << 20 }), VmError);
  const changes = t.states.length;
  t.clock.jump(t.clock.monotonic() + 5 * RETRY_US);
  settle(t);
  assertEquals([hog.state, t.states.length], ["paused", changes]);
  full = false;
  t.clock.jump(t.clock.monotonic() + RETRY_US);
  settle(t);
  assertEquals([hog.state, hog.exitCode], ["stopped", 0]);
  assertEquals(sleeping.state, "idle");
  t.finish();
});

Deno.test("a VM that waited for memory without swap is resumed when there is some", async () => {
  const t = testKernel({ poolBytes: POOL });
  const first = await t.boot(sleeper(220), { memory: 2 << 20 }),
    second = await t.boot(checker(100, 2));
  t.kernel.run(100_000);
  assertEquals([first.state, second.state], ["idle", "paused"]);
  t.kernel.stop(first);
  t.kernel.run(100_000);
  assertEquals([second.state, second.exitCode], ["stopped", 0]);
  assertEquals(t.states.filter((state) => state === "2 paused").length, 1);
  t.finish();
});

Deno.test("a VM is refused when its memory does not fit into swap, and fits when another has gone", async () => {
  const t = swapKernel({ pages: 600 });
  const first = await t.boot(sleeper(1)), second = await t.boot(sleeper(1));
  assertThrows(
    () => t.kernel.createVm({ name: "third", image: first.image, memory: 1 << 20 }),
    VmError,
    "expected 1048576 bytes of swap for the VM's memory, 360448 are left",
  );
  assertEquals(t.kernel.stats().swap.free, 88);
  t.kernel.destroy(first);
  const third = t.kernel.createVm({ name: "third", image: second.image, memory: 1 << 20 });
  t.kernel.destroy(third);
  t.finish();
});

Deno.test("VMs that are made while no frame is free begin when there is one, in their order", async () => {
  const t = swapKernel();
  const full = await t.boot(sleeper(60));
  t.kernel.run(50_000);
  t.device.held = true;
  const hog = await t.boot(checker(250, 2), { memory: 2 << 20 });
  const image = await t.load(sleeper(3));
  t.kernel.run(50_000);
  assertEquals(t.kernel.stats().frames.free, 0);
  const vms: Vm[] = [];
  for (let id = 10; id < 30; id++) {
    vms.push(t.kernel.createVm({ id, name: `vm-${id}`, image, memory: 1 << 20 }));
    if (id < 28) t.kernel.start(vms[vms.length - 1]);
  }
  t.kernel.run(50_000);
  assertEquals(vms.map(({ stats }) => stats.instructions), vms.map(() => 0));
  t.kernel.destroy(vms.pop()!);
  t.device.held = false;
  settle(t);
  assertEquals([full.state, hog.exitCode, vms.pop()!.state], ["idle", 0, "created"]);
  assertEquals(vms.map(({ state }) => state), vms.map(() => "idle"));
  const ready = t.states.filter((state) => /^\d\d idle/.test(state));
  assertEquals(ready, vms.map(({ id }) => `${id} idle`));
  t.finish();
});

Deno.test("a VM that was made while no frame was free runs if there is one when its turn comes", async () => {
  const t = swapKernel();
  await t.boot(sleeper(60));
  t.kernel.run(50_000);
  t.device.held = true;
  const hog = await t.boot(checker(250, 2), { memory: 2 << 20 });
  const image = await t.load(sleeper(3));
  t.kernel.run(50_000);
  assertEquals(t.kernel.stats().frames.free, 0);
  const vm = t.kernel.createVm({ id: 10, name: "late", image, memory: 1 << 20 });
  t.kernel.start(vm);
  t.kernel.destroy(hog);
  t.device.held = false;
  settle(t);
  assertEquals(vm.state, "idle");
  t.finish();
});

Deno.test("a VM can be paused, resumed and destroyed while its pages are under way", async () => {
  const t = swapKernel();
  const vms = [await t.boot(sleeper(10)), await t.boot(sleeper(10)), await t.boot(sleeper(10))];
  t.kernel.run(50_000);
  await squeeze(t);
  t.device.held = true;
  for (const vm of vms) t.kernel.keyboard(vm, Uint8Array.of(1));
  t.kernel.run(50_000);
  assertEquals(t.kernel.stats().swap.underWay, 3);
  t.kernel.pause(vms[0]);
  t.kernel.resume(vms[0]);
  t.kernel.pause(vms[1]);
  t.kernel.destroy(vms[2]);
  t.kernel.run(50_000);
  // Its slots are not anybody else's before the disk is done with them.
  assertEquals(t.kernel.stats().swap.free, (1 << 20) - 3 * 256);
  t.device.held = false;
  settle(t);
  assertEquals(vms.map(({ state }) => state), ["idle", "paused", "stopped"]);
  assertEquals(t.kernel.stats().swap.free, (1 << 20) - 2 * 256);
  t.kernel.resume(vms[1]);
  settle(t);
  assertEquals([vms[1].state, vms[1].stats.privateFrames], ["idle", 11]);
  t.finish();
});

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

Deno.test("VMs in a pool that holds one instruction's pages still get on", async () => {
  // 32 frames, some of them images: seven VMs that copy between pages take each other's all the time.
  const t = swapKernel({ clusterPages: 1 }, 32 * 4096);
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
});
