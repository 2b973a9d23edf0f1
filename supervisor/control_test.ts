import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createControl } from "./control.ts";
import type { ControlApp } from "./http/route.ts";
import { Supervisor } from "./supervisor.ts";
import { crashGuest, echoGuest, idleGuest, printGuest } from "./testing/guests.ts";
import { VERSION } from "./version.ts";

/** An endpoint over a supervisor with one cell and some images, called without a socket. */
async function withControl(
  test: (app: ControlApp, supervisor: Supervisor) => Promise<void>,
): Promise<void> {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 16 * 2 ** 20 });
  try {
    await supervisor.addImage("echo", echoGuest());
    await supervisor.addImage("idle", idleGuest());
    await supervisor.addImage("print", printGuest("printed\n", 5));
    await supervisor.addImage("crash", crashGuest());
    await test(createControl(supervisor), supervisor);
  } finally {
    await supervisor.close();
  }
}

function post(app: ControlApp, path: string, value: unknown = {}): Response | Promise<Response> {
  return app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(value),
  });
}

async function expectError(
  answer: Response | Promise<Response>,
  status: number,
  field: string,
): Promise<void> {
  const response = await answer;
  const error = await response.json();
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assertEquals([response.status, error.field], [status, field], error.message);
  assert(error.message.length > 0 && error.expected.length > 0);
}

Deno.test("a VM is created, listed, inspected, stopped, started and deleted over HTTP", () =>
  withControl(async (app) => {
    const created = await post(app, "/v1/vms", {
      name: "web",
      image: "idle",
      memory: "2M",
      env: { color: "blue" },
      args: ["one"],
    });
    assertEquals(created.status, 201);
    const vm = await created.json();
    assertEquals([vm.id, vm.name, vm.memory, vm.state], [1, "web", 2 * 2 ** 20, "running"]);
    assertEquals((await (await app.request("/v1/vms")).json()).length, 1);
    for (const key of ["web", "1"]) {
      const seen = await (await app.request(`/v1/vms/${key}`)).json();
      assertEquals([seen.name, seen.report.name], ["web", "web"]);
    }
    for (
      const [verb, state] of [
        ["pause", "paused"],
        ["resume", "running"],
        ["stop", "stopped"],
        ["start", "running"],
      ]
    ) {
      const response = await post(app, `/v1/vms/web/${verb}`);
      assertEquals([response.status, (await response.json()).state], [200, state]);
    }
    assertEquals((await app.request("/v1/vms/web", { method: "DELETE" })).status, 204);
    await expectError(app.request("/v1/vms/web"), 404, "id");
  }));

Deno.test("shares and limits are set, changed while a VM runs, and shown over HTTP", () =>
  withControl(async (app) => {
    const patch = (change: unknown) =>
      app.request("/v1/vms/web", {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(change),
      });
    const request = { name: "web", image: "idle", cpuWeight: 200, netBytes: "10K:5K" };
    const created = await (await post(app, "/v1/vms", request)).json();
    const limits = { cpuWeight: 200, cpus: null, netFrames: null };
    assertEquals({ ...created, ...limits, netBytes: { rate: 10240, burst: 5120 } }, created);
    const changed = await patch({ cpus: 0.5, netBytes: null });
    assertEquals(changed.status, 200);
    const shown = await (await app.request("/v1/vms/web")).json();
    assertEquals([shown.cpuWeight, shown.cpus, shown.netBytes], [200, 0.5, null]);
    await expectError(patch({ cpus: 2 }), 400, "cpus");
    await expectError(patch({ memory: "1G" }), 400, "memory");
    assertEquals((await patch({})).status, 200);
    // They are part of the VM, also when it starts afresh.
    await post(app, "/v1/vms/web/stop");
    await patch({ cpuWeight: 7 });
    const again = await (await post(app, "/v1/vms/web/start")).json();
    assertEquals([again.cpuWeight, again.cpus], [7, 0.5]);
  }));

Deno.test("the console is read, followed and typed on over HTTP", () =>
  withControl(async (app, supervisor) => {
    await post(app, "/v1/vms", { name: "printer", image: "print" });
    await supervisor.ended("printer");
    assertEquals(await (await app.request("/v1/vms/printer/console")).text(), "printed\n");
    await post(app, "/v1/vms", { name: "parrot", image: "echo" });
    const following = app.request("/v1/vms/parrot/console?follow");
    const typed = await app.request("/v1/vms/parrot/console?close", {
      method: "POST",
      body: "squawk",
    });
    assertEquals([typed.status, await typed.json()], [202, { accepted: 6 }]);
    assertEquals(await (await following).text(), "squawk");
  }));

Deno.test("input that a VM never reads is refused once too much of it waits", () =>
  withControl(async (app) => {
    await post(app, "/v1/vms", { name: "deaf", image: "idle" });
    const type = () =>
      app.request("/v1/vms/deaf/console", { method: "POST", body: new Uint8Array(60_000) });
    assertEquals((await type()).status, 202);
    await expectError(type(), 429, "body");
  }));

Deno.test("a crash is shown with its report", () =>
  withControl(async (app, supervisor) => {
    await post(app, "/v1/vms", { name: "doomed", image: "crash" });
    await supervisor.ended("doomed");
    const vm = await (await app.request("/v1/vms/doomed")).json();
    assertEquals([vm.state, vm.report.exception.name], ["crashed", "#PF"]);
    assertStringIncludes(vm.reason, "#PF");
  }));

