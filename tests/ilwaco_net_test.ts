/**
 * Ilwaco's TCP/IP against Linux's, over a TAP device in a network namespace of the test's own.
 *
 * The network and the guests `httpd` and `echo` are compiled as Linux programs (tests/native/net_port.c),
 * so that the judge is Linux's TCP and nothing of the emulator takes part. Needs root, /dev/net/tun,
 * iproute2 and a gcc that can compile for 32 bits; where something is missing the tests are ignored and
 * say what.
 */

import { assert, assertEquals } from "@std/assert";
import { documentBytes } from "./native/net_client.ts";
import { until } from "./support/until.ts";
import { hasLibc32, hasTool } from "./tools.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const CLIENT = `${ROOT}tests/native/net_client.ts`;
const HOST = "10.9.0.2";
const TAP = "tap0";

async function run(program: string, ...args: string[]): Promise<Uint8Array> {
  const command = new Deno.Command(program, { args, cwd: ROOT, stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return stdout;
}

async function sourcesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(ROOT + folder)) {
    if (entry.name.endsWith(".c")) found.push(`${folder}/${entry.name}`);
  }
  return found.sort();
}

const FLAGS = ["-m32", "-O2", "-g", "-msse2", "-mfpmath=sse", "-std=c11"];

/** Compiles the network and a guest's sources, and links them with the port. */
async function build(guest: string[], folder: string, name: string): Promise<string> {
  const headers = new TextDecoder().decode(await run("gcc", "-print-file-name=include")).trim();
  const freestanding = ["-ffreestanding", "-fno-stack-protector", "-nostdinc"];
  const include = ["-isystem", headers, "-Iilwaco/include", "-include", "tests/native/net_port.h"];
  const network = (await sourcesIn("ilwaco/net")).filter((path) =>
    !/\/nic(_registers|_ring)?\.c$/.test(path)
  );
  const sources = [
    ...network,
    "ilwaco/fd.c",
    "ilwaco/poll.c",
    "ilwaco/epoll.c",
    "ilwaco/core/time.c",
    "ilwaco/libc/calendar.c",
    "ilwaco/uio.c",
    "tests/native/net_nic.c",
    "tests/native/net_offload.c",
    ...guest,
  ];
  const object = `${folder}/${name}.o`;
  const objects: string[] = [];
  for (const source of sources) {
    const path = `${folder}/${name}_${source.replaceAll("/", "_")}.o`;
    await run("gcc", ...FLAGS, ...freestanding, ...include, "-c", source, "-o", path);
    objects.push(path);
  }
  await run("ld", "-m", "elf_i386", "-r", ...objects, "-o", object);
  await run("objcopy", "--redefine-syms=tests/native/net_port.symbols", object);
  const program = `${folder}/${name}`;
  await run("gcc", "-m32", "-O2", "-pthread", "tests/native/net_port.c", object, "-o", program);
  return program;
}

/** Why the tests cannot run here, or null. */
async function obstacle(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root for a network namespace and a TAP device";
  if (!await hasLibc32("Ilwaco's network runs as a Linux program")) {
    return "needs gcc with a 32-bit libc (Debian: gcc-multilib)";
  }
  const namespace = `ilwaco-probe-${Deno.pid}`;
  try {
    await run("ip", "netns", "add", namespace);
    await run("ip", "-n", namespace, "tuntap", "add", "dev", TAP, "mode", "tap");
  } catch (error) {
    return `needs iproute2, network namespaces and /dev/net/tun (${error})`;
  } finally {
    await new Deno.Command("ip", { args: ["netns", "del", namespace] }).output().catch(() => {});
  }
  return null;
}

const reason = await obstacle();
if (reason) console.log(`ilwaco_net_test is ignored: ${reason}`);

/** A guest on its own link. */
interface Link {
  /** Runs a check of net_client.ts on the other end; fails with what it says. */
  client(...args: string[]): Promise<void>;
  /** Runs a program on the other end. */
  on(program: string, ...args: string[]): Promise<Uint8Array>;
  /** Memory blocks that the guest's network holds. */
  blocks(): Promise<number>;
}

type Inside = (program: string, ...args: string[]) => string[];

let namespaces = 0;

