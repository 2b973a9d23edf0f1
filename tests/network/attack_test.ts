/**
 * Frames that no socket sends, from a neighbour who means harm: connections stand, and clients are served.
 *
 * DENALI_NETWORK_TEST=full: ten times as many.
 */

import { hasTool } from "../tools.ts";
import { prepare } from "../support/guest_host.ts";
import { FULL, withBed } from "./bed.ts";
import { hasNamespaces } from "./namespace.ts";

const ignore = !await hasNamespaces() || !await hasTool("gcc", "guests are compiled");
const ATTACKER = new URL("./attacker.py", import.meta.url).pathname;
const ECHO = 7, TIMES = FULL ? 10 : 1;

if (!ignore) await prepare("echo");

function attack(name: string, attack: string, count: number): void {
  Deno.test({
    name,
    ignore,
    fn: () =>
      withBed({}, async ({ host, space, device }) => {
        const vm = await host.boot("echo", { memory: 32 << 20 });
        await vm.says("listening");
        const words = [attack, device, vm.address, String(ECHO), String(TIMES * count)];
        await space.run("python3", ATTACKER, ...words);
      }),
  });
}

attack("a forged RST ends no connection unless it is exactly the next byte", "forged_rst", 1000);
attack("clients are served while SYNs come from hosts that do not exist", "syn_flood", 10_000);
attack("fragments that overlap or contradict one another reach nobody", "fragments", 8000);
attack("fragments in any order make the datagram", "reassembly", 0);
