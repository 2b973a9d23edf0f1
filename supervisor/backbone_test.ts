import { assert, assertEquals } from "@std/assert";
import { OFFLOAD_PARTIAL } from "../devices/offload.ts";
import { ACK, dhcp, REQUEST } from "../devices/testing/dhcp.ts";
import { tcpFrame } from "../devices/testing/packets.ts";
import { Backbone, type BackbonePort, CELL_STORM_BURST_FRAMES } from "./backbone.ts";

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const BASE = 0x0a000001;

function mac(vm: number): number[] {
  return [0x02, 0x44, 0x4e, vm >> 16, (vm >> 8) & 0xff, vm & 0xff];
}

function ip(vm: number): number[] {
  return [10, vm >> 16, (vm >> 8) & 0xff, (vm & 0xff) + 1];
}

function frame(to: number[], from: number[], type: number, payload: number[] = []): Uint8Array {
  return Uint8Array.from([...to, ...from, type >> 8, type & 0xff, ...payload]);
}

function ipv4(to: number, from: number, source = ip(from)): Uint8Array {
  const header = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0];
  return frame(mac(to), mac(from), 0x0800, [...header, ...source, ...ip(to)]);
}

function arp(from: number[], source: number[], target: number[], operation = 1): Uint8Array {
  const header = [0, 1, 8, 0, 6, 4, 0, operation];
  const payload = [...header, ...from, ...source, 0, 0, 0, 0, 0, 0, ...target];
  return frame(BROADCAST, from, 0x0806, payload);
}

/** Cells a and b with VMs 1 and 2, an empty cell c, and an uplink; `full` ports take nothing. */
function setup() {
  const clock = { now: 0 };
  const backbone = new Backbone({ addressOf: (vm) => BASE + vm, now: () => clock.now });
  const heard: string[] = [];
  const full = new Set<string>(), crowded = new Set<string>();
  const options = (name: string) => ({
    name,
    deliver: () => {
      if (!full.has(name)) heard.push(name);
      return !full.has(name);
    },
    crowded: () => crowded.has(name),
  });
  const [a, b, c] = ["a", "b", "c"].map((name) => backbone.attachCell(options(name)));
  const up = backbone.attachUplink(options("up"));
  backbone.place(1, a);
  backbone.place(2, b);
  const send = (port: BackbonePort, bytes: Uint8Array): string => {
    backbone.send(port, bytes);
    return heard.splice(0).join(" ");
  };
  return { backbone, a, b, c, up, send, full, crowded, clock };
}

Deno.test("a frame to a VM goes to its cell and nowhere else, and one to any other MAC to the uplinks", () => {
  const { a, up, send, backbone, c } = setup();
  assertEquals(send(a, ipv4(2, 1)), "b");
  assertEquals(send(up, frame(mac(2), [2, 0, 0, 0, 0, 9], 0x0800)), "b");
  assertEquals(send(a, ipv4(3, 1)), "up");
  backbone.place(2, c);
  assertEquals(send(a, ipv4(2, 1)), "c");
  backbone.place(2, undefined);
  assertEquals(send(a, ipv4(2, 1)), "up");
  assertEquals(backbone.stats().betweenCells, 2);
});

Deno.test("an ARP request goes to the cell of the VM that has the address, else to the uplinks", () => {
  const { a, up, send } = setup();
  assertEquals(send(a, arp(mac(1), ip(1), ip(2))), "b");
  assertEquals(send(up, arp([2, 0, 0, 0, 0, 9], [10, 0, 0, 1], ip(1))), "a");
  assertEquals(send(a, arp(mac(1), ip(1), ip(77))), "up");
  assertEquals(send(a, arp(mac(1), ip(1), ip(1))), "up");
});

Deno.test("a broadcast goes to every other port", () => {
  const { a, up, send } = setup();
  assertEquals(send(a, frame(BROADCAST, mac(1), 0x88b5)), "up b c");
  assertEquals(send(up, frame(BROADCAST, [2, 0, 0, 0, 0, 9], 0x88b5)), "a b c");
});

