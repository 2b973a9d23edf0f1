/** The TAP uplink as its users meet it: `denali up --uplink tap`, inside a network namespace. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildGuests } from "../../guests/build.ts";
import { PERMISSIONS } from "../../supervisor/bundle.ts";
import { LIBC_PATHS } from "../../supervisor/uplink/libc.ts";
import { uplinkWorkerOptions } from "../../supervisor/uplink/tap_wire.ts";
import { until } from "../support/until.ts";
import { hasTool } from "../tools.ts";
import { hasNamespaces, Namespace, uniqueName } from "./namespace.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ignore = !await hasNamespaces() ||
  !await hasTool("curl", "a client of the virtual machines' web servers") ||
  !await hasTool("setpriv", "denali runs without CAP_NET_ADMIN");

/** Without CAP_NET_ADMIN, also as root. */
const UNPRIVILEGED = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];

interface Event {
  readonly id: number;
  readonly type: string;
  readonly message: string;
}

interface Up {
  /** The control endpoint's answer. */
  get(path: string): Promise<Record<string, never>>;
  denali(...args: string[]): Promise<string>;
  /** Waits for an event of that type after the given one. */
  event(type: string, after?: number): Promise<Event>;
}

/** `denali` in the namespace, as `deno task denali` runs it. */
function denaliWords(space: Namespace, args: string[], before: string[] = []) {
  const words = [Deno.execPath(), "run", "--no-prompt", ...PERMISSIONS, "main.ts", ...args];
  const [first, ...rest] = [...before, ...words];
  const [program, ...all] = space.inside(first, ...rest);
  return [program, { args: all, cwd: ROOT, env: { NO_COLOR: "1" } }] as const;
}

async function withUp(
  space: Namespace,
  uplink: string,
  test: (up: Up) => Promise<void>,
  before: string[] = [],
): Promise<void> {
  const args = ["up", "--listen", "127.0.0.1:8080", "--cells", "1", "--pool", "64M"];
  const [program, options] = denaliWords(space, [...args, "--uplink", uplink], before);
  const server = new Deno.Command(program, { ...options, stdout: "piped", stderr: "inherit" })
    .spawn();
  const stdout = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let text = ""; !text.includes("listening");) {
      const { value, done } = await stdout.read();
      if (done) throw new Error(`the server did not come up: ${text}`);
      text += value;
    }
    const get = async (path: string) =>
      JSON.parse(await space.run("curl", "-sS", "-m", "20", `http://127.0.0.1:8080${path}`));
    await test({
      get,
      denali: async (...args) => {
        const [program, options] = denaliWords(space, args);
        const { success, stdout, stderr } = await new Deno.Command(program, options).output();
        const text = new TextDecoder().decode(stdout);
        if (success) return text;
        throw new Error(`denali ${args.join(" ")}: ${new TextDecoder().decode(stderr)}${text}`);
      },
      event: async (type, after = 0) => {
        let event: Event | undefined;
        await until(async () => {
          const events = await get(`/v1/events?after=${after}`) as unknown as Event[];
          event = events.find((event) => event.type === type);
          return event !== undefined;
        }, `an event ${type}`);
        return event!;
      },
    });
  } finally {
    server.kill("SIGTERM");
    await stdout.cancel();
    assertEquals((await server.status).code, 0);
  }
}

/** What `denali up` says when it does not come up. */
async function refusal(space: Namespace, uplink: string, before: string[] = []): Promise<string> {
  const args = ["up", "--listen", "127.0.0.1:0", "--cells", "1", "--pool", "64M"];
  const [program, options] = denaliWords(space, [...args, "--uplink", uplink], before);
  const { code, stderr } = await new Deno.Command(program, options).output();
  assertEquals(code, 1);
  return new TextDecoder().decode(stderr);
}

Deno.test({
  name: "with a TAP uplink Linux reaches a VM by its address, by name and by a published port",
  ignore,
  fn: async () => {
    await buildGuests();
    await using space = await Namespace.create();
    await withUp(space, "tap:vms0", async ({ denali, get }) => {
      await denali("create", "--name", "web", "--publish", "8000:80", "httpd");
      assertEquals((await get("/v1/vms/web")).address, "10.44.0.2");
      const patience = ["-m", "20", "--retry", "9", "--retry-connrefused"];
      const curl = (url: string) => space.run("curl", "-sS", ...patience, url);
      for (const url of ["http://10.44.0.2/", "http://127.0.0.1:8000/"]) {
        assertStringIncludes(await curl(url), "<h1>web</h1>");
      }
      const named = ["-H", "host: web.localhost:8080", "http://127.0.0.1:8080/"];
      assertStringIncludes(await space.run("curl", "-sS", "-m", "20", ...named), "<h1>web</h1>");
      // The host is a neighbour, not the gateway.
      assertStringIncludes(await space.ip("-4", "address", "show", "vms0"), "10.44.0.1/16");
      assertStringIncludes(
        await space.ip("neighbour"),
        "10.44.0.2 dev vms0 lladdr 02:44:4e:00:00:01",
      );
      const { uplink } = await get("/v1/system");
      const { state, device } = uplink as unknown as Record<string, string>;
      assertEquals({ state, device }, { state: "up", device: "vms0" });
    });
    // What was made for it goes with it.
    assert(!(await space.ip("link")).includes("vms0"));
  },
});

