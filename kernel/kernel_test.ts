import { assert, assertEquals, assertThrows } from "@std/assert";
import { testKernel } from "./testing/test_kernel.ts";

const HELLO = `
_start: mov esi, offset text
  mov ecx, 6
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  mov eax, 42
  terminate
text: .ascii "hello\\n"`;

/** Counts in memory for ever. */
const SPIN = `
_start: inc dword ptr [0x20000]
  add ebx, [0x20000]
  jmp _start`;

const SLEEP_FOREVER = `
_start: mov eax, IDLE_FOREVER
  idle
  jmp _start`;

Deno.test("a guest writes to its console and ends with its exit code", async () => {
  const t = testKernel();
  const vm = await t.boot(HELLO);
  t.kernel.run(1_000_000);
  assertEquals(t.consoles.get(1), "hello\n");
  assertEquals(vm.state, "stopped");
  assertEquals(vm.exitCode, 42);
  assertEquals(vm.stats.instructions, 6);
  assertEquals(t.states, ["1 running", "1 stopped"]);
  t.finish();
});

Deno.test("two VMs run for exactly one million instructions, every time the same", async () => {
  const run = async (budgets: number[]) => {
    const t = testKernel({ quantum: 77_777 });
    const a = await t.boot(SPIN);
    const b = await t.boot(SPIN);
    for (const budget of budgets) assertEquals(t.kernel.run(budget), budget);
    assertEquals(a.stats.instructions + b.stats.instructions, 1_000_000);
    const result = [t.kernel.report(a), t.kernel.report(b)];
    t.finish();
    return result;
  };
  const once = await run([1_000_000]);
  assertEquals(await run([1_000_000]), once);
  assertEquals(await run([1, 2, 499_997, 77_777, 422_223]), once);
});

/** Sends one frame to the other VM whenever one has come; VM 1 begins. Its payload counts. */
const PING = `
_start:
  mov esi, REG_nic_mac
  mov edi, offset frame + 6
  movsd
  movsw
  mov eax, [REG_vm_id]
  cmp eax, 1
  je send
  mov byte ptr [frame + 5], 1
receive:
  mov eax, IDLE_FOREVER
  idle
  mov dword ptr [REG_interrupt_pending], 0
  mov edi, offset buffer
  mov ecx, 2000
  mov edx, PORT_NIC_RECEIVE
  rep insb
  cmp ecx, 2000
  je receive
  mov eax, [buffer + 14]
  inc eax
  mov [frame + 14], eax
  cmp eax, 100
  ja done
send:
  mov esi, offset frame
  mov ecx, 60
  mov edx, PORT_NIC_SEND
  rep outsb
  test ecx, ecx
  jz receive
  ud2
done: mov eax, 7
  terminate
  .data
frame: .byte 2, 0x44, 0x4e, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0x88, 0xb5
  .fill 46
buffer: .fill 2000`;

Deno.test("two VMs talk over Ethernet, and the whole exchange can be repeated exactly", async () => {
  const run = async (budget: number) => {
    const t = testKernel();
    const vms = [await t.boot(PING, { network: true }), await t.boot(PING, { network: true })];
    let work = 0;
    for (let done = budget; done === budget;) work += done = t.kernel.run(budget);
    const result = {
      work,
      frames: t.frames,
      time: t.clock.monotonic(),
      vms: vms.map((vm) => ({ ...vm.stats, state: vm.state })),
    };
    t.finish();
    return result;
  };
  const once = await run(1_000_000);
  assertEquals(once.frames.length, 101);
  assert(once.frames.every((line) => line.includes(" delivered ")));
  assertEquals(once.vms[0].framesOut, 51);
  assertEquals(once.vms[1].framesOut, 50);
  assertEquals(await run(1_000_000), once);
  assertEquals(await run(7), once);
});

