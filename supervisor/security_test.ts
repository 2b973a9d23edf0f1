/** Who may use the control endpoint, through the real socket. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { checkPlace, ListenError } from "./listen.ts";
import { hasTool } from "../tests/tools.ts";
import { type Served, withServed } from "./testing/served.ts";
import { idleGuest } from "./testing/guests.ts";

/** Tests send many wrong tokens. */
const PATIENT = { control: { failures: { rate: 1000, burst: 10_000 } } };

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly role: string;
  readonly global: boolean;
}

/** Every route of the OpenAPI document, with names that exist where one is needed. */
async function operations({ send }: Served): Promise<Operation[]> {
  const { paths } = await (await send("GET", "/openapi.json")).json();
  return Object.entries(paths as Record<string, Record<string, Record<string, unknown>>>)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{\w+\}/g, "web"),
        role: route["x-denali-role"] as string,
        global: String(route.description).includes("not limited to labels"),
      }))
    );
}

async function makeToken(
  { send }: Served,
  admin: string | undefined,
  json: Record<string, unknown>,
): Promise<string> {
  const response = await send("POST", "/v1/tokens", { token: admin, json });
  assertEquals(response.status, 201);
  return (await response.json()).token;
}

/** The status of an answer, which must be a problem document that names the field. */
async function refused(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const { field, status } = await response.json();
  assert(["authorization", "token"].includes(field), field);
  assertEquals(status, response.status);
  return status;
}

Deno.test("every route refuses a missing, a wrong and a too weak token", () =>
  withServed(async (served) => {
    const { send, supervisor } = served;
    await supervisor.addImage("idle", idleGuest());
    await supervisor.create({ name: "web", image: "idle" });
    const admin = await makeToken(served, undefined, { name: "root", role: "admin" });
    const weaker: Record<string, string> = {
      operator: await makeToken(served, admin, { name: "see", role: "reader" }),
      admin: await makeToken(served, admin, { name: "do", role: "operator" }),
    };
    const labels = { team: "a" };
    const limited = await makeToken(served, admin, { name: "team", role: "admin", labels });
    const all = await operations(served);
    assert(all.length > 20);
    const open = all.filter(({ role }) => role === "public").map(({ path }) => path);
    assertEquals(open.sort(), ["/healthz", "/readyz"]);
    for (const { method, path, role, global } of all) {
      const where = `${method} ${path}`;
      const ask = (token?: string) => send(method, path, { token });
      if (role === "public") {
        assertEquals((await (await ask()).json()).status.length > 0, true);
        continue;
      }
      assertEquals(await refused(ask()), 401, where);
      assertEquals(await refused(ask("wrong")), 401, where);
      assertEquals(await refused(ask(`${admin}x`)), 401, where);
      if (role !== "reader") assertEquals(await refused(ask(weaker[role])), 403, where);
      if (global) assertEquals(await refused(ask(limited)), 403, where);
      // Whoever sees only VMs of another team does not learn that there is this one.
      const vm = path.startsWith("/v1/vms/web");
      if (vm && !global) {
        const response = await send(method, path, {
          token: limited,
          ...method === "PATCH" && { json: {} },
        });
        assertEquals(response.status, 404, where);
        await response.body?.cancel();
      }
    }
    assertEquals(supervisor.get("web").state, "running", "nothing was done");
  }, PATIENT));

Deno.test("a token that is limited to labels sees, makes and changes only VMs that have them", () =>
  withServed(async (served) => {
    const { send, supervisor } = served;
    await supervisor.addImage("idle", idleGuest());
    await supervisor.create({ name: "theirs", image: "idle", labels: { team: "b" } });
    const admin = await makeToken(served, undefined, { name: "root", role: "admin" });
    const labels = { team: "a" };
    const token = await makeToken(served, admin, { name: "team", role: "operator", labels });
    const create = (json: unknown) => send("POST", "/v1/vms", { token, json });
    const without = await create({ name: "mine", image: "idle" });
    assertEquals([without.status, (await without.json()).field], [403, "labels"]);
    const made = await create({ name: "mine", image: "idle", labels: { ...labels, more: "1" } });
    assertEquals([made.status, (await made.json()).name], [201, "mine"]);
    const names = async (path: string) =>
      (await (await send("GET", path, { token })).json() as { name: string }[]).length;
    assertEquals([await names("/v1/vms"), await names("/v1/stats")], [1, 1]);
    const events = await (await send("GET", "/v1/events", { token })).json();
    assertEquals(new Set(events.map(({ vm }: { vm: number }) => vm)), new Set([2]));
    const away = await send("PATCH", "/v1/vms/mine", { token, json: { labels: { team: "b" } } });
    assertEquals([away.status, (await away.json()).field], [403, "labels"]);
    assertEquals((await send("DELETE", "/v1/vms/mine", { token })).status, 204);
  }));

