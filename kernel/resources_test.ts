import { assert, assertEquals, assertThrows } from "@std/assert";
import { WORK_PER_MICROSECOND } from "./clock.ts";
import { VmError } from "./errors.ts";
import { CPU_BURST_US, type Resources } from "./resources.ts";
import { DEFAULT_QUANTUM } from "./scheduler.ts";
import { type TestKernel, testKernel } from "./testing/test_kernel.ts";
import type { Vm } from "./vm.ts";

/** One second of the deterministic clock. */
const SECOND = 1_000_000 * WORK_PER_MICROSECOND;

const SPIN = "_start: inc eax\n jmp _start";

/** Sends frames as fast as they are taken; sleeps when refused. */
const FLOOD = `
_start: mov esi, offset frame
  mov eax, [REG_nic_mac]
  mov [frame + 6], eax
  mov ax, [REG_nic_mac + 4]
  mov [frame + 10], ax
again: mov esi, offset frame
  mov ecx, 1000
  mov edx, PORT_NIC_SEND
  rep outsb
  test ecx, ecx
  jz again
  mov dword ptr [REG_interrupt_pending], 0
  mov eax, IDLE_FOREVER
  idle
  jmp again
  .data
frame: .byte 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0x88, 0xb5
  .fill 1000`;

/** Takes every frame that it is interrupted for, and sends it back. */
const ECHO = `
_start: mov dword ptr [REG_interrupt_pending], 0
  mov edi, offset frame
  mov ecx, 1514
  mov edx, PORT_NIC_RECEIVE
  rep insb
  cmp ecx, 1514
  je none
  mov eax, [frame + 6]
  mov [frame], eax
  mov ax, [frame + 10]
  mov [frame + 4], ax
  mov eax, [REG_nic_mac]
  mov [frame + 6], eax
  mov ax, [REG_nic_mac + 4]
  mov [frame + 10], ax
  neg ecx
  add ecx, 1514
  mov esi, offset frame
  mov edx, PORT_NIC_SEND
  rep outsb
  jmp _start
none: mov eax, IDLE_FOREVER
  idle
  jmp _start
  .bss
frame: .fill 1514`;

