import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describeImage } from "./image/store.ts";
import { RequestError } from "./request_error.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import {
  crashGuest,
  echoGuest,
  exitGuest,
  idleGuest,
  printGuest,
  spinGuest,
} from "./testing/guests.ts";

const STUB = new URL("./testing/stub_cell_worker.ts", import.meta.url);
const POOL = 16 * 2 ** 20;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function withSupervisor(
  options: SupervisorOptions,
  test: (supervisor: Supervisor) => Promise<void>,
): Promise<void> {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: POOL, ...options });
  try {
    await test(supervisor);
  } finally {
    await supervisor.close();
  }
}

Deno.test("a VM prints, ends with its code, and is remembered", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("print", printGuest("hello, world\n", 42));
    const { id, name, address } = await supervisor.create({ image: "print" });
    assertEquals([id, name, address], [1, "vm-1", "10.0.0.2"]);
    const { state, exitCode } = await supervisor.ended(id);
    assertEquals([state, exitCode], ["stopped", 42]);
    assertEquals(text(supervisor.consoleHistory("vm-1")), "hello, world\n");
  }));

Deno.test("options of a supervisor that make no sense are refused by their name", async () => {
  const wrong: [SupervisorOptions, string, string][] = [
    [{ cells: 0 }, "cells", "a whole number from 1 to 64"],
    [{ cells: NaN }, "cells", "a whole number from 1 to 64"],
    [{ poolBytes: 1000 }, "poolBytes", "a multiple of 4096 from 4194304 to 2147418112"],
    [{ poolBytes: 2 ** 40 }, "poolBytes", "a multiple of 4096"],
    [{ engine: { name: "jit" as "translator" } }, "engine.name", "evaluator or translator"],
    [{ swap: { bytes: -1 } }, "swap.bytes", "a whole number from 0"],
    [{ swap: { bytes: 0, clusterBytes: 5000 } }, "swap.clusterBytes", "a multiple of 4096"],
  ];
  for (const [options, field, expected] of wrong) {
    const error = await assertRejects(() => Supervisor.start(options), RequestError);
    assertEquals(error.field, field);
    assertStringIncludes(error.expected, expected);
  }
});

Deno.test("a sink that throws or rejects is called no more, and costs neither the VM nor others", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("print", printGuest("hello\n"));
    const sinks = [
      () => {
        throw new Error("mine");
      },
      () => Promise.reject(new Error("mine")),
    ];
    for (const sink of sinks) {
      const { id } = await supervisor.create({ image: "print" }, sink);
      assertEquals((await supervisor.ended(id)).exitCode, 0);
      assertEquals(text(supervisor.consoleHistory(id)), "hello\n");
      const { vm, message } = supervisor.events.after().find(({ type, vm }) =>
        type === "vm.console-failed" && vm === id
      )!;
      assertEquals(vm, id);
      assertStringIncludes(message!, "mine");
    }
  }));

Deno.test("what is typed reaches the VM, and the end of input too", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("echo", echoGuest());
    await supervisor.create({ name: "parrot", image: "echo" });
    const sent = "x".repeat(40_000) + "end";
    supervisor.keyboard("parrot", new TextEncoder().encode(sent));
    await supervisor.closeKeyboard("parrot");
    assertEquals((await supervisor.ended("parrot")).exitCode, 0);
    assertEquals(text(supervisor.consoleHistory("parrot")), sent);
  }));

Deno.test("a crash is told with its reason and its report, and others go on", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("crash", crashGuest());
    await supervisor.addImage("idle", idleGuest());
    await supervisor.create({ name: "quiet", image: "idle" });
    await supervisor.create({ name: "doomed", image: "crash" });
    const vm = await supervisor.ended("doomed");
    assertEquals(vm.state, "crashed");
    assertStringIncludes(vm.reason!, "#PF");
    assertStringIncludes(vm.crash!, "eax");
    assertEquals(supervisor.get("quiet").state, "running");
    const report = await supervisor.report("doomed") as { exception: { name: string } };
    assertEquals(report.exception.name, "#PF");
  }));

Deno.test("a VM that spins can be paused, resumed, stopped, started afresh and removed", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("spin", spinGuest());
    await supervisor.create({ name: "busy", image: "spin" });
    await supervisor.pause("busy");
    assertEquals(supervisor.get("busy").state, "paused");
    await supervisor.resume("busy");
    assertEquals(supervisor.get("busy").state, "running");
    await supervisor.stop("busy");
    assertEquals(supervisor.get("busy").state, "stopped");
    await supervisor.start("busy");
    assertEquals(supervisor.get("busy").state, "running");
    await supervisor.remove("busy");
    assertEquals(supervisor.list(), []);
    const again = await supervisor.create({ name: "busy", image: "spin" });
    assertEquals(again.id, 2);
  }));

