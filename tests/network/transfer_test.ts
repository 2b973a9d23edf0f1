/**
 * Bytes between Linux and a VM over good and bad links: every one arrives, in its place, both ways.
 *
 * DENALI_NETWORK_TEST=full: 100 MB in each condition and direction instead of 2.
 */

import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../tools.ts";
import { nativeGuest, prepare } from "../support/guest_host.ts";
import { type Bed, FULL, withBed } from "./bed.ts";
import { type Damage, type Impairment } from "./impaired_wire.ts";
import { hasNamespaces } from "./namespace.ts";

const ignore = !await hasNamespaces() || !await hasTool("gcc", "guests are compiled") ||
  !await hasTool("curl", "it fetches documents") || !await hasTool("nc", "it talks to echo");
const BYTES = FULL ? 100_000_000 : 2_000_000;
const SECONDS = FULL ? 1800 : 60;

if (!ignore) await prepare("ttcp", "httpd", "echo");
const ttcp = ignore ? "" : await nativeGuest("ttcp");
globalThis.addEventListener("unload", () => ttcp && Deno.removeSync(ttcp));

const CONDITIONS: readonly (readonly [string, Impairment, (keyof Damage)?])[] = [
  ["a good link", {}],
  ["a link that takes 10 ms each way", { delayMs: 10 }],
  ["a link that loses 1 %", { loss: 0.01 }, "lost"],
  ["a link that loses 5 %", { loss: 0.05 }, "lost"],
  ["a link that reorders 2 %", { reorder: 0.02 }, "reordered"],
  ["a link that doubles 2 %", { duplicate: 0.02 }, "duplicated"],
  ["a link that corrupts 1 %", { corrupt: 0.01 }, "corrupted"],
  [
    "a link that does all of that",
    { delayMs: 2, loss: 0.01, reorder: 0.01, duplicate: 0.01, corrupt: 0.01 },
    "lost",
  ],
];

/** Runs ttcp as a Linux program against one in a VM; it checks every byte. */
async function transfer({ space }: Bed, address: string, ...args: string[]): Promise<void> {
  const text = await space.run("timeout", String(SECONDS), ttcp, "-v", ...args, address);
  const { bytes, wrong_bytes } = JSON.parse(text);
  assertEquals({ bytes, wrong_bytes }, { bytes: BYTES, wrong_bytes: 0 });
}

for (const [name, link, damaged] of CONDITIONS) {
  Deno.test({
    name: `a VM and Linux exchange bytes exactly, both ways, over ${name}`,
    ignore,
    fn: () =>
      withBed({ link }, async (bed) => {
        const vm = await bed.host.boot("ttcp", { args: ["-s"] });
        await vm.says("listening");
        await transfer(bed, vm.address, "-n", String(BYTES));
        await transfer(bed, vm.address, "-n", String(BYTES), "-r");
        if (damaged) assert(bed.damage[damaged] > 0, "the link was a good one");
      }),
  });
}

Deno.test({
  name:
    "a VM and Linux exchange bytes exactly, both ways, when checksums and segmentation are left out",
  ignore,
  fn: () =>
    withBed({ offload: true }, async (bed) => {
      const vm = await bed.host.boot("ttcp", { args: ["-s"] });
      await vm.says("listening");
      await transfer(bed, vm.address, "-n", String(BYTES));
      const { framesIn, bytesIn } = (await bed.supervisor.stats()).uplink as Record<string, number>;
      assert(bytesIn / framesIn > 1514, "Linux handed over no large segment");
      await transfer(bed, vm.address, "-n", String(BYTES), "-r");
    }),
});

Deno.test({
  name: "curl and nc get from a VM what they ask for, byte for byte, over a link that loses 1 %",
  ignore,
  fn: () =>
    withBed({ link: { loss: 0.01 } }, async ({ host, space }) => {
      const httpd = await host.boot("httpd"), echo = await host.boot("echo");
      await httpd.says("listening");
      await echo.says("listening");
      const url = `http://${httpd.address}/doc?bytes=${BYTES}`;
      const compare = "import hashlib, sys\n" +
        "data, n, h = sys.stdin.buffer, 0, hashlib.sha256()\n" +
        "while (piece := data.read(65536)): n += len(piece); h.update(piece)\n" +
        "print(n, h.hexdigest())";
      const fill = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,";
      const expected = "import sys, itertools\n" +
        `left = ${BYTES}\n` +
        "for n in itertools.count():\n" +
        `  line = b"%08x ${fill}\\n" % n\n` +
        "  sys.stdout.buffer.write(line[:left]); left -= len(line)\n" +
        "  if left <= 0: break\n";
      const pipe = (command: string) =>
        space.run("bash", "-c", `set -o pipefail; ${command} | python3 -c '${compare}'`);
      const document = await pipe(`python3 -c '${expected}'`);
      assertEquals(await pipe(`curl -sS -m ${SECONDS} "${url}"`), document);
      // -N: nc says that it is at its end, and goes on reading.
      const nc = `nc -N -w ${SECONDS} ${echo.address} 7`;
      assertEquals(await pipe(`python3 -c '${expected}' | ${nc}`), document);
    }),
});