Deno.test("a cell cannot send as a VM of another cell, nor with another VM's address", () => {
  const { a, c, send, backbone } = setup();
  assertEquals(send(a, ipv4(1, 2)), "");
  assertEquals(send(c, ipv4(1, 3)), "");
  assertEquals(send(a, ipv4(2, 1, ip(2))), "");
  assertEquals(send(a, arp(mac(1), ip(2), ip(3))), "");
  assertEquals(send(a, arp(mac(2), ip(1), ip(3), 2)), "");
  // Behind a VLAN tag or in IPv6 nobody would look.
  assertEquals(send(a, frame(mac(2), mac(1), 0x8100, [0, 1, 8, 0])), "");
  assertEquals(send(a, frame(BROADCAST, mac(1), 0x86dd)), "");
  const { spoofed_mac, spoofed_ip, protocol } = backbone.stats().drops;
  assertEquals([spoofed_mac, spoofed_ip, protocol], [3, 2, 2]);
});

Deno.test("frames of impossible sizes are dropped", () => {
  const { a, send, backbone } = setup();
  assertEquals(send(a, new Uint8Array(13)), "");
  assertEquals(send(a, new Uint8Array(1515)), "");
  assertEquals(send(a, ipv4(2, 1).subarray(0, 20)), "");
  assertEquals(backbone.stats().drops.malformed, 3);
});

Deno.test("a cell that takes nothing costs others nothing, and one half full is kept free for uplinks", () => {
  const { a, b, up, send, full, crowded, backbone } = setup();
  full.add("b");
  assertEquals(send(a, ipv4(2, 1)), "");
  assertEquals(send(a, frame(BROADCAST, mac(1), 0x88b5)), "up c");
  full.delete("b");
  crowded.add("b");
  assertEquals(send(a, ipv4(2, 1)), "");
  assertEquals(send(up, frame(mac(2), [2, 0, 0, 0, 0, 9], 0x0800)), "b");
  assertEquals(send(b, ipv4(1, 2)), "a");
  assert(backbone.stats().drops.no_room >= 2);
});

Deno.test("a cell that broadcasts without end is cut off, and others are not", () => {
  const { a, b, send, clock, backbone } = setup();
  let heard = 0;
  for (let n = 0; n < 2 * CELL_STORM_BURST_FRAMES; n++) {
    if (send(a, frame(BROADCAST, mac(1), 0x88b5)) !== "") heard++;
  }
  assertEquals(heard, CELL_STORM_BURST_FRAMES);
  assertEquals(backbone.stats().drops.storm, CELL_STORM_BURST_FRAMES);
  assertEquals(send(b, frame(BROADCAST, mac(2), 0x88b5)), "up a c");
  clock.now += 1_000_000;
  assertEquals(send(a, frame(BROADCAST, mac(1), 0x88b5)), "up b c");
});

Deno.test("nothing reaches a cell that is gone", () => {
  const { a, b, send, backbone } = setup();
  backbone.detach(b);
  assertEquals(send(a, ipv4(2, 1)), "");
  assertEquals(send(b, ipv4(1, 2)), "a", "what it had sent before is still on its way");
  assertEquals(send(a, frame(BROADCAST, mac(1), 0x88b5)), "up c");
});

Deno.test("an uplink with one host hears of what is for that host and of broadcasts, and of nothing else", () => {
  const { backbone, a, up, send } = setup();
  const heard: string[] = [];
  const host = { mac: 0x020000000007, address: 0x0a0000fe };
  const hostMac = [2, 0, 0, 0, 0, 7], hostAddress = [10, 0, 0, 254];
  const deliver = () => {
    heard.push("host");
    return true;
  };
  const own = backbone.attachUplink({ name: "own", deliver }, host);
  const both = (from: BackbonePort, bytes: Uint8Array) =>
    [send(from, bytes), ...heard.splice(0)].filter((name) => name !== "").join(" ");
  assertEquals(both(a, frame(hostMac, mac(1), 0x88b5)), "host");
  assertEquals(both(a, arp(mac(1), ip(1), hostAddress)), "host");
  assertEquals(both(a, frame([2, 0, 0, 0, 0, 9], mac(1), 0x88b5)), "up");
  assertEquals(both(a, arp(mac(1), ip(1), [10, 0, 0, 77])), "up");
  assertEquals(both(a, frame(BROADCAST, mac(1), 0x88b5)), "up b c host");
  assertEquals(both(up, frame(hostMac, [2, 0, 0, 0, 0, 9], 0x88b5)), "");
  assertEquals(both(up, arp([2, 0, 0, 0, 0, 9], [10, 0, 0, 77], hostAddress)), "");
  assertEquals(both(own, frame(BROADCAST, hostMac, 0x88b5)), "a b c");
});

