/** Routes of the control endpoint through the real socket: what is more than one question and answer. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { buildGuests } from "../guests/build.ts";
import { hasTool } from "../tests/tools.ts";
import { type Served, withServed } from "./testing/served.ts";
import { crashGuest, echoGuest, exitGuest, idleGuest, printGuest } from "./testing/guests.ts";

async function addGuests({ supervisor }: Served): Promise<void> {
  await supervisor.addImage("idle", idleGuest());
  await supervisor.addImage("echo", echoGuest());
  await supervisor.addImage("crash", crashGuest());
  await supervisor.addImage("seven", exitGuest(7));
  await supervisor.addImage("print", printGuest("printed\n", 2));
}

async function expectProblem(
  answer: Promise<Response>,
  status: number,
  field: string,
): Promise<void> {
  const response = await answer;
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const problem = await response.json();
  assertEquals([response.status, problem.status, problem.field], [status, status, field]);
  assertStringIncludes(problem.detail, "expected");
}

/** Reads until `enough` of the text that came so far. */
async function readUntil(response: Response, enough: (text: string) => boolean): Promise<string> {
  let text = "";
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  while (!enough(text)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text;
}

Deno.test("VMs are filtered by state, label, image and name, and listed page by page", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send } = served;
    for (let n = 1; n <= 5; n++) {
      await send("POST", "/v1/vms", {
        json: {
          name: `${n % 2 ? "odd" : "even"}-${n}`,
          image: n === 5 ? "echo" : "idle",
          labels: { parity: n % 2 ? "odd" : "even", [`n${n}`]: "" },
          start: n !== 4,
        },
      });
    }
    const names = async (query: string) =>
      (await (await send("GET", `/v1/vms?${query}`)).json()).map(({ id }: { id: number }) => id);
    assertEquals(await names("label=parity=odd"), [1, 3, 5]);
    assertEquals(await names("label=parity=odd&label=n3"), [3]);
    assertEquals(await names("state=created"), [4]);
    assertEquals(await names("state=created&state=running&image=echo"), [5]);
    assertEquals(await names("name=even-*&name=*-5"), [2, 4, 5]);
    assertEquals(await names("name=even"), []);
    assertEquals(await names("name=e*v*-4"), [4]);
    assertEquals(await names("name=*-*-*"), []);
    assertEquals(await names("label=toString"), []);
    const pages: number[][] = [];
    for (let path: string | undefined = "/v1/vms?limit=2&name=*"; path !== undefined;) {
      const response: Response = await send("GET", path);
      pages.push((await response.json()).map(({ id }: { id: number }) => id));
      path = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    }
    assertEquals(pages, [[1, 2], [3, 4], [5]]);
    await expectProblem(send("GET", "/v1/vms?state=asleep"), 400, "state");
    await expectProblem(send("GET", "/v1/vms?limit=0"), 400, "limit");
  }));

Deno.test("VMs are killed, restarted and waited for", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send } = served;
    const state = async (answer: Promise<Response>) => {
      const { state, exitCode } = await (await answer).json();
      return [state, exitCode];
    };
    await send("POST", "/v1/vms", { json: { name: "web", image: "idle" } });
    await expectProblem(send("GET", "/v1/vms/web/wait?timeout=0"), 408, "state");
    const waiting = send("GET", "/v1/vms/web/wait?timeout=60");
    assertEquals(await state(send("POST", "/v1/vms/web/kill")), ["stopped", 0]);
    assertEquals(await state(waiting), ["stopped", 0]);
    assertEquals(await state(send("POST", "/v1/vms/web/restart")), ["running", undefined]);
    assertEquals(await state(send("POST", "/v1/vms/web/restart?grace=1")), ["running", undefined]);
    await send("POST", "/v1/vms", { json: { name: "seven", image: "seven" } });
    assertEquals(await state(send("GET", "/v1/vms/seven/wait")), ["stopped", 7]);
  }));