/** A frame of 1000 bytes from outside. */
function frameTo(vm: Vm): Uint8Array {
  const frame = new Uint8Array(1000);
  frame.set([...vm.mac, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  return frame;
}

/** Instructions that each VM retired while the kernel did `work`. */
function instructions(t: TestKernel, vms: readonly Vm[], work: number): number[] {
  const before = vms.map((vm) => vm.stats.instructions);
  t.kernel.run(work);
  return vms.map((vm, i) => vm.stats.instructions - before[i]);
}

/** Jain's fairness index: 1 if all are equal, 1 / n if one has everything. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b), squares = values.reduce((a, b) => a + b * b, 0);
  return sum * sum / (values.length * squares);
}

async function boot(t: TestKernel, count: number, resources?: Resources): Promise<Vm[]> {
  const vms: Vm[] = [];
  for (let i = 0; i < count; i++) vms.push(await t.boot(SPIN, { resources }));
  return vms;
}

function assertNear(actual: number, expected: number, tolerance: number): void {
  const off = Math.abs(actual - expected) / expected;
  assert(off <= tolerance, `expected ${expected} within ${tolerance * 100} %, got ${actual}`);
}

Deno.test("fifty VMs that compute share a second to a Jain index of 0.99", async () => {
  const t = testKernel({ poolBytes: 16 << 20, memory: undefined });
  const shares = instructions(t, await boot(t, 50), SECOND);
  assert(jain(shares) >= 0.99, String(jain(shares)));
  t.finish();
});

Deno.test("weights of 1, 2 and 4 give 1, 2 and 4 parts of a second, and can be changed", async () => {
  // A tenth of a second with a tenth of the quantum: as many rounds as a second has.
  const t = testKernel({ quantum: DEFAULT_QUANTUM / 10 });
  const vms = await boot(t, 3);
  for (const weights of [[100, 200, 400], [800, 200, 400], [1, 2, 4]]) {
    vms.forEach((vm, i) => t.kernel.setResources(vm, { cpuWeight: weights[i] }));
    const shares = instructions(t, vms, SECOND / 10);
    const total = weights.reduce((a, b) => a + b);
    shares.forEach((share, i) => assertNear(share, SECOND / 10 * weights[i] / total, 0.03));
  }
  t.finish();
});

Deno.test("a VM with a cap of a quarter gets a quarter, alone or beside others", async () => {
  const t = testKernel();
  const capped = await t.boot(SPIN, { resources: { cpus: 0.25 } });
  const start = t.clock.monotonic();
  t.kernel.run(SECOND / 8);
  const time = t.clock.monotonic() - start;
  assertNear(time, 500_000 - CPU_BURST_US, 0.02);
  assertEquals(capped.state, "running");
  assert(capped.stats.throttled > 10);

  const other = await t.boot(SPIN);
  const shares = instructions(t, [capped, other], SECOND / 2);
  assertNear(shares[0], SECOND / 8, 0.03);
  assertNear(shares[1], SECOND * 3 / 8, 0.03);

  t.kernel.setResources(capped, { cpus: null });
  assertNear(instructions(t, [capped, other], SECOND / 8)[0], SECOND / 16, 0.03);
  t.finish();
});

Deno.test("a VM that waits for processor time can be paused, resumed, freed of its cap and ended", async () => {
  const t = testKernel();
  const vm = await t.boot(SPIN, { resources: { cpus: 0.001 } });
  const other = await t.boot(SPIN);
  /** While the other one runs, time does not jump. */
  const waits = () => {
    for (let i = 0; i < 100 && !vm.cpuWaits; i++) t.kernel.run(DEFAULT_QUANTUM);
    assert(vm.cpuWaits);
  };
  waits();
  t.kernel.pause(vm);
  assertEquals(instructions(t, [vm, other], SECOND / 10), [0, SECOND / 10]);
  t.kernel.resume(vm);
  waits();
  t.kernel.setResources(vm, { cpus: null });
  assertNear(instructions(t, [vm], SECOND / 10)[0], SECOND / 20, 0.05);
  t.kernel.setResources(vm, { cpus: 0.001 });
  waits();
  t.kernel.destroy(vm);
  assertEquals(t.kernel.nextDeadline(), Infinity);
  t.finish();
});

/** A clock of the host that the test moves: it goes on by `step` µs whenever somebody looks at it. */
function hostClock(step: number) {
  const clock = { now: 0, monotonic: () => clock.now += step, wall: () => clock.now };
  return clock;
}

Deno.test("a turn in which more time passes than work is done is over early", async () => {
  const clock = hostClock(0);
  const events = { console: () => clock.now += 100, state: () => {}, uplink: () => true };
  const t = testKernel({ clock, events });
  const slow = await t.boot(`
_start: mov esi, offset _start
  mov ecx, 1
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  jmp _start`);
  const other = await t.boot(SPIN);
  t.kernel.run(20 * DEFAULT_QUANTUM);
  // By work alone each would have ten turns, and the slow one would write ten thousand times in each.
  assert(slow.stats.consoleBytes < 10_000, `${slow.stats.consoleBytes}`);
  assert(other.stats.instructions > 15 * DEFAULT_QUANTUM, `${other.stats.instructions}`);
  assert(slow.quanta > 10 && other.quanta > 10);
  t.finish();
});

