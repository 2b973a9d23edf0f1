/** What malicious and clumsy clients send to the control endpoint, through the real socket. */

import { assertEquals } from "@std/assert";
import { type Served, withServed } from "./testing/served.ts";
import { idleGuest } from "./testing/guests.ts";

/** Status and field of a refusal. */
async function refusal(answer: Promise<Response>): Promise<[number, string]> {
  const response = await answer;
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  return [response.status, (await response.json()).field];
}

Deno.test("bodies that are no JSON, not of UTF-8, too deep or of another shape are refused by field", () =>
  withServed(async ({ send, supervisor }) => {
    await supervisor.addImage("idle", idleGuest());
    const bytes = (text: string) => new TextEncoder().encode(text);
    const deep = (text: string) => "[".repeat(100_000) + text + "]".repeat(100_000);
    const cases: [Uint8Array<ArrayBuffer>, number, string][] = [
      [bytes(""), 400, "body"],
      [bytes("{"), 400, "body"],
      [bytes("null"), 400, "body"],
      [bytes(deep("")), 400, "body"],
      [bytes(`{"image":${deep("")}}`), 400, "image"],
      [new Uint8Array([0x22, 0xff, 0x22]), 400, "body"],
      [bytes('{"image":"idle","args":["\\ud800"]}'), 400, "args[0]"],
      [bytes('{"image":"idle","args":["\\u0000"]}'), 400, "args[0]"],
      [bytes('{"image":"idle","memory":1e999}'), 400, "memory"],
      [bytes('{"image":"idle","__proto__":{"start":false}}'), 400, "__proto__"],
      [bytes('{"image":"idle","labels":{"__proto__":{}}}'), 400, "labels.__proto__"],
      [bytes('{"image":"__proto__"}'), 404, "image"],
    ];
    for (const [body, status, field] of cases) {
      const headers = { "content-type": "application/json" };
      const text = new TextDecoder().decode(body).slice(0, 60);
      assertEquals(
        await refusal(send("POST", "/v1/vms", { body, headers })),
        [status, field],
        text,
      );
    }
    assertEquals(supervisor.list(), []);
  }));

Deno.test("names in paths lead nowhere but to what has them", () =>
  withServed(async ({ send, supervisor }) => {
    await supervisor.addImage("idle", idleGuest());
    await supervisor.create({ image: "idle", start: false });
    const names = [
      "..%2f..%2fstate.db",
      "..%2f%2e%2e",
      "%00",
      "%ff",
      "__proto__",
      "constructor",
      "0x1",
    ];
    for (const name of names) {
      assertEquals(await refusal(send("GET", `/v1/vms/${name}`)), [404, "id"], name);
      assertEquals(await refusal(send("GET", `/v1/images/${name}`)), [404, "image"], name);
      assertEquals(await refusal(send("GET", `/v1/disks/${name}/data`)), [404, "disk"], name);
    }
    const file = { body: new Uint8Array(4096) };
    for (const name of ["..%2fx", "x%2f..", "%00", "__proto__"]) {
      assertEquals(await refusal(send("PUT", `/v1/disks/${name}/data`, file)), [400, "name"], name);
      assertEquals(await refusal(send("POST", `/v1/images?name=${name}`, file)), [400, "name"]);
    }
    assertEquals(await refusal(send("GET", `/v1/vms/${"x".repeat(30_000)}`)), [400, "id"]);
  }));

Deno.test("a method that a path does not know is answered with those that it does", () =>
  withServed(async ({ send }) => {
    const response = await send("PUT", "/v1/vms/web");
    assertEquals(response.headers.get("allow"), "GET, PATCH, DELETE");
    assertEquals(await refusal(Promise.resolve(response)), [405, "method"]);
    assertEquals(await refusal(send("DELETE", "/metrics")), [405, "method"]);
    assertEquals(await refusal(send("GET", "/v1/nothing")), [404, "path"]);
  }));

Deno.test("a pattern of names with very many stars costs no more than its length", () =>
  withServed(async ({ send, supervisor }) => {
    await supervisor.addImage("idle", idleGuest());
    await supervisor.create({ name: "a".repeat(63), image: "idle", start: false });
    const found = async (pattern: string) =>
      (await (await send("GET", `/v1/vms?name=${pattern}`)).json()).length;
    assertEquals(await found("*a".repeat(30)), 1);
    // As a regular expression this one would take longer than there is time.
    assertEquals(await found("*a".repeat(30) + "*b"), 0);
  }));

