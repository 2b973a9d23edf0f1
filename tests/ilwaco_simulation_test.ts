/**
 * Two hosts with Ilwaco's network on a simulated link, in simulated time, under AddressSanitizer and
 * UndefinedBehaviorSanitizer (tests/native/simulation/). A failing run says its settings: with the same
 * seed it fails again.
 *
 * DENALI_NETWORK_TEST=full sends a million mutated frames and tries more seeds.
 */

import { assert, assertEquals } from "@std/assert";
import { buildSimulation, simulate } from "./native/simulation/build.ts";
import { hasLibc32 } from "./tools.ts";

const FULL = Deno.env.get("DENALI_NETWORK_TEST") === "full";
const ignore = !await hasLibc32("Ilwaco's network is simulated in a Linux program");

/** What the networks hold when nothing is open but the server's sockets. */
const BLOCKS_AT_REST = [11, 3];

let built: Promise<string> | undefined;
let folder: string | undefined;

function simulation(): Promise<string> {
  built ??= (async () => {
    folder = await Deno.makeTempDir();
    await buildSimulation(folder);
    return folder;
  })();
  return built;
}

addEventListener("unload", () => {
  if (folder) Deno.removeSync(folder, { recursive: true });
});

async function check(
  settings: Record<string, number | string>,
  atRest = BLOCKS_AT_REST,
): Promise<void> {
  const what = Object.entries(settings).map(([key, value]) => `${key}=${value}`).join(" ");
  const { success, output, blocks, mutated } = await simulate(await simulation(), settings);
  assert(success, `with ${what}:\n${output}`);
  assertEquals(blocks, atRest, `memory was kept, with ${what}`);
  assert(mutated >= Number(settings.mutated ?? 0));
}

const MEGABYTE = 1_000_000;
const LINKS: Record<string, Record<string, number>> = {
  "a perfect link": {},
  "one percent lost": { loss: 1 },
  "five percent lost": { loss: 5 },
  "frames that overtake each other": { jitter: 1000 },
  "frames doubled and corrupted": { duplicate: 5, corrupt: 2 },
  "100 ms there and back, one percent lost": { delay: 50_000, queue: 1000, loss: 1 },
  "a short queue": { mbps: 10, queue: 10 },
  "all of it, on a link of 576 bytes": { mtu: 576, loss: 2, jitter: 500, duplicate: 1, corrupt: 1 },
};

for (const [name, link] of Object.entries(LINKS)) {
  Deno.test({
    name: `a stream comes back whole over ${name}`,
    ignore,
    fn: async () => {
      for (let seed = 1; seed <= (FULL ? 20 : 2); seed++) {
        await check({ ...link, seed, bytes: (FULL ? 20 : 4) * MEGABYTE });
      }
    },
  });
}

Deno.test({
  name: "a stream comes back whole when checksums and segmentation are left to the NIC",
  ignore,
  fn: async () => {
    for (const link of Object.values(LINKS)) {
      for (let seed = 1; seed <= (FULL ? 20 : 1); seed++) {
        await check({ ...link, offload: 1, seed, bytes: (FULL ? 20 : 4) * MEGABYTE });
      }
    }
    // One of them has a NIC that does less.
    await check({ "1:offload": 1, loss: 1, seed: 1, chatter: 6, bytes: MEGABYTE });
  },
});

Deno.test({
  name: "thirty streams share a bad link fairly enough that all end",
  ignore,
  fn: async () => {
    for (let seed = 1; seed <= (FULL ? 10 : 2); seed++) {
      await check({ seed, streams: 30, bytes: MEGABYTE / 2, loss: 1, queue: 20 });
    }
  },
});

Deno.test({
  name: "a stream comes back whole while mutated frames hit both hosts, and no memory is lost",
  ignore,
  fn: async () => {
    if (FULL) await check({ seed: 11, bytes: 60 * MEGABYTE, chatter: 6, mutated: 1_000_000 });
    for (let seed = 21; seed < (FULL ? 41 : 23); seed++) {
      await check({ seed, bytes: 8 * MEGABYTE, chatter: 6, mutated: 100_000 });
    }
  },
});

Deno.test({
  name: "of a crowd that a server speaks to first, everybody is served or sent away",
  ignore,
  fn: async () => {
    // The server has one socket more. When it comes too late, all have been sent away before.
    for (const late_ms of [0, 3000, 60_000]) {
      for (const crowd of [10, 40, 700]) {
        await check({ seed: 1, streams: 0, crowd, late_ms }, [13, 3]);
      }
    }
  },
});

Deno.test({
  name:
    "a peer that falls silent is given up after the program's own patience, retries or keepalive",
  ignore,
  // Nobody tells the server, whose four connections stay.
  fn: () => check({ seed: 1, cut: 100 }, [19, 3]),
});

Deno.test({
  name: "a lease is renewed, given up when nobody extends it, and taken again",
  ignore,
  // The server has one socket more, and the client two.
  fn: () => check({ seed: 1, lease: 1, "1:net": "dhcp" }, [12, 6]),
});

Deno.test({
  name: "a connection that was silent for a minute sends as much at once as before",
  ignore,
  fn: () => check({ seed: 1, silence: 1, delay: 50_000, queue: 1000 }),
});