Deno.test("VMs that wake all the time pay for the tables that they lost", async () => {
  const t = testKernel({ clock: hostClock(1), softTlbBytes: 8 * (64 << 20) / 4096 });
  const wakers = [];
  for (let n = 0; n < 3; n++) {
    wakers.push(await t.boot("_start: mov eax, 1\n idle\n jmp _start", { memory: 64 << 20 }));
  }
  const other = await t.boot(SPIN);
  t.kernel.run(10 * DEFAULT_QUANTUM);
  const quanta = wakers.reduce((sum, vm) => sum + vm.quanta, 0);
  // By weight three quarters of the processor are theirs; each turn begins with 16,384 entries of each table.
  assert(quanta > 100 && quanta < 10_000, `${quanta}`);
  assert(other.stats.instructions > 9 * DEFAULT_QUANTUM, `${other.stats.instructions}`);
  t.finish();
});

Deno.test("the timer of a VM that takes no turns keeps nobody awake, and goes on with its next turn", async () => {
  const clock = hostClock(0);
  let room = 0;
  const events = {
    console: () => {},
    consoleRoom: () => room,
    state: () => {},
    uplink: () => true,
  };
  const t = testKernel({ clock, events });
  const start = `
_start: mov esp, 0x80000
  mov dword ptr [REG_interrupt_handler], offset tick
  mov dword ptr [REG_interrupt_enable], 1
  mov eax, 1
  mov edx, PORT_TIMER_PERIODIC
  out dx, eax`;
  const tick = `
tick: mov dword ptr [REG_interrupt_pending], 0
  iret`;
  const writer = await t.boot(`${start}
again: mov esi, offset _start
  mov ecx, 5
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  jmp again${tick}`);
  const capped = await t.boot(`${start}\n 1: jmp 1b${tick}`, { resources: { cpus: 0.001 } });
  const settle = () => {
    for (let i = 0; i < 20 && t.kernel.runnable; i++) {
      t.kernel.run(DEFAULT_QUANTUM);
      // What a turn takes: more than there is.
      clock.now += 100;
    }
  };
  const spend = capped.cpuTime!.spend.bind(capped.cpuTime);
  capped.cpuTime!.spend = () => spend(50);
  settle();
  assertEquals([writer.waits, capped.waits], ["console", "processor"]);
  assert(t.kernel.nextDeadline() > clock.now + 1000, `${t.kernel.nextDeadline() - clock.now}`);
  const { interrupts } = writer;
  clock.now += 500;
  room = 5;
  t.kernel.consoleReady(writer);
  t.kernel.run(1);
  room = 0;
  // What it missed was one interrupt, and the next one comes in time.
  assertEquals(writer.interrupts, interrupts + 1);
  assertEquals(t.kernel.nextDeadline(), clock.now + 1);
  t.finish();
});

Deno.test("what a VM sends is held to its frames and bytes per second, and is not lost", async () => {
  for (
    const [resources, rate] of [
      [{ netFrames: { rate: 100, burst: 10 } }, 100],
      [{ netBytes: { rate: 50_000, burst: 5000 } }, 50],
      [{ netFrames: { rate: 100, burst: 10 }, netBytes: { rate: 50_000, burst: 5000 } }, 50],
    ] as const
  ) {
    const t = testKernel();
    const vm = await t.boot(FLOOD, { network: true, resources });
    // Each run ends with work of the guest, and time jumps over its idling.
    while (t.clock.monotonic() < 4_000_000) t.kernel.run(100);
    assertNear(t.uplinked.length, rate * t.clock.monotonic() / 1e6 + rate / 10, 0.03);
    assert(vm.stats.instructions < 100_000, "it must idle while it is held");
    const waiting = vm.stats.framesOut - t.uplinked.length;
    assert(waiting >= 0 && waiting <= 64, `${waiting} frames wait`);
    t.finish();
  }
});

Deno.test("what comes for a VM waits for its rate without waking it", async () => {
  const t = testKernel();
  const resources = { netFrames: { rate: 100, burst: 1 } };
  const vm = await t.boot(ECHO, { network: true, resources });
  t.kernel.run(1000);
  for (let i = 0; i < 40; i++) t.kernel.receive(frameTo(vm));
  const { quanta } = vm.stats;
  while (t.clock.monotonic() < 205_000) t.kernel.run(100);
  assertNear(t.uplinked.length, 21, 0.05);
  // One quantum to take each frame, and one in which it found the next not to be there yet.
  assert(vm.stats.quanta - quanta <= 2 * 21 + 1, `${vm.stats.quanta - quanta} quanta`);
  t.kernel.setResources(vm, { netFrames: null });
  t.kernel.run(100_000);
  assertEquals(t.uplinked.length, 40);
  t.finish();
});

