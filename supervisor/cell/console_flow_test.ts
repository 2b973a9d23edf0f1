import { assert, assertEquals, assertThrows } from "@std/assert";
import { createRing, RingReader, RingWriter } from "../../devices/ring.ts";
import { CellConsoles } from "./consoles.ts";
import type { CellKernel, CellVm } from "./kernel.ts";
import { ConsoleFlows } from "./console_flow.ts";
import { CONSOLE_RECORD_COST, CONSOLE_WINDOW, consoleCost, NOTICE } from "./protocol.ts";
import { Supervisor } from "../supervisor.ts";
import { echoGuest, floodGuest } from "../testing/guests.ts";

const STOPPED = { state: "stopped" } as const;

/** Flows whose taker is busy with VMs of `slow` until `release`. */
function setup(slow: number[] = []) {
  const told: string[] = [];
  const returned = new Map<number, number>();
  let releases: (() => void)[] = [];
  const flows = new ConsoleFlows({
    console(vm, bytes) {
      told.push(`${vm} ${new TextDecoder().decode(bytes)}`);
      if (slow.includes(vm)) return new Promise((resolve) => releases.push(resolve));
    },
    state: (vm, { state }) => told.push(`${vm} ${state}`),
    consumed: (vm, cost) => returned.set(vm, (returned.get(vm) ?? 0) + cost),
  });
  const say = (vm: number, text: string) => flows.console(vm, new TextEncoder().encode(text));
  const release = async () => {
    for (const resolve of releases.splice(0)) resolve();
    for (let n = 0; n < 10; n++) await null;
  };
  releases = [];
  return { flows, told, returned, say, release };
}

Deno.test("a taker that is busy holds back that VM's output and states, and no other's", async () => {
  const { flows, told, say, release } = setup([1]);
  say(1, "a");
  say(1, "b");
  flows.state(1, STOPPED);
  say(2, "x");
  flows.state(2, STOPPED);
  assertEquals(told, ["1 a", "2 x", "2 stopped"]);
  await release();
  assertEquals(told.slice(3), ["1 b"]);
  await release();
  assertEquals(told.slice(4), ["1 stopped"]);
});

Deno.test("what was consumed is given back in lumps, and all of it when the VM has ended", async () => {
  const { flows, returned, say, release } = setup([2]);
  say(1, "x".repeat(1000));
  flows.giveBack();
  assertEquals(returned.size, 0);
  for (let n = 0; n < 40; n++) say(1, "x".repeat(1000));
  assertEquals(returned.size, 0);
  flows.giveBack();
  assertEquals(returned.get(1), 41 * consoleCost(1000));
  say(1, "end");
  flows.state(1, STOPPED);
  say(2, "slow");
  flows.state(2, STOPPED);
  flows.giveBack();
  assertEquals(returned.get(1), 41 * consoleCost(1000) + consoleCost(3));
  assertEquals(flows.size, 1);
  await release();
  assertEquals(returned.get(2), consoleCost(4));
  assertEquals(flows.size, 0);
});

Deno.test("a cell that sends more than a window is not believed", () => {
  const { say } = setup([1]);
  say(1, "x".repeat(CONSOLE_WINDOW - CONSOLE_RECORD_COST));
  assertThrows(() => say(1, "x"), RangeError, "under way");
});

Deno.test("the output of one VM is bounded by its window, that of all by a share of the outbox", () => {
  const buffer = createRing(1 << 20);
  const writer = new RingWriter(buffer), reader = new RingReader(buffer);
  const consoles = new CellConsoles(writer);
  const vms = new Map<number, CellVm>();
  const ready: number[] = [];
  const kernel = {
    vms,
    consoleReady: (vm: CellVm) => ready.push(vm.id),
  } as unknown as CellKernel;
  const fill = (vm: CellVm) => {
    let total = 0;
    for (let room; (room = Math.min(16_384, consoles.room(vm))) > 0; total += room) {
      assert(writer.write(NOTICE.CONSOLE, vm.id, 0, new Uint8Array(room)));
      consoles.sent(vm, room);
    }
    return total;
  };
  for (let id = 1; id <= 20; id++) vms.set(id, { id } as CellVm);
  const amounts = [...vms.values()].map(fill);
  assert(amounts[0] > 60_000 && amounts[0] < CONSOLE_WINDOW);
  assertEquals(amounts[19], 0);
  assert(writer.used < (1 << 19) + 32_768, "half of the outbox is left for everything else");
  consoles.resume(kernel);
  assertEquals(ready, []);
  while (reader.next()) reader.release();
  consoles.resume(kernel);
  assert(ready.includes(20) && !ready.includes(1));
  assert(!consoles.waiting);
  assertEquals(fill(vms.get(1)!), 0);
  consoles.consumed(1, CONSOLE_WINDOW / 2, kernel);
  assertEquals(ready.at(-1), 1);
  assert(fill(vms.get(1)!) > 30_000);
});

Deno.test("VMs that flood consoles which nobody reads leave the others of their cell at work", async () => {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 64 * 2 ** 20 });
  try {
    const FLOODS = 20, TIMES = 16;
    await supervisor.addImage("flood", floodGuest(TIMES));
    await supervisor.addImage("echo", echoGuest());
    const { promise: read, resolve: release } = Promise.withResolvers<void>();
    const received = new Map<number, number>();
    for (let n = 1; n <= FLOODS; n++) {
      await supervisor.create({ image: "flood", memory: 1 << 20 }, async (bytes) => {
        await read;
        received.set(n, (received.get(n) ?? 0) + bytes.length);
      });
    }
    await supervisor.create({ name: "parrot", image: "echo", memory: 1 << 20 });
    await supervisor.keyboard("parrot", new TextEncoder().encode("heard"));
    await supervisor.closeKeyboard("parrot");
    assertEquals((await supervisor.ended("parrot")).state, "stopped");
    assertEquals(new TextDecoder().decode(supervisor.consoleHistory("parrot")), "heard");
    release();
    for (let n = 1; n <= FLOODS; n++) await supervisor.ended(n);
    assertEquals([...received.values()], Array(FLOODS).fill(TIMES * 65_536));
  } finally {
    await supervisor.close();
  }
});

Deno.test("a VM that waits for its console is paused, stopped and started like any other", async () => {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 16 * 2 ** 20 });
  try {
    await supervisor.addImage("flood", floodGuest(1000));
    let free = () => {};
    const blocked = new Promise<void>((resolve) => free = resolve);
    let received = 0;
    const { id } = await supervisor.create({ image: "flood", memory: 1 << 20 }, async (bytes) => {
      await blocked;
      received += bytes.length;
    });
    await supervisor.report(id);
    const stopped = supervisor.stop(id);
    free();
    await stopped;
    assertEquals(supervisor.get(id).state, "stopped");
    assert(received <= CONSOLE_WINDOW);
    await supervisor.start(id);
    await supervisor.ended(id);
    assert(received >= 1000 * 65_536);
  } finally {
    await supervisor.close();
  }
});