Deno.test("tokens are kept as hashes, found again by the next server, and taken back", async () => {
  const dataFolder = await Deno.makeTempDir({ prefix: "denali-tokens-" });
  try {
    let admin = "", reader = "";
    await withServed(async (served) => {
      const { send } = served;
      const first = await send("POST", "/v1/tokens", { json: { name: "see", role: "reader" } });
      assertEquals([first.status, (await first.json()).field], [409, "role"]);
      admin = await makeToken(served, undefined, { name: "root", role: "admin" });
      reader = await makeToken(served, admin, { name: "see", role: "reader" });
    }, { dataFolder });
    for (const name of ["state.db", "state.db-wal"]) {
      const bytes = await Deno.readFile(`${dataFolder}/${name}`).catch(() => new Uint8Array());
      assert(!new TextDecoder("latin1").decode(bytes).includes(admin.slice(0, 30)));
    }
    await withServed(async ({ send }) => {
      assertEquals((await send("GET", "/v1/vms", { token: reader })).status, 200);
      const remove = (name: string) => send("DELETE", `/v1/tokens/${name}`, { token: admin });
      const last = await remove("root");
      assertEquals([last.status, (await last.json()).field], [409, "name"]);
      assertEquals((await remove("see")).status, 204);
      assertEquals((await send("GET", "/v1/vms", { token: reader })).status, 401);
      const list = await (await send("GET", "/v1/tokens", { token: admin })).json();
      assertEquals(list.map(({ name, hash }: Record<string, string>) => [name, hash]), [
        ["root", undefined],
      ]);
      assertEquals((await remove("root")).status, 204);
      assertEquals((await send("GET", "/v1/vms")).status, 200);
    }, { dataFolder });
  } finally {
    await Deno.remove(dataFolder, { recursive: true });
  }
});

Deno.test("too many wrong tokens from an address are answered 429, and a right one still works", () =>
  withServed(async (served) => {
    const { send } = served;
    const token = await makeToken(served, undefined, { name: "root", role: "admin" });
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) statuses.push((await send("GET", "/v1/vms")).status);
    assertEquals(statuses, [401, 401, 401, 429, 429]);
    await send("DELETE", "/v1/vms/web");
    const audit = await (await send("GET", "/v1/audit", { token })).json();
    assertEquals(audit.length, 1, "only the token that was made");
    const late = await send("GET", "/v1/vms", { token: "wrong" });
    assert(Number(late.headers.get("retry-after")) >= 1);
    assertEquals((await send("GET", "/v1/vms", { token })).status, 200);
  }, { control: { failures: { rate: 0.001, burst: 3 } } }));

Deno.test("the audit log tells who changed what, from where, and how it went", () =>
  withServed(async (served) => {
    const { send, supervisor } = served;
    await supervisor.addImage("idle", idleGuest());
    const token = await makeToken(served, undefined, { name: "root", role: "admin" });
    await send("POST", "/v1/vms", { token, json: { name: "web", image: "idle" } });
    await send("POST", "/v1/vms", { token, json: { name: "web", image: "idle" } });
    await send("DELETE", "/v1/vms/web");
    await send("GET", "/v1/vms", { token });
    await send("POST", "/v1/vms/web/pause", { token });
    const entries = await (await send("GET", "/v1/audit?after=1", { token })).json();
    const shown = entries.map((entry: Record<string, unknown>) => [
      entry.caller,
      entry.remote,
      entry.method,
      entry.path,
      entry.status,
      entry.subject,
    ]);
    assertEquals(shown, [
      ["root", "127.0.0.1", "POST", "/v1/vms", 201, "vm 1 web"],
      ["root", "127.0.0.1", "POST", "/v1/vms", 409, null],
      ["?", "127.0.0.1", "DELETE", "/v1/vms/web", 401, null],
      ["root", "127.0.0.1", "POST", "/v1/vms/web/pause", 200, "vm 1 web"],
    ]);
  }));

