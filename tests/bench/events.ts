/**
 * What an event costs among 10 to 10,000 VMs: a frame, a timer, a context switch.
 *
 *     deno task bench events [--sizes N,...] [--engine NAME]
 *
 * Nothing on a per-event path may cost time that grows with the number of VMs. Each event is measured
 * twice: for the same ten VMs among ever more others that idle with a timer set, where every growth
 * would be the kernel's fault; and spread over all VMs, where the memory of ten thousand of them does not
 * stay in the processor's caches, nor their tables for memory access among those that the kernel keeps.
 *
 *     frame   from outside to an idle VM, which takes it, answers, and idles again
 *     timer   the end of an idle VM's timeout, which it sets again
 *     turn    a turn of a VM that gives it up at once, to the next
 *
 * The least of sixty short rounds counts, which other work on the host disturbs least.
 */

import { parseArgs } from "@std/cli/parse-args";
import type { EngineName } from "../../cpu/engine.ts";
import { ENGINE_NAMES } from "../../cpu/engine_settings.ts";
import { Kernel, type Vm } from "../../kernel/kernel.ts";
import { assemble } from "../../kernel/testing/assemble.ts";
import { testNetwork } from "../../kernel/testing/test_kernel.ts";
import { printTable, save } from "./report/report.ts";
import { ANSWER_FRAME } from "../../kernel/testing/answer_frame.ts";

const SIZES = [10, 100, 1000, 10_000];
/** Rounds are short, some milliseconds: some of them are not interrupted by the host's other work. */
const FEW = 10, ROUND_EVENTS = 1000, ROUNDS = 60;
const PERIOD_US = 1000;

const FRAME = `
_start: mov dword ptr [REG_interrupt_pending], 0
  mov edi, 0x20000
  mov ecx, 1514
  mov edx, PORT_NIC_RECEIVE
  rep insb
  cmp ecx, 1514
  je none
  ${ANSWER_FRAME}
  jmp _start
none: mov eax, 1000000000
  idle
  jmp _start`;

const TIMER = `_start: mov eax, ${PERIOD_US}\n idle\n jmp _start`;
const TURN = "_start: xor eax, eax\n idle\n jmp _start";
/** A timer that does not expire, another one for each VM. */
const IDLE = `_start: mov eax, [REG_vm_id]
  add eax, 1000000000
  idle
  jmp _start`;

const EVENT_NAMES = ["frame", "timer", "turn"] as const;
type EventName = typeof EVENT_NAMES[number];
const SOURCES: Readonly<Record<EventName, string>> = { frame: FRAME, timer: TIMER, turn: TURN };

/** A clock that stands still until it is told. */
class ManualClock {
  now = 0;
  monotonic = () => this.now;
  wall = () => this.now;
}

interface Fleet {
  readonly kernel: Kernel;
  readonly clock: ManualClock;
  /** VMs that have events. */
  readonly busy: readonly Vm[];
  /** Frames sent so far. */
  next: number;
}

/** `busy` VMs that have events, among `count` in all; the others idle. */
async function fleetOf(
  event: EventName,
  busy: number,
  count: number,
  engine: EngineName | undefined,
): Promise<Fleet> {
  const clock = new ManualClock();
  const kernel = new Kernel({
    clock,
    poolBytes: (1024 + 4 * count) * 4096,
    engine: { name: engine },
    events: { console() {}, state() {}, uplink: () => true },
  });
  const idleImage = kernel.loadImage("idle", await assemble(IDLE));
  const image = kernel.loadImage(event, await assemble(SOURCES[event]));
  const vms: Vm[] = [];
  for (let id = 1; id <= count; id++) {
    const vm = kernel.createVm({
      id,
      name: "vm",
      image: id > busy ? idleImage : image,
      memory: 16 << 20,
      network: testNetwork(id),
    });
    kernel.start(vm);
    if (id <= busy) vms.push(vm);
  }
  kernel.run(100 * count);
  return { kernel, clock, busy: vms, next: 0 };
}

/** Lets as many events happen as a round has; returns how many. */
function happen(fleet: Fleet, event: EventName, workPerTurn: number): number {
  const { kernel, clock, busy } = fleet;
  if (event === "frame") {
    const frame = new Uint8Array(60);
    frame.set([2, 0, 0, 0, 0, 9, 0x88, 0xb5], 6);
    for (let i = 0; i < ROUND_EVENTS; i++) {
      // A walk that prefetchers do not foresee, on from where the last round ended.
      frame.set(busy[(fleet.next++ * 7919) % busy.length].mac);
      kernel.receive(frame);
      kernel.run(10_000);
    }
    return ROUND_EVENTS;
  }
  if (event === "turn") return kernel.run(workPerTurn * ROUND_EVENTS) / workPerTurn;
  const times = Math.ceil(ROUND_EVENTS / busy.length);
  for (let i = 0; i < times; i++) {
    clock.now += PERIOD_US;
    kernel.run(1000 * busy.length);
  }
  return times * busy.length;
}

/** Turns of the VMs that have events. */
function turns({ busy }: Fleet): number {
  return busy.reduce((sum, vm) => sum + vm.quanta, 0);
}

/** Microseconds per event. */
async function measure(
  event: EventName,
  busy: number,
  count: number,
  engine: EngineName | undefined,
): Promise<number> {
  const fleet = await fleetOf(event, busy, count, engine);
  const before = turns(fleet);
  const work = fleet.kernel.run(event === "turn" ? 20 * Math.max(busy, ROUND_EVENTS) : 1);
  const workPerTurn = Math.max(1, Math.round(work / (turns(fleet) - before || 1)));
  for (let done = 0; done < 2 * busy;) done += happen(fleet, event, workPerTurn);
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const happened = happen(fleet, event, workPerTurn);
    least = Math.min(least, (performance.now() - start) * 1000 / happened);
  }
  return least;
}

const flags = parseArgs(Deno.args, { string: ["sizes", "engine"] });
const sizes = flags.sizes?.split(",").map(Number) ?? SIZES;
const engine = ENGINE_NAMES.find((name) => name === flags.engine);
const rows: { event: EventName; vms: number; few: number; all: number }[] = [];
for (const event of EVENT_NAMES) {
  // Brings the code to life.
  for (let i = 0; i < 3; i++) await measure(event, FEW, FEW, engine);
  for (const vms of sizes) {
    const few = await measure(event, Math.min(FEW, vms), vms, engine);
    rows.push({ event, vms, few, all: await measure(event, vms, vms, engine) });
  }
}
printTable(
  ["event", "VMs", "µs, for ten of them", "times 10 VMs", "µs, for all of them"],
  rows.map(({ event, vms, few, all }) => {
    const first = rows.find((row) => row.event === event)!;
    const ratio = few / first.few;
    return [event, String(vms), few.toFixed(2), ratio.toFixed(2), all.toFixed(2)];
  }),
);
const line = (event: EventName, kind: "few" | "all") => ({
  label: `${event}, for ${kind === "few" ? "ten" : "all"}`,
  points: rows.filter((row) => row.event === event).map((row) => [row.vms, row[kind]] as const),
});
await save(
  "events",
  { rows, few: FEW },
  EVENT_NAMES.flatMap((event) => [line(event, "few"), line(event, "all")]),
  {
    title: "What an event costs",
    xLabel: "virtual machines",
    yLabel: "microseconds",
    logarithmicX: true,
  },
);