Deno.test({
  name:
    "a TAP device that goes down or away is an event and a state, and is taken up when it is back",
  ignore,
  fn: async () => {
    await buildGuests();
    await using space = await Namespace.create();
    const make = async () => {
      await space.ip("tuntap", "add", "dev", "vms0", "mode", "tap");
      await space.ip("address", "add", "10.9.0.1/24", "dev", "vms0");
      await space.ip("link", "set", "vms0", "up");
    };
    await make();
    const ping = () => space.run("ping", "-c", "1", "-w", "20", "10.9.0.2");
    await withUp(space, "tap:vms0,pool=10.9.0.0/24", async ({ denali, get, event }) => {
      await denali("create", "--name", "web", "httpd");
      await ping();
      await space.ip("link", "set", "vms0", "down");
      const down = await event("uplink.down");
      assertStringIncludes(down.message, "ip link set vms0 up");
      await space.ip("link", "set", "vms0", "up");
      await event("uplink.up", down.id);
      await ping();
      await space.ip("link", "delete", "vms0");
      const gone = await event("uplink.gone", down.id);
      assertStringIncludes(gone.message, "there is no vms0 any more");
      assertEquals((await get("/v1/system")).uplink["state"], "gone");
      // Nothing else is disturbed: the VM is reached by name.
      const named = ["-H", "host: web.localhost:8080", "http://127.0.0.1:8080/"];
      assertStringIncludes(await space.run("curl", "-sS", "-m", "20", ...named), "<h1>web</h1>");
      await make();
      await event("uplink.up", gone.id);
      await ping();
    }, UNPRIVILEGED);
  },
});

Deno.test({
  name: "with bridge= a VM is a host among those of the bridge, and the bridge is its router",
  ignore,
  fn: async () => {
    await buildGuests();
    await using space = await Namespace.create();
    await using other = await Namespace.create();
    const [near, far] = [uniqueName("va"), uniqueName("vb")];
    await space.ip("link", "add", "br0", "type", "bridge");
    await space.ip("address", "add", "192.168.7.1/24", "dev", "br0");
    await space.ip("link", "add", near, "type", "veth", "peer", "name", far);
    await space.ip("link", "set", near, "master", "br0", "up");
    await space.ip("link", "set", far, "netns", other.name);
    await other.ip("address", "add", "192.168.7.9/24", "dev", far);
    await other.ip("link", "set", far, "up");
    await space.ip("link", "set", "br0", "up");
    await withUp(space, "tap,bridge=br0,pool=192.168.7.100/24", async ({ denali }) => {
      await denali("create", "--name", "web", "httpd");
      await other.run("ping", "-c", "1", "-w", "20", "192.168.7.101");
      // To an address off the link it answers through the bridge's.
      await space.ip("address", "add", "10.99.0.1/32", "dev", "lo");
      const source = ["-I", "10.99.0.1"];
      await space.run("ping", "-c", "1", "-w", "20", ...source, "192.168.7.101");
    });
  },
});

Deno.test({
  name: "a TAP device that cannot be had is refused with the commands that prepare it",
  ignore,
  fn: async () => {
    await using space = await Namespace.create();
    const refused = async (uplink: string, expected: string, before: string[] = []) =>
      assertStringIncludes(await refusal(space, uplink, before), expected);
    await refused(
      "tap:vms0",
      "prepare it once, as root:\n" +
        `  ip tuntap add dev vms0 mode tap user ${Deno.uid()}\n` +
        "  ip address add 10.44.0.1/16 dev vms0\n" +
        "  ip link set vms0 up\n",
      UNPRIVILEGED,
    );
    await refused("tap:lo", "lo exists and is no TAP device");
    await refused("tap,bridge=br9", "there is none; as root: ip link add br9 type bridge");
    await refused("tap,bridge=lo", "lo is not a bridge");
    await space.ip("tuntap", "add", "dev", "mine", "mode", "tap", "user", "65534");
    await refused("tap:mine", "ip link delete mine\n  ip tuntap add dev mine", UNPRIVILEGED);
    await space.ip("tuntap", "add", "dev", "down", "mode", "tap");
    await refused("tap:down", "as root: ip link set down up", UNPRIVILEGED);
    await space.ip("address", "add", "10.1.2.3/24", "dev", "down");
    await refused("tap:down", "use pool=10.1.2.3/24, or as root: ip address add 10.44.0.1/16");
  },
});

Deno.test("the uplink's thread may call the C library and do nothing else", async () => {
  const libc: string = LIBC_PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  }) ?? LIBC_PATHS[0];
  const probe = `
    const attempts = {
      libc: () => Deno.dlopen(${JSON.stringify(libc)}, {}).close(),
      otherLibrary: () => Deno.dlopen(${JSON.stringify(libc.replace("libc", "libm"))}, {}),
      read: () => Deno.readTextFileSync("/etc/hostname"),
      write: () => Deno.writeTextFileSync("/tmp/denali-probe", "x"),
      net: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
      env: () => Deno.env.get("PATH"),
      run: () => new Deno.Command("true").outputSync(),
      sys: () => Deno.hostname(),
    };
    const allowed = Object.keys(attempts).filter((name) => {
      try {
        attempts[name]();
        return true;
      } catch {
        return false;
      }
    });
    postMessage(allowed);`;
  const url = URL.createObjectURL(new Blob([probe], { type: "text/javascript" }));
  const worker = new Worker(url, uplinkWorkerOptions(libc));
  const allowed = await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  worker.terminate();
  URL.revokeObjectURL(url);
  assertEquals(allowed, ["libc"]);
});