Deno.test("an image is uploaded once it loads, and refused by the header field otherwise", () =>
  withControl(async (app) => {
    const upload = (name: string, body: Uint8Array<ArrayBuffer>) =>
      app.request(`/v1/images${name}`, { method: "POST", body });
    const response = await upload("?name=mine", printGuest("x"));
    assertEquals(response.status, 201);
    const { hash } = await response.json();
    assertEquals((await post(app, "/v1/vms", { image: hash })).status, 201);
    const images = await (await app.request("/v1/images")).json() as { name: string }[];
    assert(images.some(({ name }) => name === "mine"));
    await expectError(upload("", printGuest("x")), 400, "name");
    await expectError(upload("?name=../up", printGuest("x")), 400, "name");
    await expectError(upload("?name=bad", new Uint8Array(200)), 400, "image");
  }));

Deno.test("bad requests get 4xx and a body that names the field", () =>
  withControl(async (app) => {
    const create = (value: unknown) => post(app, "/v1/vms", value);
    await expectError(create([]), 400, "body");
    await expectError(create({}), 400, "image");
    await expectError(create({ image: 7 }), 400, "image");
    await expectError(create({ image: "missing" }), 404, "image");
    await expectError(create({ image: "idle", name: "-x" }), 400, "name");
    await expectError(create({ image: "idle", name: "12" }), 400, "name");
    await expectError(create({ image: "idle", memory: "16Q" }), 400, "memory");
    await expectError(create({ image: "idle", memory: 2 ** 31 }), 400, "memory");
    await expectError(create({ image: "idle", memory: 1048577 }), 400, "memory");
    await expectError(create({ image: "idle", publish: ["80"] }), 400, "publish[0]");
    await expectError(create({ image: "idle", publish: ["1:80", "x"] }), 400, "publish[1]");
    await expectError(create({ image: "idle", publish: ["0:99999"] }), 400, "publish[0]");
    await expectError(create({ image: "idle", args: "a" }), 400, "args");
    await expectError(create({ image: "idle", args: [1] }), 400, "args[0]");
    await expectError(create({ image: "idle", env: { a: 1 } }), 400, "env.a");
    await expectError(create({ image: "idle", env: { "a=b": "1" } }), 400, "env");
    await expectError(create({ image: "idle", start: "yes" }), 400, "start");
    await expectError(create({ image: "idle", colour: "red" }), 400, "colour");
    const text = { method: "POST", body: "{}" };
    await expectError(app.request("/v1/vms", text), 400, "content-type");
    const broken = { ...text, headers: { "content-type": "application/json" }, body: "{" };
    await expectError(app.request("/v1/vms", broken), 400, "body");
    await expectError(create({ image: "x".repeat(2 ** 20) }), 413, "body");
    await expectError(app.request("/v1/nothing"), 404, "path");
    await expectError(post(app, "/v1/vms/nobody/stop"), 404, "id");
    await expectError(app.request("/v1/events?after=x"), 400, "after");
    await create({ name: "once", image: "idle" });
    await expectError(create({ name: "once", image: "idle" }), 409, "name");
    await expectError(post(app, "/v1/vms/once/start"), 409, "state");
    await expectError(post(app, "/v1/vms/once/stop?grace=-1"), 400, "grace");
    await expectError(app.request("/v1/vms/once/console?follow=maybe"), 400, "follow");
  }));

Deno.test("two requests for one name at the same time make one VM", () =>
  withControl(async (app) => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => post(app, "/v1/vms", { name: "one", image: "idle" })),
    );
    assertEquals(answers.map(({ status }) => status).sort(), [201, 409, 409]);
  }));

Deno.test("pages of other sites and names from a rebound DNS are refused", () =>
  withControl(async (app) => {
    const get = (headers: Record<string, string>) => app.request("/v1/vms", { headers });
    assertEquals((await get({ host: "localhost:8080" })).status, 200);
    assertEquals((await get({ host: "127.0.0.1:8080" })).status, 200);
    assertEquals((await get({ host: "[::1]:8080" })).status, 200);
    assertEquals(
      (await get({ host: "localhost:8080", origin: "http://localhost:8080" })).status,
      200,
    );
    await expectError(get({ host: "evil.example:8080" }), 400, "host");
    await expectError(
      get({ host: "localhost:8080", origin: "http://evil.example" }),
      400,
      "origin",
    );
    await expectError(get({ host: "localhost:8080", origin: "null" }), 400, "origin");
  }));

Deno.test("health, system, events and the page of VMs answer", () =>
  withControl(async (app) => {
    await post(app, "/v1/vms", { name: "web", image: "idle" });
    assertEquals(await (await app.request("/healthz")).json(), { status: "ok" });
    const system = await (await app.request("/v1/system")).json();
    assertEquals([system.version, system.vms, system.states], [VERSION, 1, { running: 1 }]);
    assert(system.frames.total > 0 && system.frames.private > 0);
    assertEquals(system.settings.swap, { bytes: 2 ** 40, clusterBytes: 65536 });
    assertEquals(system.settings.mechanisms, {
      interrupts: "batched",
      idle: "timeout",
      nic: "ring",
    });
    assertEquals(system.engine.name, system.cells[0].engine.name);
    assert(system.engine.evaluated > 0);
    const events = await (await app.request("/v1/events")).json() as { type: string }[];
    assertEquals(
      events.map(({ type }) => type),
      ["vm.created", "vm.created", "vm.running"].slice(
        3 - events.length,
      ),
    );
    assertStringIncludes(await (await app.request("/")).text(), "<title>Denali</title>");
  }));

Deno.test("the version is the one of deno.json", async () => {
  const manifest = await Deno.readTextFile(new URL("../deno.json", import.meta.url));
  assertStringIncludes(manifest, `"version": "${VERSION}"`);
});