Deno.test("an idle VM takes no turn until its timeout, and time jumps over the idling", async () => {
  const t = testKernel();
  const vm = await t.boot(`
_start: mov eax, 5000
  idle
  mov edx, PORT_CLOCK
  out dx, eax
  mov ebx, [REG_monotonic_us]
  mov eax, 1
  terminate`);
  t.kernel.run(1_000_000);
  assertEquals(vm.state, "stopped");
  assertEquals(t.states, ["1 running", "1 idle", "1 running", "1 stopped"]);
  assertEquals(t.kernel.report(vm).registers.ebx, 5000);
  assertEquals(t.clock.monotonic(), 5000);
  t.finish();
});

Deno.test("when all VMs sleep for ever, run returns at once and says so", async () => {
  const t = testKernel();
  const vm = await t.boot(SLEEP_FOREVER);
  assert(t.kernel.run(1000) < 1000);
  assertEquals(vm.state, "idle");
  assertEquals(t.kernel.runnable, false);
  assertEquals(t.kernel.nextDeadline(), Infinity);
  assertEquals(t.kernel.run(1000), 0);
  t.finish();
});

Deno.test("a budget that is no whole number is refused, and the kernel goes on", async () => {
  const t = testKernel();
  const vm = await t.boot(HELLO);
  for (const budget of [NaN, Infinity, -1, 0.5, 2 ** 60]) {
    assertThrows(() => t.kernel.run(budget), RangeError, "budget: expected a whole number");
  }
  t.kernel.run(1_000_000);
  assertEquals(vm.exitCode, 42);
  t.finish();
});

Deno.test("idle with 0 gives the rest of the quantum to the others", async () => {
  const t = testKernel({ quantum: 1000 });
  const yielding = await t.boot(`_start: xor eax, eax\n idle\n jmp _start`);
  const spinning = await t.boot(SPIN);
  t.kernel.run(100_000);
  assert(yielding.stats.instructions < 400, `${yielding.stats.instructions}`);
  assert(spinning.stats.instructions > 98_000);
  assertEquals(yielding.state, "running");
  t.finish();
});

Deno.test("a periodic timer interrupts a VM that computes", async () => {
  const t = testKernel({ quantum: 10_000 });
  const vm = await t.boot(`
_start: mov dword ptr [REG_interrupt_handler], offset tick
  mov edx, PORT_TIMER_PERIODIC
  mov eax, 1000
  out dx, eax
  mov dword ptr [REG_interrupt_enable], 1
spin: cmp dword ptr [count], 5
  jb spin
  mov eax, [REG_monotonic_us]
  mov ebx, eax
  mov eax, 0
  terminate
tick: inc dword ptr [count]
  and dword ptr [REG_interrupt_pending], ~INTERRUPT_TIMER
  iret
  .data
count: .long 0`);
  t.kernel.run(2_000_000);
  assertEquals(vm.state, "stopped", vm.crash?.reason);
  assertEquals(vm.stats.interrupts, 5);
  const { ebx } = t.kernel.report(vm).registers;
  assert(ebx >= 5000 && ebx <= 5300, `${ebx}`);
  t.finish();
});

/** Writes `deadline_us`, then does `body` until an interrupt is pending, and ends with its bits; EBX: when. */
const untilDeadline = (microseconds: number, body: string) => `
_start: mov dword ptr [REG_deadline_us], ${microseconds}
  mov dword ptr [REG_deadline_us + 4], 0
wait: ${body}
  mov eax, [REG_interrupt_pending]
  test eax, eax
  jz wait
  mov ebx, [REG_monotonic_us]
  mov ecx, [REG_deadline_us + 4]
  terminate`;

Deno.test("a VM that computes is interrupted at its deadline, with no call of the kernel", async () => {
  const t = testKernel({ quantum: 10_000 });
  const vm = await t.boot(untilDeadline(1000, "inc edx"));
  await t.boot(SPIN);
  t.kernel.run(1_000_000);
  assertEquals(vm.exitCode, 1);
  const { ebx, ecx } = t.kernel.report(vm).registers;
  assert(ebx >= 1000 && ebx < 1300, `${ebx}`);
  assertEquals(ecx, 0xffffffff);
  t.finish();
});