Deno.test("a console is a WebSocket in both directions, with what was written before", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send, url } = served;
    await send("POST", "/v1/vms", { json: { name: "parrot", image: "echo" } });
    await send("POST", "/v1/vms/parrot/console", { body: "before " });
    await readUntil(await send("GET", "/v1/vms/parrot/console?follow"), (text) => text !== "");
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/vms/parrot/console`);
    socket.binaryType = "arraybuffer";
    let text = "";
    const closed = Promise.withResolvers<CloseEvent>();
    socket.onclose = closed.resolve;
    socket.onopen = () => {
      socket.send("text, ");
      socket.send(new TextEncoder().encode("bytes"));
    };
    socket.onmessage = ({ data }) => {
      text += new TextDecoder().decode(data);
      if (text.endsWith("bytes")) void send("POST", "/v1/vms/parrot/console?close", { body: "" });
    };
    const { code } = await closed.promise;
    assertEquals([text, code], ["before text, bytes", 1000]);
    await expectProblem(send("GET", "/v1/vms/nobody/console"), 404, "id");
  }));

Deno.test("a reader's token looks at a console's WebSocket and does not type", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send, url } = served;
    await send("POST", "/v1/vms", { json: { name: "parrot", image: "echo" } });
    const make = async (token: string | undefined, json: unknown) =>
      (await (await send("POST", "/v1/tokens", { token, json })).json()).token;
    const admin = await make(undefined, { name: "root", role: "admin" });
    const reader = await make(admin, { name: "see", role: "reader" });
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/vms/parrot/console`, {
      headers: { authorization: `Bearer ${reader}` },
    });
    const closed = Promise.withResolvers<CloseEvent>();
    socket.onclose = closed.resolve;
    socket.onopen = () => socket.send("typed");
    assertEquals((await closed.promise).code, 1008);
    const console = await send("GET", "/v1/vms/parrot/console", { token: admin });
    assertEquals(await console.text(), "");
  }));

Deno.test("events are streamed, and a client that comes back misses none", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send, supervisor } = served;
    const accept = { accept: "text/event-stream" };
    const ids = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    const first = await send("GET", "/v1/events?after=0", { headers: accept });
    assertEquals(first.headers.get("content-type"), "text/event-stream");
    await send("POST", "/v1/vms", { json: { name: "web", image: "idle" } });
    const told = (type: string) => (text: string) => text.split(type)[1]?.includes("\n\n") ?? false;
    const early = await readUntil(first, told("event: vm.running"));
    assertMatch(early, /^data: \{"id":1,.*"type":"vm.created","vm":1,"message":"web"\}$/m);
    const last = ids(early).at(-1)!;
    await send("DELETE", "/v1/vms/web");
    const headers = { ...accept, "last-event-id": String(last) };
    const late = await readUntil(
      await send("GET", "/v1/events", { headers }),
      told("event: vm.removed"),
    );
    assertEquals(ids(late)[0], last + 1);
    assertEquals(ids(late).at(-1), supervisor.events.last);
    await expectProblem(
      send("GET", "/v1/events", { headers: { ...accept, "last-event-id": "x" } }),
      400,
      "last-event-id",
    );
  }));

Deno.test("a caller has so many streams of events open, and another one when one has ended", () =>
  withServed(async ({ send }) => {
    const open = () => send("GET", "/v1/events", { headers: { accept: "text/event-stream" } });
    const streams = [];
    for (let n = 0; n < 64; n++) streams.push(await open());
    await expectProblem(open(), 429, "events");
    await streams.pop()!.body!.cancel();
    // The server hears of it in a while.
    let next = await open();
    for (let tries = 0; !next.ok && tries < 5000; tries++) {
      await next.body!.cancel();
      next = await open();
    }
    streams.push(next);
    await expectProblem(open(), 429, "events");
    for (const stream of streams) await stream.body!.cancel();
  }));

