import { assert, assertEquals } from "@std/assert";
import { EgressPolicy } from "./policy.ts";
import { covers, parseEgressRule } from "./rules.ts";

const GATEWAY = 0x0a000001, VM = 0x0a000002;

function address(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function allows(rule: string, protocol: "tcp" | "udp", to: string, port: number): boolean {
  return covers(parseEgressRule(rule)!, protocol, to === "host" ? to : address(to), port);
}

Deno.test("a rule covers its addresses, its ports and its protocol, and nothing beside them", () => {
  const rule = "203.0.113.64/26:8000-8010/tcp";
  assert(allows(rule, "tcp", "203.0.113.64", 8000));
  assert(allows(rule, "tcp", "203.0.113.127", 8010));
  assert(!allows(rule, "tcp", "203.0.113.63", 8000));
  assert(!allows(rule, "tcp", "203.0.113.128", 8000));
  assert(!allows(rule, "tcp", "203.0.113.64", 7999));
  assert(!allows(rule, "tcp", "203.0.113.64", 8011));
  assert(!allows(rule, "udp", "203.0.113.64", 8000));
  assert(!allows(rule, "tcp", "host", 8000));
  assert(allows("198.51.100.7", "udp", "198.51.100.7", 1));
  assert(allows("198.51.100.7:53/udp", "udp", "198.51.100.7", 53));
  assert(allows("203.0.113.99/24", "tcp", "203.0.113.1", 80));
});

Deno.test("a wide rule does not cover this machine, link-local addresses and multicast", () => {
  for (const to of ["127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255"]) {
    assert(!allows("0.0.0.0/0", "tcp", to, 80), to);
  }
  assert(!allows("0.0.0.0/0", "tcp", "host", 80));
  assert(allows("169.254.169.254:80", "tcp", "169.254.169.254", 80));
  assert(allows("127.0.0.0/8", "tcp", "127.0.0.1", 80));
  assert(allows("0.0.0.0/0", "tcp", "198.51.100.7", 65_535));
});

Deno.test("a wide rule does not cover the addresses of this machine on its networks", () => {
  const own = address("203.0.113.7"), beside = address("203.0.113.8");
  const reaches = (rule: string, to: number) =>
    new EgressPolicy([parseEgressRule(rule)!], GATEWAY, (address) => address === own)
      .find(VM, "tcp", to, 80) !== undefined;
  for (const rule of ["0.0.0.0/0", "203.0.113.0/24", "203.0.113.6/31"]) {
    assertEquals([reaches(rule, own), reaches(rule, beside)], [false, !rule.endsWith("31")], rule);
  }
  assert(reaches("203.0.113.7:80", own) && reaches("203.0.113.7/32", own));
  const mine = Deno.networkInterfaces().filter(({ family }) => family === "IPv4");
  for (const { address: text } of mine) {
    const wide = new EgressPolicy([parseEgressRule("0.0.0.0/0")!], GATEWAY);
    assertEquals(wide.find(VM, "udp", address(text), 53), undefined, text);
  }
});

Deno.test("what is not a rule is none", () => {
  const wrong = ["", "none", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4/33", "1.2.3.4:0"];
  wrong.push("1.2.3.4:65536", "1.2.3.4:9-8", "1.2.3.4/sctp", "host/8", "localhost:80", "1..2.3");
  for (const text of wrong) assertEquals(parseEgressRule(text), undefined, text);
});

Deno.test("rules of its own hold for a VM in place of the general ones, also if there are none", () => {
  const policy = new EgressPolicy([parseEgressRule("198.51.100.0/24:443")!], GATEWAY);
  const find = (port: number) => policy.find(VM, "tcp", address("198.51.100.9"), port);
  assertEquals(find(443), { hostname: "198.51.100.9", port: 443 });
  policy.set(VM, []);
  assertEquals([find(443), policy.mayReachAnything(VM)], [undefined, false]);
  policy.set(VM, [parseEgressRule("host:80")!]);
  assertEquals(find(443), undefined);
  assertEquals(policy.find(VM, "tcp", GATEWAY, 80), { hostname: "127.0.0.1", port: 80 });
  policy.set(VM, undefined);
  assertEquals([find(443)?.port, policy.find(VM, "tcp", GATEWAY, 80)], [443, undefined]);
});