Deno.test("a follower gets what was written and what comes, and ends with the VM", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("echo", echoGuest());
    await supervisor.create({ name: "parrot", image: "echo" });
    await supervisor.keyboard("parrot", new TextEncoder().encode("before "));
    const following = new Response(supervisor.followConsole("parrot")).text();
    await supervisor.keyboard("parrot", new TextEncoder().encode("after"));
    await supervisor.closeKeyboard("parrot");
    assertEquals(await following, "before after");
  }));

Deno.test("requests that cannot be met name their field and leave nothing behind", () =>
  withSupervisor({}, async (supervisor) => {
    const image = await supervisor.addImage("exit", exitGuest(0));
    await supervisor.create({ name: "taken", image: "exit" });
    const refused = async (field: string, attempt: () => Promise<unknown>) => {
      assertEquals((await assertRejects(attempt, RequestError)).field, field);
    };
    await refused("image", () => supervisor.create({ image: "nothing" }));
    await refused("name", () => supervisor.create({ image: "exit", name: "taken" }));
    await refused("name", () => supervisor.create({ image: "exit", name: "No_Label" }));
    await refused("memory", () => supervisor.create({ image: "exit", memory: 1000 }));
    await refused(
      "args",
      () => supervisor.create({ image: "exit", args: ["x".repeat(5000)] }),
    );
    await refused("image", () => supervisor.addImage("bad", new Uint8Array(100)));
    await refused("id", () => supervisor.stop("nobody"));
    await refused("id", () => supervisor.stop(77));
    assertEquals(supervisor.list().map(({ name }) => name), ["taken"]);
    assertEquals(image.name, "exit");
  }));

Deno.test("a VM is made in the cell with the most room, and all are shown together", () =>
  withSupervisor({ cells: 2 }, async (supervisor) => {
    await supervisor.addImage("idle", idleGuest());
    const create = (mebibytes: number) =>
      supervisor.create({ image: "idle", memory: mebibytes * 2 ** 20 });
    for (const size of [8, 2, 2, 2]) await create(size);
    assertEquals(supervisor.list().map(({ cell }) => cell), [0, 1, 1, 1]);
    assertEquals((await supervisor.rows()).map(({ id }) => id), [1, 2, 3, 4]);
    await supervisor.remove(1);
    await create(4);
    await create(4);
    assertEquals(supervisor.list().map(({ cell }) => cell), [1, 1, 1, 0, 0]);
  }));

Deno.test("VMs of a cell that a bug ended are marked crashed and start again in a new cell", () =>
  withSupervisor({ cells: 2, cellModule: STUB }, async (supervisor) => {
    const image = await describeImage("stub", new Uint8Array(16));
    const create = (name: string, ...args: string[]) =>
      supervisor.createFrom(image, { name, args });
    await create("victim", "idle"); // cell 0
    await create("bystander", "idle"); // cell 1
    // Its start may be answered before or after the cell dies.
    await create("bug", "bug").catch(() => {}); // cell 0
    const victim = await supervisor.ended("victim");
    assertEquals(victim.state, "crashed");
    assertStringIncludes(victim.reason!, "injected kernel bug");
    assertEquals(supervisor.get("bystander").state, "running");
    assert(supervisor.events.after().some(({ type }) => type === "cell.died"));
    await supervisor.start("victim");
    assertEquals(supervisor.get("victim").state, "running");
  }));

Deno.test("a cell whose heartbeat stands still is replaced", () =>
  withSupervisor({ cellModule: STUB, patience: 3 }, async (supervisor) => {
    const image = await describeImage("stub", new Uint8Array(16));
    await supervisor.createFrom(image, { name: "stuck", args: ["stall"] });
    const stuck = await supervisor.ended("stuck");
    assertStringIncludes(stuck.reason!, "heartbeat");
    assertEquals(supervisor.abandonedCells, 1);
    await supervisor.createFrom(image, { name: "next", args: ["exit", "3"] });
    assertEquals((await supervisor.ended("next")).exitCode, 3);
  }));

Deno.test("a deterministic VM does the same work every time", async () => {
  const counts: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    await withSupervisor({ deterministic: true }, async (supervisor) => {
      await supervisor.addImage("echo", echoGuest());
      await supervisor.create({ name: "same", image: "echo" });
      supervisor.keyboard("same", new TextEncoder().encode("abc".repeat(3000)));
      await supervisor.closeKeyboard("same");
      await supervisor.ended("same");
      const { instructions } = await supervisor.report("same") as { instructions: number };
      counts.push([instructions, text(supervisor.consoleHistory("same"))]);
    });
  }
  assertEquals(counts[0], counts[1]);
});