Deno.test("a VM's counters and the report of its crash are shown", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send, supervisor } = served;
    await send("POST", "/v1/vms", { json: { name: "doomed", image: "crash" } });
    await supervisor.ended("doomed");
    const stats = await (await send("GET", "/v1/vms/doomed/stats")).json();
    assertEquals([stats.state, typeof stats.instructions], ["crashed", "number"]);
    const crash = await (await send("GET", "/v1/vms/doomed/crash")).json();
    assertStringIncludes(crash.reason, "#PF");
    assertStringIncludes(crash.text, "call trace");
    assertEquals(crash.report.exception.name, "#PF");
    await send("POST", "/v1/vms", { json: { name: "fine", image: "idle" } });
    await expectProblem(send("GET", "/v1/vms/fine/crash"), 404, "state");
  }));

Deno.test("an image is refused if its hash is another, downloaded, and forgotten", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send } = served;
    const file = printGuest("hello");
    const { hash } = await (await send("POST", "/v1/images?name=mine", { body: file })).json();
    const again = (sum: string) =>
      send("POST", `/v1/images?name=again&hash=${sum}`, { body: file });
    assertEquals((await again(hash)).status, 201);
    await expectProblem(again("0".repeat(64)), 400, "hash");
    assertEquals(new Uint8Array(await (await send("GET", "/v1/images/mine")).arrayBuffer()), file);
    await send("POST", "/v1/vms", { json: { name: "kept", image: "mine", start: false } });
    assertEquals((await send("DELETE", "/v1/images/mine")).status, 204);
    await expectProblem(send("DELETE", "/v1/images/mine"), 404, "name");
    assertEquals((await send("POST", "/v1/vms/kept/start")).status, 200);
  }));

Deno.test("ports are published and closed while a VM runs, and its frames are captured", {
  ignore: !await hasTool("tcpdump", "reads the capture"),
}, () =>
  withServed(async ({ send }) => {
    await buildGuests();
    await send("POST", "/v1/vms", { json: { name: "web", image: "httpd" } });
    await expectProblem(
      send("POST", "/v1/ports", { json: { vm: "web", publish: "99999:80" } }),
      400,
      "publish",
    );
    const made = await send("POST", "/v1/ports", { json: { vm: "web", publish: "0:80" } });
    const port = await made.json();
    assertEquals([made.status, port.name, port.guest], [201, "web", 80]);
    const response = await send("GET", "/v1/vms/web/pcap?frames=8&seconds=60");
    // Each answer takes two frames at least, and the first of them the handshake's three besides.
    for (let n = 0; n < 3; n++) {
      const page = await fetch(`http://127.0.0.1:${port.host}/`);
      assertEquals(page.status, 200);
      await page.arrayBuffer();
    }
    const file = new Uint8Array(await response.arrayBuffer());
    const tcpdump = new Deno.Command("tcpdump", {
      args: ["-nn", "-r", "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const input = tcpdump.stdin.getWriter();
    await input.write(file);
    await input.close();
    const text = new TextDecoder().decode((await tcpdump.output()).stdout);
    assertEquals(text.trim().split("\n").length, 8, text);
    assertMatch(text, /10\.0\.0\.1\.\d+ > 10\.0\.0\.2\.80: Flags \[S\]/);
    assertMatch(text, /10\.0\.0\.2\.80 > 10\.0\.0\.1\.\d+: Flags \[S\.\]/);
    const list = await (await send("GET", "/v1/ports")).json();
    assertEquals(list.map(({ host }: Record<string, number>) => host), [port.host]);
    assert(list[0].accepted >= 1);
    assertEquals((await send("DELETE", `/v1/ports/127.0.0.1/${port.host}`)).status, 204);
    await expectProblem(send("DELETE", `/v1/ports/127.0.0.1/${port.host}`), 404, "port");
    const udp = await (await send("POST", "/v1/ports", {
      json: { vm: "web", publish: { host: 0, guest: 53, protocol: "udp" } },
    })).json();
    assertEquals([udp.guest, udp.protocol, udp.open], [53, "udp", 0]);
    const there = `/v1/ports/127.0.0.1/${udp.host}`;
    await expectProblem(send("DELETE", there), 404, "port");
    assertEquals((await send("DELETE", `${there}?protocol=udp`)).status, 204);
    assertEquals(await (await send("GET", "/v1/ports")).json(), []);
  }, { poolBytes: 64 * 2 ** 20 }));

Deno.test("Prometheus takes the metrics", {
  ignore: !await hasTool("promtool", "checks the text format"),
}, () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send } = served;
    await send("POST", "/v1/vms", { json: { name: "web", image: "idle", restart: "always" } });
    await expectProblem(send("GET", "/v1/vms/nobody"), 404, "id");
    await expectProblem(send("GET", `/${crypto.randomUUID()}`), 404, "path");
    const response = await send("GET", "/metrics");
    assertStringIncludes(response.headers.get("content-type")!, "version=0.0.4");
    const text = await response.text();
    assertMatch(text, /^denali_vms\{state="running"\} 1$/m);
    for (
      const line of [
        'requests_total{method="POST",route="/v1/vms",status="201"} 1',
        'requests_total{method="GET",route="/v1/vms/{id}",status="404"} 1',
        'requests_total{method="GET",route="none",status="404"} 1',
        'request_duration_seconds_bucket{method="POST",route="/v1/vms",le="+Inf"} 1',
        'request_duration_seconds_count{method="POST",route="/v1/vms"} 1',
      ]
    ) assertStringIncludes(text, `\ndenali_http_${line}\n`);
    assertMatch(text, /^denali_vm_instructions_total\{vm="1",name="web"\} [1-9]\d*$/m);
    const promtool = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const input = promtool.stdin.getWriter();
    await input.write(new TextEncoder().encode(text));
    await input.close();
    const { code, stdout, stderr } = await promtool.output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals([code, said], [0, ""]);
  }));

