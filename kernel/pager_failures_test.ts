/** What happens when pages cannot move, or when there is no room for them. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Vm, VmError } from "./kernel.ts";
import { SWAP_DONE, SWAP_FAILED, SWAP_FULL } from "./swap_device.ts";
import { RETRY_US } from "./swap_traffic.ts";
import { checker, POOL, settle, sleeper, squeeze, swapKernel } from "./testing/swap_kernel.ts";
import { testKernel } from "./testing/test_kernel.ts";

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

Deno.test("a VM with many pages that can get no more keeps no small one from running", async () => {
  let full = false;
  const t = swapKernel({ outcome: ({ write }) => full && write ? SWAP_FULL : SWAP_DONE }, 4 << 20);
  // Touches twenty new pages at each key.
  const more = `add esi, 20
  mov ecx, 20
  more: mov [edi], esi
  add edi, 4096
  dec ecx
  jnz more`;
  const small = await t.boot(sleeper(1, more));
  settle(t);
  full = true;
  const hog = await t.boot(checker(1500, 1), { memory: 8 << 20 });
  settle(t);
  assertEquals(hog.state, "paused");
  for (let round = 1; round <= 3; round++) {
    t.kernel.keyboard(small, Uint8Array.of(1));
    settle(t);
    assertEquals([small.state, small.stats.privateFrames], ["idle", 2 + 20 * round]);
    assertEquals(hog.state, "paused");
  }
  full = false;
  t.clock.jump(t.clock.monotonic() + RETRY_US);
  settle(t);
  assertEquals([hog.state, hog.exitCode], ["stopped", 0]);
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
  const refuse = (memory: number, most: number) =>
    assertThrows(
      () => t.kernel.createVm({ name: "third", image: second.image, memory }),
      VmError,
      `expected at most ${most} bytes of memory, as much as swap has in one piece, got ${memory}`,
    );
  refuse(1 << 20, 88 << 12);
  assertEquals(t.kernel.stats().swap.free, 88);
  t.kernel.destroy(first);
  assertEquals(t.kernel.stats().swap.free, 344);
  refuse(300 << 12, 1 << 20);
  const third = t.kernel.createVm({ name: "third", image: second.image, memory: 1 << 20 });
  t.kernel.destroy(third);
  t.finish();
});

/** No frame is free: pages of a VM that sleeps are being written for one that wants more than there is. */
async function withoutFrames() {
  const t = swapKernel();
  const sleeping = await t.boot(sleeper(60));
  t.kernel.run(50_000);
  t.device.held = true;
  const hog = await t.boot(checker(250, 2), { memory: 2 << 20 });
  const image = await t.load(sleeper(3));
  t.kernel.run(50_000);
  assertEquals(t.kernel.stats().frames.free, 0);
  return { t, sleeping, hog, image };
}

Deno.test("VMs that are made while no frame is free begin when there is one, in their order", async () => {
  const { t, sleeping, hog, image } = await withoutFrames();
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
  assertEquals([sleeping.state, hog.exitCode, vms.pop()!.state], ["idle", 0, "created"]);
  assertEquals(vms.map(({ state }) => state), vms.map(() => "idle"));
  const ready = t.states.filter((state) => /^\d\d idle/.test(state));
  assertEquals(ready, vms.map(({ id }) => `${id} idle`));
  t.finish();
});

Deno.test("a VM that was made while no frame was free runs if there is one when its turn comes", async () => {
  const { t, hog, image } = await withoutFrames();
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

Deno.test("pages that are given back while they come in for a VM that was paused cost no frame", async () => {
  const t = swapKernel({ clusterPages: 4 });
  // Its handler gives back what its main program waits for, and writes there.
  const vm = await t.boot(`
_start: mov esp, 0x30000
  mov edi, 0x40000
touch: mov [edi], edi
  add edi, 4096
  cmp edi, 0x50000
  jb touch
  mov dword ptr [REG_interrupt_handler], offset handler
sleep: mov eax, IDLE_FOREVER
  idle
  mov dword ptr [REG_interrupt_pending], 0
  push eax
  pop eax
  mov dword ptr [0x60000], 1
  mov eax, 1000
  idle
  mov dword ptr [REG_interrupt_pending], 0
  mov dword ptr [REG_interrupt_enable], 1
  mov eax, [0x48000]
  mov eax, [0x49000]
  terminate
handler: mov dword ptr [REG_interrupt_pending], 0
  mov esi, 0x49000
  mov ecx, 0x7000
  mov edx, PORT_MEMORY_DISCARD
  rep outsb
  mov dword ptr [0x49000], 7
  iret`);
  t.kernel.run(50_000);
  await squeeze(t);
  t.kernel.keyboard(vm, Uint8Array.of(1));
  for (let round = 0; round < 100 && vm.state !== "stopped"; round++) {
    t.device.held = true;
    t.kernel.run(1000);
    if (vm.state === "running") {
      t.kernel.pause(vm);
      t.kernel.keyboard(vm, Uint8Array.of(1));
      t.kernel.resume(vm);
    }
    t.kernel.run(1000);
    t.device.held = false;
    t.kernel.run(1);
  }
  assertEquals([vm.state, vm.exitCode], ["stopped", 7]);
  t.finish();
});
