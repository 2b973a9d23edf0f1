/** Deterministic mode: two VMs that talk TCP to each other do exactly the same thing every time. */

import { assert, assertEquals } from "@std/assert";
import { buildGuests, buildImage } from "../guests/build.ts";
import type { EngineSettings } from "../cpu/engine_settings.ts";
import { TEST_ENGINE, TEST_ENGINES } from "../kernel/testing/engine.ts";
import { DeterministicClock, Kernel } from "../kernel/kernel.ts";

const CLIENT = new URL("deterministic/client.c", import.meta.url).pathname;
const NETMASK = 0xff000000, GATEWAY = 0x0a000001;
const SLICES = 10_000;

interface Run {
  readonly consoles: Record<string, string>;
  readonly instructions: Record<string, number>;
  /** One line per frame on the switch, with all its bytes. */
  readonly frames: string[];
  readonly microseconds: number;
}

/** Runs an echo server and its client until the client ends, in slices of `slice` units of work. */
function exchange(
  echo: Uint8Array,
  client: Uint8Array,
  slice: number,
  engine: EngineSettings = TEST_ENGINE,
): Run {
  const consoles: Record<string, string> = {};
  const frames: string[] = [];
  const decoder = new TextDecoder();
  const clock = new DeterministicClock();
  const kernel = new Kernel({
    clock,
    engine,
    poolBytes: 40 << 20,
    events: {
      console: (vm, bytes) => consoles[vm.name] = (consoles[vm.name] ?? "") + decoder.decode(bytes),
      state: () => {},
      uplink: () => true,
    },
    trace: (frame, port, verdict) => frames.push(`${port} ${verdict} ${frame.join(" ")}`),
  });
  const network = (address: number) => ({ address, netmask: NETMASK, gateway: GATEWAY, dns: 0 });
  const server = kernel.createVm({
    name: "server",
    image: kernel.loadImage("echo", echo),
    memory: 16 << 20,
    network: network(0x0a000002),
  });
  const caller = kernel.createVm({
    name: "client",
    image: kernel.loadImage("client", client),
    memory: 16 << 20,
    args: ["10.0.0.2"],
    network: network(0x0a000003),
  });
  kernel.start(server);
  kernel.start(caller);
  for (let i = 0; caller.state !== "stopped" && caller.state !== "crashed"; i++) {
    assert(i < SLICES, `the client still runs; it wrote: ${consoles.client}`);
    kernel.run(slice);
  }
  assertEquals([caller.state, caller.exitCode], ["stopped", 0]);
  return {
    consoles,
    instructions: { server: server.cpu.retired, client: caller.cpu.retired },
    frames,
    microseconds: clock.monotonic(),
  };
}

Deno.test("two runs of a TCP exchange have the same consoles, instruction counts and frames, on any engine", async () => {
  const [echoPath] = await buildGuests(["echo"]);
  const echo = await Deno.readFile(echoPath);
  const client = await Deno.readFile(await buildImage([CLIENT]));
  const first = exchange(echo, client, 1_000_000);
  assertEquals(
    first.consoles.client.split("\n").filter((line) => line.endsWith("same")).length,
    50,
  );
  assert(first.frames.length > 100, `only ${first.frames.length} frames`);
  assertEquals(exchange(echo, client, 1_000_000), first);
  for (const name of ["evaluator", "at-once", "forgetful"]) {
    assertEquals(exchange(echo, client, 1_000_000, TEST_ENGINES[name]), first, name);
  }
});