Deno.test("a server beside fifty VMs that compute answers within a quantum", async () => {
  const t = testKernel({ poolBytes: 16 << 20, memory: undefined });
  const server = await t.boot(ECHO, { network: true });
  await boot(t, 50);
  t.kernel.run(SECOND / 10);
  const waits: number[] = [];
  // A client that asks a thousandth of a second after each answer, with looks at the network as often
  // as a cell takes them.
  for (let i = 0; i < 1000; i++) {
    const asked = t.clock.monotonic();
    t.kernel.receive(frameTo(server));
    while (t.uplinked.length === i) t.kernel.run(50_000);
    waits.push((t.clock.monotonic() - asked) * WORK_PER_MICROSECOND);
    t.kernel.run(100_000);
  }
  waits.sort((a, b) => a - b);
  assert(waits[990] <= DEFAULT_QUANTUM, `p99 is ${waits[990]} units of work`);
  t.finish();
});

Deno.test("budgets change nothing, also where a frame of one VM cuts the turn of another", async () => {
  // Sends a frame to VM 1 every 30,001 instructions or so, and counts the answers.
  const client = FLOOD.replace(
    /again:[^]*jmp again\n/,
    `again: mov ecx, 15000
count: dec ecx
  jnz count
  mov esi, offset frame
  mov ecx, 60
  mov edx, PORT_NIC_SEND
  rep outsb
  mov edi, offset answer
  mov ecx, 60
  mov edx, PORT_NIC_RECEIVE
  rep insb
  jmp again
`,
  ).replace(
    /frame: .byte 2, 0, 0, 0, 0, 9/,
    "answer: .fill 60\nframe: .byte 2, 0x44, 0x4e, 0, 0, 1",
  );
  const runs: unknown[] = [];
  for (const budget of [3_000_000, 50_000, 7919, 1000]) {
    const t = testKernel();
    const vms = [await t.boot(ECHO, { network: true })];
    for (let i = 0; i < 3; i++) vms.push(await t.boot(client, { network: true }));
    vms.push(await t.boot(SPIN));
    let work = 0;
    while (work < 3_000_000) work += t.kernel.run(Math.min(budget, 3_000_000 - work));
    assert(vms[0].stats.framesIn > 50 && vms[1].stats.framesIn > 10);
    runs.push([t.clock.monotonic(), t.frames, vms.map((vm) => vm.stats)]);
    t.finish();
  }
  for (const run of runs) assertEquals(run, runs[0]);
});

Deno.test("limits that make no sense are refused by name and change nothing", async () => {
  const t = testKernel();
  const vm = await t.boot(SPIN, { resources: { cpuWeight: 300 } });
  const wrong: [Resources, string][] = [
    [{ cpuWeight: 0 }, "cpuWeight"],
    [{ cpuWeight: 1001 }, "cpuWeight"],
    [{ cpuWeight: 1.5 }, "cpuWeight"],
    [{ cpus: 0 }, "cpus"],
    [{ cpus: 1.1 }, "cpus"],
    [{ cpus: NaN }, "cpus"],
    [{ netFrames: { rate: 0 } }, "netFrames.rate"],
    [{ netBytes: { rate: 1000, burst: 0.5 } }, "netBytes.burst"],
  ];
  const before = vm.limits;
  for (const [change, field] of wrong) {
    const error = assertThrows(
      () => t.kernel.setResources(vm, { cpuWeight: 5, ...change }),
      VmError,
    );
    assertEquals(error.field, field);
    assertEquals(vm.limits, before);
    assertEquals(vm.weight, 300);
  }
  t.finish();
});