Deno.test("a VM that idles is woken at its deadline, or at its timeout if that is sooner", async () => {
  const t = testKernel();
  const deadline = await t.boot(untilDeadline(7000, "mov eax, IDLE_FOREVER\n idle"));
  const timeout = await t.boot(`
_start: mov dword ptr [REG_deadline_us], 7000
  mov dword ptr [REG_deadline_us + 4], 0
  mov eax, 5000
  idle
  mov ebx, [REG_monotonic_us]
  mov eax, [REG_interrupt_pending]
  terminate`);
  t.kernel.run(1_000_000);
  assertEquals([deadline.exitCode, t.kernel.report(deadline).registers.ebx], [1, 7000]);
  assertEquals([timeout.exitCode, t.kernel.report(timeout).registers.ebx], [0, 5000]);
  assertEquals(deadline.stats.quanta, 2);
  t.finish();
});

Deno.test("a deadline that comes while its VM is paused is told when it goes on", async () => {
  const t = testKernel();
  const vm = await t.boot(untilDeadline(100, "mov eax, IDLE_FOREVER\n idle"));
  while (vm.state === "running") t.kernel.run(1);
  t.kernel.pause(vm);
  assert(t.kernel.run(1000) < 100);
  t.clock.jump(12_345);
  t.kernel.resume(vm);
  t.kernel.run(1000);
  assertEquals([vm.exitCode, t.kernel.report(vm).registers.ebx], [1, 12_345]);
  t.finish();
});

Deno.test("keyboard input wakes a VM, and closing it is seen", async () => {
  const t = testKernel();
  const vm = await t.boot(`
_start: mov dword ptr [REG_interrupt_pending], 0
  mov edi, offset buffer
  mov ecx, 100
  mov edx, PORT_KEYBOARD_READ
  rep insb
  neg ecx
  add ecx, 100
  jz empty
  mov esi, offset buffer
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  jmp _start
empty: mov edx, PORT_KEYBOARD_STATUS
  in eax, dx
  test eax, eax
  js closed
  mov eax, IDLE_FOREVER
  idle
  jmp _start
closed: mov eax, 3
  terminate
  .data
buffer: .fill 100`);
  t.kernel.run(10_000);
  assertEquals(vm.state, "idle");
  assertEquals(t.kernel.keyboard(vm, new TextEncoder().encode("typed")), 5);
  assertEquals(vm.state, "running");
  t.kernel.run(10_000);
  assertEquals(t.consoles.get(1), "typed");
  t.kernel.closeKeyboard(vm);
  t.kernel.run(10_000);
  assertEquals(vm.exitCode, 3);
  assertEquals(t.kernel.keyboard(vm, Uint8Array.of(1)), 0);
  t.finish();
});

Deno.test("the virtual registers say who the VM is", async () => {
  const t = testKernel();
  const vm = await t.boot(
    `
_start: mov esi, REG_abi_version
  mov ecx, 0xe00
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  terminate`,
    { network: true, args: ["one", "two"], env: { key: "value=x" } },
  );
  t.kernel.run(10_000);
  const page = new TextEncoder().encode(t.consoles.get(1));
  assertEquals(vm.state, "stopped", vm.crash?.reason);
  const text = t.consoles.get(1)!;
  assert(text.includes("test-1\0"));
  assert(text.includes("one\0two\0key=value=x\0"));
  assertEquals([...page.subarray(0, 4)], [1, 0, 0, 0]);
  assertEquals([...vm.mac], [2, 0x44, 0x4e, 0, 0, 1]);
  t.finish();
});

