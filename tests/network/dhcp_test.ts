/** A VM that asks for its address, with dnsmasq as the server on the link. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createHandler } from "../../supervisor/server.ts";
import { hasTool } from "../tools.ts";
import { prepare } from "../support/guest_host.ts";
import { LINUX, withBed } from "./bed.ts";
import { hasNamespaces } from "./namespace.ts";

const ignore = !await hasNamespaces() || !await hasTool("gcc", "guests are compiled") ||
  !await hasTool("dnsmasq", "it is the DHCP server") || !await hasTool("curl", "it fetches a page");
const LENT = "10.80.200.7";

if (!ignore) await prepare("httpd");

Deno.test({
  name: "a VM may use the address that a DHCP server on the link lends it, and is reached there",
  ignore,
  fn: () =>
    withBed({}, async ({ host, supervisor, space, device }) => {
      const options = ["--no-daemon", "--conf-file=/dev/null", "--port=0", `--interface=${device}`];
      const range = [
        `--dhcp-range=${LENT},${LENT},1h`,
        `--dhcp-option=3,${LINUX}`,
        "--leasefile-ro",
      ];
      const server = space.spawn("dnsmasq", ...options, ...range, "--bind-interfaces");
      try {
        const vm = await host.boot("httpd", { env: { net: "dhcp" } });
        await vm.says("listening");
        const signal = AbortSignal.timeout(60_000);
        while (supervisor.get(vm.name).address !== LENT) {
          signal.throwIfAborted();
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        const curl = ["-sS", "-m", "20", "--retry", "9", "--retry-connrefused", `http://${LENT}/`];
        assertStringIncludes(await space.run("curl", ...curl), LENT);
        const handler = createHandler(supervisor);
        const page = await handler(new Request(`http://${vm.name}.localhost/`));
        assertStringIncludes(await page.text(), LENT);
        handler.close();
        const types = supervisor.events.after().map(({ type }) => type);
        assertEquals(types.includes("vm.address"), true);
      } finally {
        server.kill("SIGKILL");
        await server.stdout.cancel();
        await server.status;
      }
    }),
});