Deno.test("nobody outside can say that he is a VM: not by its MAC, in IPv4 or in ARP", () => {
  const { backbone, up, send } = setup();
  const outside = [2, 0, 0, 0, 0, 9];
  assertEquals(send(up, frame(mac(1), mac(2), 0x88b5)), "");
  assertEquals(backbone.stats().drops.spoofed_mac, 1);
  const packet = ipv4(1, 2);
  packet.set(outside, 6);
  assertEquals(send(up, packet), "");
  assertEquals(send(up, arp(outside, ip(2), ip(1), 2)), "");
  assertEquals(backbone.stats().drops.spoofed_ip, 2);
  // VM 3 is not here: it may be anywhere.
  assertEquals(send(up, arp(outside, ip(3), ip(1))), "a");
});

Deno.test("an address that was lent to a VM is the world's again when the lease is over", () => {
  const { backbone, a, up, send, clock } = setup();
  const outside = [2, 0, 0, 0, 0, 9], lent = [10, 0, 7, 77], lentNumber = 0x0a00074d;
  const lend = () => {
    send(a, dhcp({ type: REQUEST }));
    const options = [53, 1, ACK, 51, 4, 0, 0, 0, 100, 255];
    send(up, dhcp({ type: ACK, yiaddr: lent, options }));
  };
  lend();
  clock.now = 99e6;
  lend();
  clock.now = 198e6;
  assertEquals(backbone.addressOf(1), lentNumber);
  assertEquals(send(a, ipv4(2, 1, lent)), "b");
  assertEquals(send(up, arp(outside, ip(9), lent)), "a");
  assertEquals(send(up, arp(outside, lent, ip(2), 2)), "");
  clock.now = 199e6;
  assertEquals(send(a, ipv4(2, 1, lent)), "");
  assertEquals(backbone.addressOf(1), 0);
  assertEquals(send(a, arp(mac(1), [0, 0, 0, 0], lent)), "up");
  assertEquals(send(up, arp(outside, lent, ip(2))), "b");
});

Deno.test("a cell cannot say falsely what a frame leaves to others, and only who asks gets such frames", () => {
  const backbone = new Backbone({ addressOf: (vm) => 0x0a000001 + vm, now: () => 0 });
  const got: [string, number, number][] = [];
  const port = (name: string, takes?: number) => ({
    name,
    takes,
    deliver: (frame: Uint8Array, offload: number) => got.push([name, frame.length, offload]) > 0,
  });
  const a = backbone.attachCell(port("a", 3)), b = backbone.attachCell(port("b", 3));
  backbone.attachUplink(port("up"));
  backbone.place(1, a);
  backbone.place(2, b);
  const [from, to] = [1, 2].map((vm) => Uint8Array.of(2, 0x44, 0x4e, 0, 0, vm));
  const addresses = { from, source: 0x0a000002, payload: new Uint8Array(3000) };
  const large = OFFLOAD_PARTIAL | 1448;
  backbone.send(a, tcpFrame({ ...addresses, to }), large);
  backbone.send(a, tcpFrame(addresses), large);
  backbone.send(a, tcpFrame({ ...addresses, to }), OFFLOAD_PARTIAL);
  backbone.send(a, tcpFrame({ ...addresses, to }), 0);
  backbone.send(a, new Uint8Array(70_000), large);
  backbone.send(a, tcpFrame({ ...addresses, to, source: 0x0a000003 }), large);
  assertEquals(got, [["b", 3066, large], ["up", 1514, 0], ["up", 1514, 0], ["up", 170, 0]]);
  const { offload, malformed, spoofed_ip } = backbone.stats().drops;
  assertEquals({ offload, malformed, spoofed_ip }, { offload: 2, malformed: 1, spoofed_ip: 1 });
});
