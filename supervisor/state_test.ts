/** What a supervisor finds again in its data folder. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import { crashGuest, echoGuest, exitGuest, idleGuest } from "./testing/guests.ts";
import { waitFor } from "./vm/record.ts";
import { freePort } from "../tests/support/free_port.ts";

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denali-state-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withServer<T>(
  dataFolder: string,
  test: (supervisor: Supervisor) => Promise<T>,
  options: SupervisorOptions = {},
): Promise<T> {
  const supervisor = await Supervisor.start({
    cells: 1,
    poolBytes: 16 * 2 ** 20,
    dataFolder,
    ...options,
  });
  try {
    return await test(supervisor);
  } finally {
    await supervisor.close();
  }
}

Deno.test("VMs, their limits, labels, ports and images are found again by the next server", () =>
  withFolder(async (folder) => {
    const before = await withServer(folder, async (supervisor) => {
      await supervisor.addImage("idle", idleGuest());
      await supervisor.addImage("gone", exitGuest(9));
      await supervisor.create({
        name: "web",
        image: "idle",
        labels: { team: "a" },
        env: { color: "blue" },
        args: ["one"],
        publish: [
          { hostname: "127.0.0.1", host: freePort(), guest: 80 },
          { hostname: "127.0.0.1", host: freePort(), guest: 53, protocol: "udp" },
        ],
        restart: "always",
      });
      await supervisor.create({ name: "never", image: "idle", start: false });
      await supervisor.create({ name: "nameless", image: "gone", start: false });
      await supervisor.create({ name: "removed", image: "idle" });
      await supervisor.remove("removed");
      await supervisor.removeImage("gone");
      await supervisor.update("web", { cpuWeight: 7, labels: { team: "b" } });
      return supervisor.list();
    });
    await withServer(folder, async (supervisor) => {
      await supervisor.ready();
      const after = supervisor.list();
      const same = (list: typeof after) => list.map((vm) => ({ ...vm, cell: 0, image: "" }));
      assertEquals(same(after), same(before));
      assertEquals(supervisor.get("web").labels, { team: "b" });
      await supervisor.start("nameless");
      assertEquals((await supervisor.ended("nameless")).exitCode, 9);
      const { id } = await supervisor.create({ image: "idle", start: false });
      assertEquals(id, 5, "numbers are never given out twice");
      assertEquals(supervisor.orphans, []);
    });
  }));

Deno.test("after the server has ended VMs come back by their restart policy", () =>
  withFolder(async (folder) => {
    const policies = ["no", "on-failure", "always", "unless-stopped"];
    await withServer(folder, async (supervisor) => {
      await supervisor.addImage("idle", idleGuest());
      for (const restart of policies) {
        await supervisor.create({ name: `ran-${restart}`, image: "idle", restart });
        await supervisor.create({ name: `stopped-${restart}`, image: "idle", restart });
        await supervisor.stop(`stopped-${restart}`);
      }
    });
    await withServer(folder, async (supervisor) => {
      await supervisor.ready();
      const state = (name: string) => supervisor.get(name).state;
      assertEquals(policies.map((policy) => state(`ran-${policy}`)), [
        "stopped",
        "running",
        "running",
        "running",
      ]);
      assertEquals(policies.map((policy) => state(`stopped-${policy}`)), [
        "stopped",
        "stopped",
        "running",
        "stopped",
      ]);
      assertStringIncludes(supervisor.get("ran-no").reason!, "the server ended");
    });
  }));

Deno.test("a VM that ends is started again by its policy, and not once it was stopped", () =>
  withFolder((folder) =>
    withServer(folder, async (supervisor) => {
      await supervisor.addImage("three", exitGuest(3));
      await supervisor.addImage("crash", crashGuest());
      await supervisor.addImage("idle", idleGuest());
      await supervisor.create({ name: "twice", image: "three", restart: "on-failure:2" });
      const twice = supervisor.find("twice");
      await waitFor(twice, ({ state, restarts }) => restarts === 2 && state === "stopped");
      await supervisor.create({ name: "looping", image: "crash", restart: "always" });
      const looping = supervisor.find("looping");
      await waitFor(looping, ({ restarts }) => restarts >= 1);
      await supervisor.stop("looping");
      const { restarts } = supervisor.get("looping");
      await supervisor.create({ name: "on", image: "idle", restart: "always" });
      await supervisor.stop("on");
      assertEquals([supervisor.get("on").state, supervisor.get("twice").restarts], ["stopped", 2]);
      assertEquals(supervisor.get("looping").restarts, restarts);
    })
  ));

Deno.test("events outlive the server, with numbers that go on", () =>
  withFolder(async (folder) => {
    const last = await withServer(folder, async (supervisor) => {
      await supervisor.addImage("echo", echoGuest());
      await supervisor.create({ name: "parrot", image: "echo" });
      return supervisor.events.last;
    });
    await withServer(folder, async (supervisor) => {
      supervisor.events.add("test.now");
      const events = await supervisor.events.since(0, 1000);
      assertEquals(events.map(({ id }) => id), events.map((_, index) => index + 1));
      assert(events.length > last);
      assert(events.some(({ type }) => type === "vm.created"));
      assertEquals((await supervisor.events.since(last, 1)).map(({ id }) => id), [last + 1]);
    });
  }));

Deno.test("files that nothing refers to are reported, and a VM whose image is gone does not start", () =>
  withFolder(async (folder) => {
    await withServer(folder, async (supervisor) => {
      await supervisor.addImage("idle", idleGuest());
      const { hash } = await supervisor.addImage("lost", exitGuest(1));
      await supervisor.create({
        name: "lost",
        image: "lost",
        restart: "unless-stopped",
        start: false,
      });
      await supervisor.removeImage("lost");
      await Deno.remove(`${folder}/images/${hash}`);
    });
    await Deno.writeTextFile(`${folder}/images/${"0".repeat(64)}`, "left behind");
    await Deno.writeTextFile(`${folder}/notes.txt`, "a stranger");
    await withServer(folder, async (supervisor) => {
      assertEquals(supervisor.orphans, [`images/${"0".repeat(64)}`, "notes.txt"]);
      const events = supervisor.events.after().filter(({ type }) => type === "orphan.found");
      assertEquals(events.length, 2);
      const error = await supervisor.start("lost").catch((error) => error);
      assertEquals(error.field, "image");
      assertEquals(supervisor.get("lost").state, "created");
      await supervisor.remove("lost");
    });
  }));
