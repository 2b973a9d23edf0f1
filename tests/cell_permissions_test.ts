/**
 * A cell's thread owns nothing: what guest code could reach if it broke out of its VM into the
 * cell. The probe runs in a Worker that is made with the very options of a cell.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { CELL_WORKER_OPTIONS } from "../supervisor/cell/cell.ts";

/**
 * Runs in the worker. Each attempt is refused with NotCapable, or says what it got. No specifier of
 * an import is a literal: those are loaded with the worker's own code, before it runs, by its parent.
 */
const PROBE = `
const address = "127.0.0.1:" + PORT;
const attempts = {
  read: () => Deno.readTextFileSync("/etc/hostname"),
  "read of its own source": () => Deno.readTextFileSync(SOURCE),
  write: () => Deno.writeTextFileSync("/tmp/denali-probe", "x"),
  "write of a temporary file": () => Deno.makeTempFileSync(),
  "net connect": () => Deno.connect({ hostname: "127.0.0.1", port: PORT }),
  "net listen": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  "net fetch": () => fetch("http://" + address),
  "net websocket": () => new WebSocket("ws://" + address),
  env: () => Deno.env.get("PATH"),
  "env list": () => Deno.env.toObject(),
  run: () => new Deno.Command("true").outputSync(),
  "run kill": () => Deno.kill(1, "SIGTERM"),
  ffi: () => Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }),
  sys: () => Deno.hostname(),
  "sys memory": () => Deno.systemMemoryInfo(),
  import: () => import("http://" + address + "/module.ts"),
  "import inside a data URL": () =>
    import("data:text/javascript," + encodeURIComponent("import 'http://" + address + "/module.ts'")),
  "import by generated code": () => new Function("u", "return import(u)")("http://" + address),
  "import of a local file": () => import(SOURCE),
  "worker with more permissions": () => new Worker("data:text/javascript,", {
    type: "module",
    deno: { permissions: { read: true } },
  }),
  "permission request": async () => {
    const { state } = await Deno.permissions.request({ name: "read" });
    if (state === "granted") return "granted";
    throw new Deno.errors.NotCapable(state);
  },
};
const results = {};
for (const [name, attempt] of Object.entries(attempts)) {
  try {
    await attempt();
    results[name] = "allowed";
  } catch (error) {
    results[name] = error instanceof Deno.errors.NotCapable || /NotCapable|Requires \\w+ access|escalat/i.test(String(error))
      ? "refused"
      : "failed otherwise: " + error;
  }
}
postMessage(results);
`;

async function probe(port: number): Promise<Record<string, string>> {
  const constants = { SOURCE: import.meta.url, PORT: port };
  const lines = Object.entries(constants).map(([k, v]) => `const ${k} = ${JSON.stringify(v)};`);
  const url = URL.createObjectURL(
    new Blob([lines.join("\n"), PROBE], { type: "text/javascript" }),
  );
  const worker = new Worker(url, CELL_WORKER_OPTIONS);
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

Deno.test("a cell's thread may not read, write, connect, run, load, import or ask", async () => {
  let connections = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    connections++;
    return new Response("");
  });
  const results = await probe(server.addr.port);
  await server.shutdown();
  const expected = Object.fromEntries(Object.keys(results).map((name) => [name, "refused"]));
  assertEquals(results, expected);
  assertEquals(Object.keys(results).length, 21);
  assertEquals(connections, 0);
});

/**
 * Deno 2.9 asks the npm registry for `import("npm:NAME")` of a worker that may import nothing: a name
 * is a message to the world. Only `--cached-only` of the whole process ends that.
 */
Deno.test("with --cached-only a cell's thread cannot even ask the npm registry", async () => {
  const asked: string[] = [];
  const registry = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(new URL(request.url).pathname);
    return new Response("", { status: 404 });
  });
  const program = `
    const source = 'import("npm:" + "denali-cell-probe").catch(String).then((e) => postMessage(e))';
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url, ${JSON.stringify(CELL_WORKER_OPTIONS)});
    worker.onmessage = ({ data }) => { console.log(data); Deno.exit(0); };`;
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/deno.json`, `{ "unstable": ["worker-options"] }`);
    await Deno.writeTextFile(`${folder}/probe.js`, program);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--cached-only", "probe.js"],
      cwd: folder,
      env: { NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}`, NO_COLOR: "1" },
    }).output();
    assertStringIncludes(new TextDecoder().decode(stdout), "--cached-only");
    assertEquals(asked, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
    await registry.shutdown();
  }
});

Deno.test("every permission that Deno knows is named and refused in a cell's options", () => {
  const { permissions } = CELL_WORKER_OPTIONS.deno;
  const known = ["env", "ffi", "import", "net", "read", "run", "sys", "write"];
  assertEquals(permissions, Object.fromEntries(known.map((name) => [name, false])));
});
