/**
 * Published ports and the gateway under load, with Linux at the other end: much, by many at once, and by
 * those who do not read.
 *
 * DENALI_NETWORK_TEST=full: 100 MB each way instead of 8.
 */

import { assert, assertEquals, fail } from "@std/assert";
import type { GatewayStats } from "../../supervisor/gateway/gateway.ts";
import { GuestHost, nativeGuest, prepare } from "../support/guest_host.ts";
import { until } from "../support/until.ts";
import { hasTool } from "../tools.ts";

const ignore = !await hasTool("gcc", "guests are compiled") ||
  !await hasTool("python3", "it opens thousands of connections");
const FULL = Deno.env.get("DENALI_NETWORK_TEST") === "full";
const BYTES = FULL ? 100_000_000 : 8_000_000;
/** More than all buffers of the host's sockets on the way hold together. */
const STALLED_BYTES = 48_000_000;
const CONNECTIONS = 5000;
/** Of the supervisor for each of them, garbage included: sockets, buffers, promises. */
const BYTES_PER_CONNECTION = 24 << 10;
const MANY = new URL("./many.py", import.meta.url).pathname;

if (!ignore) await prepare("ttcp", "httpd");
const native = ignore ? "" : await nativeGuest("ttcp");
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));

function promise(name: string, fn: (host: GuestHost) => Promise<void>): void {
  Deno.test({ name, ignore, fn: () => GuestHost.use(fn) });
}

function gatewayOf(host: GuestHost): GatewayStats {
  return host.supervisor.network!.gateway!.stats();
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until nothing has crossed the gateway for a while in which `stuck` held. */
async function untilStill(host: GuestHost, stuck = () => true): Promise<void> {
  let before = -1, still = 0;
  await until(async () => {
    await pause(100);
    const { segmentsIn, segmentsOut } = gatewayOf(host).tcp;
    // Probes of a shut window go on.
    const moved = segmentsIn + segmentsOut - before > 8;
    before = segmentsIn + segmentsOut;
    still = moved || !stuck() ? 0 : still + 1;
    return still === 5;
  }, "nothing moves");
}

/** A ttcp of Linux that moves `bytes` to or from a VM and checks them; `meanwhile` has its process. */
async function transfer(
  port: number,
  way: string[],
  bytes: number,
  meanwhile: (child: Deno.ChildProcess) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const child = new Deno.Command(native, {
    args: ["-v", "-n", String(bytes), "-p", String(port), ...way, "127.0.0.1"],
    stdout: "piped",
  }).spawn();
  await meanwhile(child);
  const { code, stdout } = await child.output();
  const result = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([code, result.bytes, result.wrong_bytes], [0, bytes, 0]);
}

promise("a published port moves every byte both ways, and both at once", async (host) => {
  const vm = await host.boot("ttcp", { args: ["-s"], publish: [5001] });
  await vm.says("listening");
  await transfer(vm.port, [], BYTES);
  await transfer(vm.port, ["-r"], BYTES);
  await Promise.all([transfer(vm.port, [], BYTES >> 2), transfer(vm.port, ["-r"], BYTES >> 2)]);
  assertEquals(gatewayOf(host).unread, 0);
});

promise("a client that stops reading stops the VM that sends, and loses nothing", async (host) => {
  const vm = await host.boot("ttcp", { args: ["-s"], publish: [5001] });
  await vm.says("listening");
  await transfer(vm.port, ["-r"], STALLED_BYTES, async (child) => {
    while (gatewayOf(host).tcp.segmentsIn < 100) await pause(1);
    child.kill("SIGSTOP");
    await untilStill(host, () => gatewayOf(host).unread > 0);
    const { unread } = gatewayOf(host);
    assert(unread > 0 && unread <= 262_144, `${unread} bytes wait in the gateway`);
    child.kill("SIGCONT");
  });
});

promise("a VM that stops reading stops the client that sends, and loses nothing", async (host) => {
  const vm = await host.boot("ttcp", { args: ["-s"], publish: [5001] });
  await vm.says("listening");
  const before = Deno.memoryUsage().rss;
  await transfer(vm.port, [], STALLED_BYTES, async () => {
    while (gatewayOf(host).tcp.segmentsOut < 100) await pause(1);
    await host.supervisor.pause(vm.name);
    await untilStill(host);
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < 32 << 20, `the process has grown by ${grown} bytes`);
    await host.supervisor.resume(vm.name);
  });
});

/** Opens so many connections, asks on each, and keeps all open until `meanwhile` is over. */
async function many(port: number, count: number, meanwhile = () => {}): Promise<void> {
  const child = new Deno.Command("python3", {
    args: [MANY, "127.0.0.1", String(port), String(count)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.endsWith("\n")) said += (await reader.read()).value ?? fail(said);
  assertEquals(said, `answered ${count}\n`);
  meanwhile();
  await child.stdin.close();
  await reader.cancel();
  assertEquals((await child.status).code, 0);
}

/** Of the supervisor's thread: what connections hold there. The process also holds what translators need. */
function bytesHeld(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

promise(
  "five thousand connections to a VM at once are all served, in bounded memory",
  async (host) => {
    // Its own patience with clients that do not ask ends long after that of the client here.
    const env = { request_ms: "120000" };
    const vm = await host.boot("httpd", { memory: 64 << 20, publish: [80], env });
    await vm.says("listening");
    await many(vm.port, CONNECTIONS / 10);
    const before = bytesHeld(), { privateFrames } = await host.supervisor.statsOf(vm.name);
    await many(vm.port, CONNECTIONS, () => {
      const grown = bytesHeld() - before;
      assert(gatewayOf(host).connections >= CONNECTIONS);
      assert(
        grown < CONNECTIONS * BYTES_PER_CONNECTION,
        `the supervisor has grown by ${grown} bytes`,
      );
    });
    const pages = Number((await host.supervisor.statsOf(vm.name)).privateFrames) -
      Number(privateFrames);
    assert(pages < CONNECTIONS, `the VM has grown by ${pages} pages`);
  },
);
