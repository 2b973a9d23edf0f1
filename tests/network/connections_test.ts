/**
 * Connections from Linux to a VM: many, one after the other and at the same time, and how they end; by
 * the link itself, and by a published port through the gateway.
 *
 * DENALI_NETWORK_TEST=full: 10,000 after one another and 1,000 at once, instead of 1,000 and 300.
 */

import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../tools.ts";
import { prepare } from "../support/guest_host.ts";
import { type Bed, FULL, withBed } from "./bed.ts";
import { hasNamespaces, run } from "./namespace.ts";

const ignore = !await hasNamespaces() || !await hasTool("gcc", "guests are compiled") ||
  !await hasTool("wrk", "it loads a web server");
const CLIENT = new URL("./client.py", import.meta.url).pathname;
const SEQUENTIAL = FULL ? 10_000 : 1000, PARALLEL = FULL ? 1000 : 300;
const TRANSFER = FULL ? 100_000_000 : 1_000_000;
const ECHO = 7, NOBODY = 9;

if (!ignore) await prepare("echo", "httpd");

type Client = (check: string, number?: number) => Promise<unknown>;

/** A client on the link with the VM, and one that reaches it through the gateway. */
const WAYS: Record<string, (bed: Bed) => Promise<Client>> = {
  async "on the link"({ host, space }) {
    const vm = await host.boot("echo", { memory: 32 << 20 });
    await vm.says("listening");
    return (check, number = 0) => {
      const port = check === "refused" ? NOBODY : ECHO;
      return space.run("python3", CLIENT, check, vm.address, String(port), String(number));
    };
  },
  async "through the gateway"({ host }) {
    const vm = await host.boot("echo", { memory: 32 << 20, publish: [ECHO] });
    await vm.says("listening");
    return (check, number = 0) =>
      run("python3", CLIENT, check, "127.0.0.1", String(vm.port), String(number));
  },
};

for (const [way, open] of Object.entries(WAYS)) {
  const check = (name: string, test: (client: Client) => Promise<unknown>) =>
    Deno.test({
      name: `${name} ${way}`,
      ignore,
      fn: () => withBed({}, async (bed) => void await test(await open(bed))),
    });
  check(
    "connections to a VM one after the other are all served",
    (client) => client("sequential", SEQUENTIAL),
  );
  check(
    "connections to a VM at the same time are all served",
    (client) => client("parallel", PARALLEL),
  );
  check(
    "a client that has said its end gets all that is owed to it",
    (client) => client("half_close", TRANSFER),
  );
  check("clients that reset their connections disturb nobody", (client) => client("reset", 60));
}

Deno.test({
  name: "a VM refuses a connection to a port without a server at once",
  ignore,
  fn: () => withBed({}, async (bed) => void await (await WAYS["on the link"](bed))("refused")),
});

Deno.test({
  name: "a VM's web server answers every request of a hundred connections of wrk",
  ignore,
  fn: () =>
    withBed({ offload: true }, async ({ host, space }) => {
      const vm = await host.boot("httpd");
      await vm.says("listening");
      const url = `http://${vm.address}/doc?bytes=2258`;
      const load = ["-t1", "-c100", `-d${FULL ? 30 : 3}s`, "--timeout", "20s"];
      const text = await space.run("wrk", ...load, url);
      const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
      assert(requests > 100, text);
      assertEquals(/Socket errors|Non-2xx/.exec(text), null, text);
    }),
});
