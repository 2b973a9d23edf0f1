import { assertEquals } from "@std/assert";
import { addressOf, formatPool, parsePool, planAddresses, vmNetwork } from "./address_plan.ts";
import { formatAddress } from "./gateway/ipv4.ts";

function plan(text: string, hosts = {}) {
  return planAddresses(parsePool(text)!, hosts);
}

Deno.test("VM n has the n-th address after the first one of the pool", () => {
  const addresses = plan("192.168.3.0/24", { firstTaken: true });
  assertEquals(formatAddress(addresses.first), "192.168.3.1");
  assertEquals(formatAddress(addressOf(addresses, 1)), "192.168.3.2");
  assertEquals(formatAddress(addressOf(plan("192.168.3.100/24"), 5)), "192.168.3.105");
});

Deno.test("addresses of a small pool begin again, and never meet the broadcast or our own end", () => {
  const addresses = plan("10.0.0.0/29", { firstTaken: true });
  assertEquals(formatAddress(addresses.own), "10.0.0.6");
  const given = [1, 2, 3, 4, 5, 8].map((id) => formatAddress(addressOf(addresses, id)));
  assertEquals(given, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.2", "10.0.0.5"]);
  assertEquals(plan("10.0.0.0/29").capacity, 5);
});

Deno.test("a VM is told the router and, unless another is named, that it is the resolver too", () => {
  const router = parsePool("10.0.0.9/24")!.first;
  const { gateway, dns } = vmNetwork(plan("10.0.0.0/24", { router }), 1);
  assertEquals([gateway, dns], [router, router]);
  assertEquals(vmNetwork(plan("10.0.0.0/24", { router: 0, dns: router }), 1).gateway, 0);
});

Deno.test("a pool is an address and a prefix with room for a VM", () => {
  assertEquals(formatPool(parsePool("10.44.0.0/16")!), "10.44.0.1/16");
  assertEquals(formatPool(parsePool("10.44.0.9/16")!), "10.44.0.9/16");
  for (
    const text of [
      "10.0.0.0",
      "10.0.0.0/7",
      "10.0.0.0/30",
      "10.0.0.254/24",
      "10.0.0/8",
      "1.2.3.256/8",
    ]
  ) {
    assertEquals(parsePool(text), undefined, text);
  }
});
