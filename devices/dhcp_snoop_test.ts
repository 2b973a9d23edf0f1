import { assertEquals } from "@std/assert";
import { dhcpGrant, dhcpRequest } from "./dhcp_snoop.ts";
import { Switch } from "./switch.ts";

const REQUEST = 3, ACK = 5, NAK = 6, OFFER = 2;
const VM = [2, 0x44, 0x4e, 0, 0, 1], SERVER = [2, 0, 0, 0, 0, 9];
const STATIC = [10, 0, 0, 2], LENT = [192, 168, 7, 77];

interface Message {
  readonly type: number;
  readonly xid?: number;
  readonly chaddr?: number[];
  readonly yiaddr?: number[];
  readonly options?: number[];
}

/** A DHCP message of the VM or of a server, in UDP in IPv4 in Ethernet, without checksums. */
function dhcp({ type, xid = 0xcafe0001, chaddr = VM, yiaddr = [0, 0, 0, 0], options }: Message) {
  const client = type === REQUEST;
  const frame = new Uint8Array(14 + 20 + 8 + 240 + 16);
  const view = new DataView(frame.buffer);
  frame.set([255, 255, 255, 255, 255, 255, ...client ? VM : SERVER, 8, 0, 0x45]);
  view.setUint16(16, frame.length - 14);
  view.setUint8(23, 17);
  frame.set([...client ? [0, 0, 0, 0] : [192, 168, 7, 1], 255, 255, 255, 255], 26);
  view.setUint16(34, client ? 68 : 67);
  view.setUint16(36, client ? 67 : 68);
  view.setUint16(38, frame.length - 34);
  frame.set([client ? 1 : 2, 1, 6, 0], 42);
  view.setUint32(46, xid);
  frame.set(yiaddr, 58);
  frame.set(chaddr, 70);
  view.setUint32(42 + 236, 0x63825363);
  frame.set(options ?? [0, 0, 12, 2, 65, 66, 53, 1, type, 255], 42 + 240);
  return frame;
}

function ipv4(source: number[]): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([...SERVER, ...VM, 8, 0, 0x45]);
  frame.set(source, 26);
  return frame;
}

Deno.test("a request for an address and its grant are read, and nothing else is taken for one", () => {
  assertEquals(dhcpRequest(dhcp({ type: REQUEST })), 0xcafe0001);
  const ack = dhcp({ type: ACK, yiaddr: LENT });
  assertEquals(dhcpGrant(ack), { request: 0xcafe0001, mac: 0x02444e000001, address: 0xc0a8074d });
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