Deno.test("a token that is limited to labels widens nothing by disks, egress, ports or events", () =>
  withServed(async ({ send, supervisor }) => {
    await supervisor.addImage("idle", idleGuest());
    await supervisor.disks!.store.create("secret", 4096);
    const publish = [{ hostname: "127.0.0.1", host: 0, guest: 80 }];
    const theirs = await supervisor.create({ name: "theirs", image: "idle", publish });
    for (let n = 0; n < 50; n++) supervisor.events.add("vm.noise", theirs.id);
    await supervisor.tokens.create("root", "admin");
    const labels = { team: "a" };
    const token = await supervisor.tokens.create("team", "operator", labels);
    const create = (more: object) =>
      send("POST", "/v1/vms", { token, json: { name: "mine", image: "idle", labels, ...more } });
    assertEquals(await refusal(create({ disks: ["secret:ro"] })), [403, "disks"]);
    assertEquals(await refusal(create({ egress: ["host:22"] })), [403, "egress"]);
    assertEquals((await create({ egress: ["none"] })).status, 201);
    const patch = (json: object) => send("PATCH", "/v1/vms/mine", { token, json });
    assertEquals(await refusal(patch({ egress: ["0.0.0.0/0:1-65535"] })), [403, "egress"]);
    assertEquals(await refusal(patch({ disks: ["secret"] })), [403, "disks"]);
    const port = `/v1/ports/127.0.0.1/${theirs.publish[0].host}`;
    assertEquals(await refusal(send("DELETE", port, { token })), [404, "port"]);
    const mine = await (await send("GET", "/v1/events?after=0&limit=5", { token })).json();
    assertEquals(new Set(mine.map(({ vm }: { vm: number }) => vm)), new Set([2]));
  }));

Deno.test("a name that many make and remove at once is one VM's at any time, and lists stay whole", () =>
  withServed(async ({ send, supervisor }) => {
    await supervisor.addImage("idle", idleGuest());
    const staying: number[] = [];
    for (let n = 0; n < 20; n++) {
      staying.push((await supervisor.create({ image: "idle", start: false })).id);
      if (n % 4 === 0) await supervisor.create({ name: `going-${n}`, image: "idle", start: false });
    }
    const statuses = new Set<number>();
    const fight = async () => {
      for (let turn = 0; turn < 10; turn++) {
        const json = { name: "one", image: "idle", memory: "1M" };
        const made = await send("POST", "/v1/vms", { json });
        const gone = await send("DELETE", "/v1/vms/one");
        for (const { status, body } of [made, gone]) {
          statuses.add(status);
          await body?.cancel();
        }
      }
    };
    const leave = async () => {
      for (let n = 0; n < 20; n += 4) await supervisor.remove(`going-${n}`);
    };
    const all = Promise.all([fight(), fight(), fight(), leave()]);
    for (let turn = 0; turn < 10; turn++) {
      const ids = await pages(send);
      assertEquals(ids, ids.toSorted((a, b) => a - b));
      assertEquals(ids.filter((id) => staying.includes(id)), staying);
    }
    await all;
    assertEquals([...statuses].filter((status) => ![201, 204, 404, 409].includes(status)), []);
    assertEquals(supervisor.list().map(({ id }) => id), staying);
  }));

/** Numbers of all VMs, three at a time. */
async function pages(send: Served["send"]): Promise<number[]> {
  const ids: number[] = [];
  for (let path: string | undefined = "/v1/vms?limit=3"; path !== undefined;) {
    const response: Response = await send("GET", path);
    ids.push(...(await response.json()).map(({ id }: { id: number }) => id));
    path = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return ids;
}

Deno.test("a stream of events from an id that is yet to come tells what happens from now on", () =>
  withServed(async ({ send, supervisor }) => {
    const headers = { accept: "text/event-stream", "last-event-id": "999999" };
    const { body } = await send("GET", "/v1/events", { headers });
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = reader.read();
    supervisor.events.add("test.now");
    let text = (await first).value ?? "";
    while (!text.includes("test.now")) text += (await reader.read()).value;
    await reader.cancel();
  }));

Deno.test("a client that hangs up in the middle of its body is its own fault, not the server's", () =>
  withServed(async ({ send, url }) => {
    const port = Number(new URL(url).port);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const head = "POST /v1/vms HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    await connection.write(new TextEncoder().encode(`${head}content-length: 99\r\n\r\n{"image"`));
    connection.close();
    for (let status = null; status === null;) {
      const [entry] = await (await send("GET", "/v1/audit")).json();
      status = entry?.status ?? null;
      if (status !== null) assertEquals(status, 400);
    }
  }));

Deno.test("hundreds of clients that never finish what they say keep nobody from being answered", () =>
  withServed(async ({ send, url }) => {
    const port = Number(new URL(url).port);
    const begun = new TextEncoder().encode("GET /v1/vms HTTP/1.1\r\nhost: local");
    const slow = await Promise.all(Array.from({ length: 300 }, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(begun);
      return connection;
    }));
    assertEquals((await send("GET", "/healthz")).status, 200);
    for (const connection of slow) connection.close();
  }));