Deno.test("an address that others reach is refused without a token, and without TLS", () => {
  const at = (hostname: string, more = {}) => ({ hostname, port: 1, ...more });
  const tls = { cert: "c", key: "k" };
  for (const hostname of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) {
    checkPlace(at(hostname), 0);
  }
  checkPlace({ path: "/run/denali.sock" }, 0);
  for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.example.org"]) {
    assertThrows(() => checkPlace(at(hostname, { tls }), 0), ListenError, "no token is set");
    assertThrows(() => checkPlace(at(hostname), 1), ListenError, "in the clear");
    checkPlace(at(hostname, { tls }), 1);
    checkPlace(at(hostname, { plain: true }), 1);
  }
});

Deno.test("where others come from nobody may do anything while no token is set", () =>
  withServed(async ({ supervisor, send }) => {
    assertEquals((await send("GET", "/v1/vms")).status, 200);
    const { createHandler } = await import("./server.ts");
    const handler = createHandler(supervisor);
    const info = { remoteAddr: { hostname: "192.0.2.1" }, open: false };
    const ask = (path: string) => handler(new Request(`http://example.org${path}`), info);
    assertEquals((await ask("/v1/vms")).status, 401);
    assertEquals((await ask("/healthz")).status, 200);
    handler.close();
  }));

Deno.test("answers carry headers that keep browsers from mistaking them, and no CORS unless set", () =>
  withServed(async ({ url }) => {
    const ask = async (path: string, origin?: string) => {
      const response = await fetch(url + path, { headers: origin ? { origin } : {} });
      await response.body?.cancel();
      return response;
    };
    const { headers } = await ask("/v1/vms");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("access-control-allow-origin"), null);
    assertStringIncludes(headers.get("content-security-policy")!, "default-src 'none'");
    assertEquals((await ask("/v1/vms", "https://evil.example")).status, 400);
    const allowed = await ask("/v1/vms", "https://good.example");
    assertEquals(allowed.headers.get("access-control-allow-origin"), "https://good.example");
    for (const page of ["/", "/docs"]) {
      const policy = (await ask(page)).headers.get("content-security-policy")!;
      assert(policy.includes("script-src 'sha256-") && !policy.includes("unsafe"), policy);
    }
  }, { control: { origins: ["https://good.example"] } }));

Deno.test("a unix socket is for its owner, and one that was left behind is replaced", async () => {
  const folder = await Deno.makeTempDir({ prefix: "denali-socket-" });
  const path = `${folder}/denali.sock`;
  try {
    for (let round = 0; round < 2; round++) {
      await withServed(async () => {
        const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
        const response = await fetch("http://localhost/v1/vms", { client });
        assertEquals(await response.json(), []);
        assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
        client.close();
      }, { place: { path } });
      if (round > 0) continue;
      await Deno.remove(path).catch(() => {});
      // What a process that was killed leaves: a socket that nobody listens on.
      const listener = Deno.listen({ transport: "unix", path: `${path}.old` });
      await Deno.rename(`${path}.old`, path);
      listener.close();
      assert((await Deno.lstat(path)).isSocket);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "with certificate files the endpoint is reached over TLS, and only so",
  ignore: !await hasTool("openssl", "makes the certificate"),
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "denali-tls-" });
    const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
    const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 " +
      "-subj /CN=localhost -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1";
    const { success } = await new Deno.Command("openssl", {
      args: [...words.split(" "), "-keyout", key, "-out", cert],
      stderr: "null",
    }).output();
    assert(success);
    const client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(cert)] });
    try {
      await withServed(async ({ url }) => {
        assertStringIncludes(url, "https://127.0.0.1:");
        const response = await fetch(`${url}/v1/vms`, { client });
        assertEquals(await response.json(), []);
        const plain = await fetch(url.replace("https", "http")).then(() => true, () => false);
        assertEquals(plain, false);
      }, { place: { hostname: "127.0.0.1", port: 0, tls: { cert, key } } });
    } finally {
      client.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