/** A network namespace with a TAP device, and a guest's program to attach to it. */
async function withNamespace(
  guest: string[],
  body: (inside: Inside, program: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const namespace = `ilwaco-${Deno.pid}-${namespaces++}`;
  try {
    const program = await build(guest, folder, "guest");
    await run("ip", "netns", "add", namespace);
    await run("ip", "-n", namespace, "tuntap", "add", "dev", TAP, "mode", "tap");
    await run("ip", "-n", namespace, "addr", "add", "10.9.0.1/24", "dev", TAP);
    await run("ip", "-n", namespace, "link", "set", TAP, "up");
    await body((name, ...args) => ["netns", "exec", namespace, name, ...args], program);
  } finally {
    await new Deno.Command("ip", { args: ["netns", "del", namespace] }).output().catch(() => {});
    await Deno.remove(folder, { recursive: true });
  }
}

/** The arguments that attach a guest to the namespace's device. */
const ATTACH = [TAP, HOST, "24", "10.9.0.1"];

function client(inside: Inside, ...args: string[]): string[] {
  const deno = [Deno.execPath(), "run", "-A", "--no-config", "--unstable-net", CLIENT];
  return inside(deno[0], ...deno.slice(1), ...args);
}

/** Runs a guest that listens. */
function withLink(
  guest: string[],
  settings: string[],
  body: (link: Link) => Promise<void>,
): Promise<void> {
  return withNamespace(guest, async (inside, program) => {
    const args = inside(program, ...ATTACH, ...settings);
    const server = new Deno.Command("ip", { args, stdin: "piped", stdout: "piped" }).spawn();
    try {
      const lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const commands = server.stdin.getWriter();
      const readLine = async () => {
        let text = "";
        while (!text.endsWith("\n")) {
          const { value, done } = await lines.read();
          if (done) throw new Error(`the guest ended; its last words: ${text}`);
          text += value;
        }
        return text;
      };
      assert((await readLine()).includes("listening"), "expected the guest to listen");
      await body({
        client: async (...args) => {
          await run("ip", ...client(inside, HOST, ...args));
        },
        on: (program, ...args) => run("ip", ...inside(program, ...args)),
        blocks: async () => {
          await commands.write(new TextEncoder().encode("report\n"));
          return Number((await readLine()).split(" ")[1]);
        },
      });
      await commands.close();
      await lines.cancel();
    } finally {
      server.kill("SIGKILL");
      await server.status;
    }
  });
}

/** The connections of a check end a moment after the client has: asks until their memory is back. */
function blocksReturnTo(link: Link, blocks: number): Promise<void> {
  return until(
    async () => await link.blocks() <= blocks,
    "the network gives back the memory of connections that have ended",
  );
}

const HTTPD = [...await sourcesIn("guests/httpd"), "guests/common/net.c"];
const ECHO = ["guests/echo.c"];
const BAD_LINK = ["loss=1", "duplicate=1", "reorder=1", "seed=7"];
const ignore = reason !== null;

Deno.test({
  name: "Linux downloads byte-exact from Ilwaco, from many connections, and hangs up as it likes",
  ignore,
  fn: () =>
    withLink(HTTPD, [], async (link) => {
      const page = new TextDecoder().decode(await link.on("curl", "-sS", `http://${HOST}/`));
      assert(page.includes("name: vm-42"), page);
      const body = await link.on("curl", "-sS", `http://${HOST}/doc?bytes=10000000`);
      assertEquals(body, documentBytes(10000000));
      await link.client("document", "3000", "200");
      await link.client("document", "3000", "200"); // more than TIME-WAIT remembers
      const settled = await link.blocks();
      await link.client("hang-up", "50");
      await link.client("refused");
      await link.client("document", "100000", "200");
      await blocksReturnTo(link, settled);
    }),
});

Deno.test({
  name: "Linux downloads byte-exact over a link that loses, doubles and reorders frames",
  ignore,
  fn: () =>
    withLink(HTTPD, BAD_LINK, async (link) => {
      await link.client("document", "10000000");
      await link.client("document", "20000", "200");
    }),
});

Deno.test({
  name: "what Linux sends comes back whole after it has closed its half",
  ignore,
  fn: () =>
    withLink(ECHO, [], async (link) => {
      await link.client("half-close", "10000", "200");
      const settled = await link.blocks();
      await link.client("half-close", "10000000");
      await link.client("datagrams", "200");
      await blocksReturnTo(link, settled);
    }),
});

Deno.test({
  name: "what Linux sends comes back whole over a link that loses, doubles and reorders frames",
  ignore,
  fn: () =>
    withLink(ECHO, BAD_LINK, async (link) => {
      await link.client("half-close", "3000000");
      await link.client("half-close", "10000", "200");
    }),
});

Deno.test({
  name: "Ilwaco connects to Linux and to itself, and learns why a connection fails",
  ignore,
  fn: () =>
    withNamespace(["tests/native/net_probe.c"], async (inside, program) => {
      const args = client(inside, "0.0.0.0", "serve", "7007");
      const server = new Deno.Command("ip", { args, stdout: "piped" }).spawn();
      try {
        const reader = server.stdout.getReader();
        await reader.read(); // it says that it listens
        const output = await run("ip", ...inside(program, ...ATTACH, "server=10.9.0.1"));
        const lines = new TextDecoder().decode(output).trim().split("\n");
        assertEquals(lines.filter((line) => !line.startsWith("ok ")), ["done"]);
        await reader.cancel();
      } finally {
        server.kill("SIGKILL");
        await server.status;
      }
    }),
});

/** What a network's dnsmasq knows. Sixty addresses of one name do not fit into a UDP answer. */
const NAMES = [
  "--host-record=web.test,10.9.0.5",
  "--cname=alias.test,web.test",
  "--cname=alias-of-alias.test,alias.test",
  ...Array.from({ length: 60 }, (_, i) => `--host-record=big.test,10.9.7.${i + 1}`),
  "--txt-record=nothing.test,no address",
];

Deno.test({
  name: "an address is lent by a DHCP server, and names are looked up at the server it tells",
  ignore: ignore || !await hasTool("dnsmasq", "a DHCP and DNS server for Ilwaco's clients"),
  fn: () =>
    withNamespace(["tests/native/net_lookup.c"], async (inside, program) => {
      const args = inside(
        "dnsmasq",
        ...["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root"],
        ...["--pid-file=", "--leasefile-ro", `--interface=${TAP}`, "--bind-interfaces"],
        ...[
          "--dhcp-range=10.9.0.100,10.9.0.100,2m",
          "--dhcp-option-force=58,0:0:0:2",
          "--log-dhcp",
        ],
        ...["--local=/test/", "--local-ttl=60", "--log-queries", ...NAMES],
      );
      const server = new Deno.Command("ip", { args, stderr: "piped" }).spawn();
      const log = new Response(server.stderr).text();
      try {
        const names =
          "web.test,alias-of-alias.test,big.test,nobody.test,nothing.test,localhost,10.1.2.3";
        const settings = ["net=dhcp", `names=${names}`];
        const output = await run("ip", ...inside(program, ...ATTACH, ...settings));
        const found = [
          "web.test: 10.9.0.5 of 1, web.test",
          "alias-of-alias.test: 10.9.0.5 of 1, web.test",
          "big.test: 10.9.7.X of 8, big.test",
          "nobody.test: no host has this name",
          "nothing.test: the host has no IPv4 address",
          "localhost: 127.0.0.1 of 1, localhost",
          "10.1.2.3: 10.1.2.3 of 1, 10.1.2.3",
        ];
        const lines = new TextDecoder().decode(output).trim().replaceAll(
          /10\.9\.7\.\d+/g,
          "10.9.7.X",
        );
        const address = "address 10.9.0.100";
        assertEquals(lines.split("\n"), [address, ...found, ...found]);
      } finally {
        server.kill("SIGTERM");
        await server.status;
      }
      const said = await log;
      // Who is not answered within a second asks again.
      const queries = [...said.matchAll(/query\[A\] (\S+)\.test /g)].map(([, name]) => name);
      const count = queries.filter((name) => name === "big").length;
      assert(count >= 2, `expected UDP, then TCP:\n${said}`);
      const second = queries.slice(queries.indexOf("nothing"));
      const again = second.filter((name) => ["web", "alias-of-alias", "big"].includes(name));
      assertEquals(again, [], "expected cached answers the second time");
    }),
});