Deno.test("images in a data folder outlive the supervisor", async () => {
  const dataFolder = await Deno.makeTempDir();
  try {
    await withSupervisor({ dataFolder }, async (supervisor) => {
      await supervisor.addImage("seven", exitGuest(7));
    });
    await withSupervisor({ dataFolder }, async (supervisor) => {
      await supervisor.create({ image: "seven", name: "seven" });
      assertEquals((await supervisor.ended("seven")).exitCode, 7);
    });
  } finally {
    await Deno.remove(dataFolder, { recursive: true });
  }
});

Deno.test("an image whose file is gone or damaged is told and refused, and costs nobody else", async () => {
  const dataFolder = await Deno.makeTempDir();
  try {
    const hashes: string[] = [];
    await withSupervisor({ dataFolder }, async (supervisor) => {
      for (const [code, name] of ["gone", "damaged", "well"].entries()) {
        hashes.push((await supervisor.addImage(name, exitGuest(code))).hash);
      }
    });
    await Deno.remove(`${dataFolder}/images/${hashes[0]}`);
    await Deno.writeTextFile(`${dataFolder}/images/${hashes[1]}`, "something else");
    await withSupervisor({ dataFolder }, async (supervisor) => {
      const told = supervisor.events.after().filter(({ type }) => type === "image.missing");
      assertEquals(told.map(({ message }) => message!.split(":")[0]), ["damaged", "gone"]);
      for (const name of ["gone", "damaged"]) {
        const error = await assertRejects(() => supervisor.create({ image: name }), RequestError);
        assertStringIncludes(error.message, dataFolder);
      }
      await supervisor.create({ image: "well", name: "well" });
      assertEquals((await supervisor.ended("well")).exitCode, 2);
      await supervisor.removeImage("gone");
      await supervisor.addImage("damaged", exitGuest(1));
    });
    await withSupervisor({ dataFolder }, async (supervisor) => {
      await supervisor.create({ image: "damaged", name: "again" });
      assertEquals((await supervisor.ended("again")).exitCode, 1);
      const names = (await supervisor.images.list()).filter(({ builtin }) => !builtin);
      assertEquals(names.map(({ name }) => name), ["damaged", "well"]);
    });
  } finally {
    await Deno.remove(dataFolder, { recursive: true });
  }
});

Deno.test("a request that is too large for a cell is refused, and the cell lives on", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("exit", exitGuest(3));
    const words = ["x".repeat(200_000)];
    await assertRejects(
      () => supervisor.create({ image: "exit", args: words }),
      RequestError,
      "200",
    );
    const { id } = await supervisor.create({ image: "exit" });
    assertEquals((await supervisor.ended(id)).exitCode, 3);
  }));

Deno.test("images that no VM uses do not fill a cell's memory, and those in use stay", () =>
  withSupervisor({}, async (supervisor) => {
    const frames = async () => {
      const [{ frames }] = (await supervisor.stats()).cells as { frames: { free: number } }[];
      return frames.free;
    };
    await supervisor.addImage("idle", idleGuest());
    await supervisor.create({ image: "idle" });
    const free = await frames();
    for (let n = 0; n < 20; n++) {
      await supervisor.addImage("large", printGuest(`${n}` + "x".repeat(900_000)));
      assert(await frames() > free - 2 * 300, "two images of 900 KB are more than a sixteenth");
    }
    for (let n = 0; n < 40; n++) await supervisor.addImage("small", exitGuest(n));
    const { id } = await supervisor.create({ image: "idle" });
    assertEquals(supervisor.get(id).state, "running");
    const again = await supervisor.create({ image: "large" });
    assertEquals((await supervisor.ended(again.id)).state, "stopped");
  }));

Deno.test("input is ended once, and small pieces are counted for what they cost", () =>
  withSupervisor({}, async (supervisor) => {
    await supervisor.addImage("echo", echoGuest());
    await supervisor.addImage("spin", spinGuest());
    await supervisor.create({ name: "deaf", image: "spin" });
    let accepted = 0;
    try {
      for (; accepted < 10_000; accepted++) supervisor.keyboard("deaf", Uint8Array.of(1));
    } catch (error) {
      assertEquals((error as RequestError).status, 429);
    }
    assert(accepted < 2000, `${accepted} pieces wait`);
    assertEquals(supervisor.closeKeyboard("deaf"), supervisor.closeKeyboard("deaf"));
    await supervisor.create({ name: "parrot", image: "echo" });
    await supervisor.closeKeyboard("parrot");
    await supervisor.ended("parrot");
    await supervisor.start("parrot");
    await supervisor.closeKeyboard("parrot");
    assertEquals((await supervisor.ended("parrot")).state, "stopped");
  }));