Deno.test("a body that does not come is answered 408, and one that is too large 413", () =>
  withServed(async ({ url, send }) => {
    const port = Number(new URL(url).port);
    const head = "POST /v1/vms HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for (
      const begun of ["content-length: 10\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{"]
    ) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(new TextEncoder().encode(head + begun));
      const buffer = new Uint8Array(1000);
      const count = await connection.read(buffer) ?? 0;
      assertMatch(new TextDecoder().decode(buffer.subarray(0, count)), /^HTTP\/1.1 408 /, begun);
    }
    const json = { image: "x".repeat(2 ** 20) };
    await expectProblem(send("POST", "/v1/vms", { json }), 413, "body");
    const body = new Uint8Array(64 * 1024 + 1);
    await expectProblem(send("POST", "/v1/vms/web/console", { body }), 413, "body");
  }, { control: { bodyMs: 300 } }));

Deno.test("the OpenAPI document holds every route, and the docs load nothing from elsewhere", () =>
  withServed(async ({ send }) => {
    const document = await (await send("GET", "/openapi.json")).json();
    assertEquals(document.openapi, "3.1.0");
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, route] of Object.entries(methods as Record<string, unknown>)) {
        const { summary, responses } = route as Record<string, Record<string, unknown>>;
        assert(summary, `${method} ${path} has no summary`);
        assert(Object.keys(responses).length > 1, `${method} ${path} tells no answers`);
      }
    }
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) assert(document.components.schemas[name], name);
    for (const page of ["/docs", "/"]) {
      const html = await (await send("GET", page)).text();
      assert(!/(src|href)=["']?(https?:)?\/\//.test(html), `${page} loads something`);
      assert(!html.includes("@import"));
    }
  }));

Deno.test("a server that is ready says so, and one that ends answers followers to the end", () =>
  withServed(async (served) => {
    await addGuests(served);
    const { send, supervisor } = served;
    assertEquals(await (await send("GET", "/readyz")).json(), { status: "ready" });
    await send("POST", "/v1/vms", { json: { name: "parrot", image: "echo" } });
    const console = await send("GET", "/v1/vms/parrot/console?follow");
    const events = await send("GET", "/v1/events", { headers: { accept: "text/event-stream" } });
    await supervisor.close();
    assertEquals(await console.text(), "");
    await events.text();
    const ready = await send("GET", "/readyz");
    assertEquals([ready.status, await ready.json()], [503, { status: "stopping" }]);
  }));
