import { assertEquals } from "@std/assert";
import { dhcpGrant, dhcpRequest } from "./dhcp_snoop.ts";
import { Switch } from "./switch.ts";
import { ACK, dhcp, type Message, NAK, OFFER, REQUEST, SERVER, VM } from "./testing/dhcp.ts";

const STATIC = [10, 0, 0, 2], LENT = [192, 168, 7, 77];

function ipv4(source: number[]): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([...SERVER, ...VM, 8, 0, 0x45]);
  frame.set(source, 26);
  return frame;
}

Deno.test("a request for an address and its grant are read, and nothing else is taken for one", () => {
  assertEquals(dhcpRequest(dhcp({ type: REQUEST })), 0xcafe0001);
  const ack = dhcp({ type: ACK, yiaddr: LENT });
  assertEquals(dhcpGrant(ack), {
    request: 0xcafe0001,
    mac: 0x02444e000001,
    address: 0xc0a8074d,
    duration: Infinity,
  });
  assertEquals(dhcpGrant(dhcp({ type: ACK })), null, "an answer to DHCPINFORM");
  for (const type of [OFFER, NAK]) assertEquals(dhcpGrant(dhcp({ type, yiaddr: LENT })), null);
  for (const options of [[255, 53, 1, ACK], [53], [12, 255, 53, 1, ACK], [0, 0, 0]]) {
    assertEquals(dhcpGrant(dhcp({ type: ACK, yiaddr: LENT, options })), null);
  }
  for (let length = 0; length < ack.length - 16; length++) {
    assertEquals(dhcpGrant(ack.subarray(0, length)), null, `${length} bytes`);
  }
  const fragment = ack.slice();
  fragment[20] = 0x20;
  assertEquals(dhcpGrant(fragment), null);
});

Deno.test("a station has the address it asked for and was lent, and no other", () => {
  const ethernet = new Switch({ now: () => 0 });
  const uplink = ethernet.attach({ name: "uplink", deliver: () => true });
  const station = { mac: Uint8Array.from(VM), address: 0x0a000002 };
  const vm = ethernet.attach({ name: "vm", deliver: () => true, station });
  const grant = (message: Partial<Message> = {}) =>
    ethernet.send(uplink, dhcp({ type: ACK, yiaddr: LENT, ...message }));
  const spoofed = (source: number[]) => {
    const before = ethernet.stats().drops.spoofed_ip;
    ethernet.send(vm, ipv4(source));
    return ethernet.stats().drops.spoofed_ip > before;
  };
  grant();
  assertEquals([spoofed(STATIC), spoofed(LENT)], [false, true], "it never asked");
  ethernet.send(vm, dhcp({ type: REQUEST }));
  grant({ xid: 7 });
  assertEquals([spoofed(STATIC), spoofed(LENT)], [false, true], "an answer to somebody else");
  grant();
  assertEquals([spoofed(STATIC), spoofed(LENT)], [true, false]);
  assertEquals([ethernet.hasAddress(0x0a000002), ethernet.hasAddress(0xc0a8074d)], [false, true]);
  const other = { mac: Uint8Array.of(2, 0x44, 0x4e, 0, 0, 2), address: 0x0a000003 };
  ethernet.attach({ name: "other", deliver: () => true, station: other });
  grant({ yiaddr: [10, 0, 0, 3] });
  assertEquals(spoofed([10, 0, 0, 3]), true, "the address of another station");
  ethernet.detach(vm);
  assertEquals(ethernet.hasAddress(0xc0a8074d), false);
});

Deno.test("when a lease is over, its station has no address until it is lent one", () => {
  let now = 0;
  const ethernet = new Switch({ now: () => now });
  const uplink = ethernet.attach({ name: "uplink", deliver: () => true });
  const station = { mac: Uint8Array.from(VM), address: 0x0a000002 };
  const vm = ethernet.attach({ name: "vm", deliver: () => true, station });
  const lend = (seconds: number) => {
    ethernet.send(vm, dhcp({ type: REQUEST }));
    const options = [53, 1, ACK, 51, 4, 0, 0, seconds >> 8, seconds & 255, 255];
    ethernet.send(uplink, dhcp({ type: ACK, yiaddr: LENT, options }));
  };
  const spoofed = (source: number[]) => {
    const before = ethernet.stats().drops.spoofed_ip;
    ethernet.send(vm, ipv4(source));
    return ethernet.stats().drops.spoofed_ip > before;
  };
  lend(600);
  now = 599e6;
  assertEquals(spoofed(LENT), false);
  lend(600);
  now = 1198e6;
  assertEquals(spoofed(LENT), false, "it was extended");
  now = 1199e6;
  assertEquals(ethernet.hasAddress(0xc0a8074d), false);
  assertEquals([spoofed(LENT), spoofed(STATIC), spoofed([0, 0, 0, 0])], [true, true, false]);
  lend(600);
  assertEquals(spoofed(LENT), false);
});
