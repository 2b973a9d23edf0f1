import { assertEquals, assertThrows } from "@std/assert";
import { formatPool } from "../address_plan.ts";
import { parseUplink, type TapSettings } from "./settings.ts";

Deno.test("an uplink is the gateway, none, or a TAP device with its options in any order", () => {
  assertEquals(parseUplink("gateway"), { kind: "gateway" });
  assertEquals(parseUplink("none"), { kind: "none" });
  const { device, bridge, pool } = parseUplink("tap") as TapSettings;
  assertEquals([device, bridge, formatPool(pool)], ["denali0", undefined, "10.44.0.1/16"]);
  assertEquals(
    parseUplink("tap:t1,router=10.1.0.2,pool=10.1.0.0/24,dns=9.9.9.9,bridge=br0"),
    {
      kind: "tap",
      device: "t1",
      bridge: "br0",
      pool: { first: 0x0a010001, prefix: 24 },
      router: 0x0a010002,
      dns: 0x09090909,
    },
  );
});

Deno.test("what is wrong in an uplink is refused with what was expected", () => {
  const refused = (text: string, expected: string) =>
    void assertThrows(() => parseUplink(text), Error, expected);
  refused("slirp", "expected gateway, none, or tap");
  refused("gateway,pool=10.0.0.0/8", "expected gateway, none, or tap");
  refused("tap:a:b", "expected gateway, none, or tap");
  refused("tap:", "expected a name of an interface");
  refused("tap:sixteen-letters-", "expected a name of an interface");
  refused("tap,mtu=9000", "expected gateway, none, or tap");
  refused("tap,bridge=a,bridge=b", "expected gateway, none, or tap");
  refused("tap,bridge=a/b", "expected bridge= and the name of a bridge");
  refused("tap,pool=10.0.0.0", "expected pool=ADDRESS/PREFIX");
  refused("tap,router=10.0.0", "expected router= and an IPv4 address");
});