Deno.test("a paused VM does not run, keeps what comes, and goes on where it was", async () => {
  const t = testKernel({ quantum: 1000 });
  const spinning = await t.boot(SPIN);
  const idle = await t.boot(SLEEP_FOREVER);
  t.kernel.run(1500);
  t.kernel.pause(spinning);
  t.kernel.pause(idle);
  const { instructions } = spinning.stats;
  assertEquals(t.kernel.run(1000), 0);
  assertEquals(spinning.stats.instructions, instructions);
  t.kernel.resume(idle);
  assertEquals(idle.state, "idle");
  t.kernel.pause(idle);
  t.kernel.shutdown(idle);
  t.kernel.resume(idle);
  assertEquals(idle.state, "running");
  t.kernel.resume(spinning);
  assertEquals(t.kernel.run(5000), 5000);
  assert(spinning.stats.instructions > instructions);
  t.finish();
});

/** Writes to every page of its memory. */
const FILL = `
_start: mov edi, 0x20000
next: mov [edi], edi
  add edi, 4096
  cmp edi, [REG_memory_size]
  jb next
  mov eax, 0
  terminate`;

Deno.test("a VM that finds no free memory waits with a reason, and the others run on", async () => {
  const t = testKernel({ poolBytes: 4 << 20 });
  const hog = await t.boot(FILL, { memory: 16 << 20 });
  const other = await t.boot(SPIN);
  t.kernel.run(1_000_000);
  assertEquals(hog.state, "paused");
  assert(hog.pauseReason.startsWith("out of memory"), hog.pauseReason);
  const small = await t.boot(HELLO);
  const { instructions } = other.stats;
  t.kernel.run(1_000_000);
  assertEquals(small.state, "stopped");
  assert(other.stats.instructions > instructions);
  t.kernel.resume(hog);
  t.kernel.run(1_000_000);
  assertEquals(hog.state, "paused");
  t.finish();
});

Deno.test("a VM that waited for memory goes on when there is some again", async () => {
  const t = testKernel({ poolBytes: 4 << 20, quantum: 500 });
  const first = await t.boot(FILL, { memory: 3 << 20 });
  const second = await t.boot(FILL, { memory: 3 << 20 });
  t.kernel.run(1_000_000);
  assertEquals([first.state, second.state], ["paused", "paused"]);
  t.kernel.stop(first);
  t.kernel.resume(second);
  t.kernel.run(1_000_000);
  assertEquals(second.exitCode, 0);
  t.finish();
});

Deno.test("the periodic timer of a paused VM neither runs nor is lost", async () => {
  const t = testKernel();
  const vm = await t.boot(`
_start: mov edx, PORT_TIMER_PERIODIC
  mov eax, 100
  out dx, eax
  mov eax, IDLE_FOREVER
  idle
  mov eax, [REG_interrupt_pending]
  terminate`);
  while (vm.state === "running") t.kernel.run(1);
  t.kernel.pause(vm);
  assert(t.kernel.run(1_000_000) < 100);
  assertEquals(t.kernel.nextDeadline(), Infinity);
  t.clock.jump(12_345);
  t.kernel.resume(vm);
  t.kernel.run(1_000_000);
  assertEquals(vm.exitCode, 1);
  t.finish();
});

Deno.test("RDTSC counts on within a quantum and agrees with the time registers", async () => {
  const t = testKernel();
  const vm = await t.boot(`
_start: mov edx, PORT_CLOCK
  out dx, eax
  rdtsc
  sub eax, [REG_tsc_at_refresh]
  mov ebx, eax
  mov ecx, 1000
1: dec ecx
  jnz 1b
  rdtsc
  sub eax, [REG_tsc_at_refresh]
  mov esi, eax
  terminate`);
  t.kernel.run(100_000);
  const { ebx, esi } = t.kernel.report(vm).registers;
  assert(ebx > 0 && ebx < 500, `${ebx}`);
  assertEquals(esi - ebx, 10 * (2 * 1000 + 4));
  t.finish();
});

Deno.test("counters of destroyed VMs stay in the kernel's sums", async () => {
  const t = testKernel();
  const vm = await t.boot(HELLO);
  t.kernel.run(1000);
  const before = t.kernel.stats();
  t.kernel.destroy(vm);
  const after = t.kernel.stats();
  assertEquals(after.instructions, before.instructions);
  assertEquals(after.consoleBytes, 6);
  assertEquals(after.vms, 0);
  t.finish();
});
