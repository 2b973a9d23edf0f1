import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type DropReason,
  GROUP_BURST_DELIVERIES,
  GROUP_DELIVERIES_PER_SECOND,
  STORM_BURST_FRAMES,
  Switch,
  type SwitchPort,
} from "./switch.ts";

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

function mac(id: number): number[] {
  return [0x02, 0x44, 0x4e, 0, 0, id];
}

function ip(id: number): number[] {
  return [10, 0, 0, id];
}

function frame(to: number[], from: number[], type: number, payload: number[] = []): Uint8Array {
  return Uint8Array.from([...to, ...from, type >> 8, type & 0xff, ...payload]);
}

function ipv4(to: number[], from: number[], source: number[]): Uint8Array {
  return frame(to, from, 0x0800, [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, ...source, ...ip(99)]);
}

function arp(from: number[], source: number[], target: number[], operation = 1): Uint8Array {
  const header = [0, 1, 8, 0, 6, 4, 0, operation];
  const payload = [...header, ...from, ...source, 0, 0, 0, 0, 0, 0, ...target];
  return frame(BROADCAST, from, 0x0806, payload);
}

/** A switch with an uplink and stations 1..3; `heard` lists who got a frame since the last look. */
function setup() {
  const trace: string[] = [];
  const clock = { now: 0 };
  const device = new Switch({
    now: () => clock.now,
    trace: (_frame, port, verdict) => trace.push(`${port}: ${verdict}`),
    macTableMaximum: 4,
  });
  let heard: string[] = [];
  const full = new Set<string>();
  const attach = (name: string, id?: number): SwitchPort =>
    device.attach({
      name,
      deliver: () => {
        if (full.has(name)) return false;
        heard.push(name);
        return true;
      },
      station: id === undefined
        ? undefined
        : { mac: Uint8Array.from(mac(id)), address: 0x0a000000 + id },
    });
  const up = attach("up");
  const ports = [1, 2, 3].map((id) => attach(`vm${id}`, id));
  const send = (port: SwitchPort, bytes: Uint8Array): string => {
    device.send(port, bytes);
    const result = heard.join(" ");
    heard = [];
    return result;
  };
  return { device, up, ports, send, trace, attach, full, clock };
}

Deno.test("a frame to a station's MAC goes to that station only", () => {
  const { ports, send } = setup();
  assertEquals(send(ports[0], ipv4(mac(2), mac(1), ip(1))), "vm2");
});

Deno.test("a frame to an unknown MAC goes to the uplink only", () => {
  const { ports, send, up } = setup();
  assertEquals(send(ports[0], ipv4(mac(77), mac(1), ip(1))), "up");
  assertEquals(send(up, ipv4(mac(78), mac(77), ip(77))), "");
});

Deno.test("a broadcast reaches everybody but its sender", () => {
  const { ports, send, up } = setup();
  assertEquals(send(ports[1], ipv4(BROADCAST, mac(2), ip(2))), "up vm1 vm3");
  assertEquals(send(up, ipv4(BROADCAST, mac(77), ip(77))), "vm1 vm2 vm3");
});

Deno.test("broadcasts are delivered only so often in all, whether VMs send them or another cell", () => {
  const { device, up, ports, send, clock, attach } = setup();
  for (let id = 4; id <= 250; id++) attach(`vm${id}`, id);
  const before = device.stats().delivered;
  const sources = [ports[0], ports[1], ports[2], up];
  const seconds = 10;
  for (; clock.now < seconds * 1e6; clock.now += 1000) {
    for (const [index, port] of sources.entries()) {
      send(port, frame(BROADCAST, mac(port === up ? 99 << 8 : index + 1), 0x88b5));
    }
  }
  const delivered = device.stats().delivered - before;
  const most = GROUP_BURST_DELIVERIES + (seconds + 1) * GROUP_DELIVERIES_PER_SECOND;
  assert(delivered > most / 2 && delivered <= most, `${delivered} of at most ${most}`);
  assertEquals(send(ports[0], arp(mac(1), ip(1), ip(2))), "vm2", "ARP is no broadcast");
});

Deno.test("a VM's storm of broadcasts is cut off, and only its own", () => {
  const { device, ports, send, clock } = setup();
  const storm = ipv4(BROADCAST, mac(1), ip(1));
  for (let i = 0; i < STORM_BURST_FRAMES; i++) assertEquals(send(ports[0], storm), "up vm2 vm3");
  assertEquals(send(ports[0], storm), "");
  assertEquals(device.stats().drops.storm, 1);
  assertEquals(send(ports[1], ipv4(BROADCAST, mac(2), ip(2))), "up vm1 vm3");
  assertEquals(send(ports[0], ipv4(mac(2), mac(1), ip(1))), "vm2");
  clock.now += 1e6;
  assertEquals(send(ports[0], storm), "up vm2 vm3");
});

Deno.test("an ARP request goes to the owner of the address, or to the uplink", () => {
  const { ports, send, up } = setup();
  assertEquals(send(ports[0], arp(mac(1), ip(1), ip(3))), "vm3");
  assertEquals(send(up, arp(mac(77), ip(77), ip(2))), "vm2");
  assertEquals(send(ports[0], arp(mac(1), ip(1), ip(200))), "up");
  assertEquals(send(ports[0], arp(mac(1), ip(1), ip(1))), "up");
});

Deno.test("MAC addresses behind trusted ports are learned, move, and are bounded in number", () => {
  const { device, ports, send, up, attach } = setup();
  const other = attach("other");
  send(up, ipv4(mac(1), mac(77), ip(77)));
  assertEquals(send(ports[0], ipv4(mac(77), mac(1), ip(1))), "up");
  send(other, ipv4(mac(1), mac(77), ip(77)));
  assertEquals(send(ports[0], ipv4(mac(77), mac(1), ip(1))), "other");
  for (let id = 100; id < 200; id++) send(up, ipv4(mac(1), mac(id), ip(9)));
  assertEquals(device.stats().learned, 4);
  assertEquals(send(ports[0], ipv4(mac(77), mac(1), ip(1))), "up other");
  device.detach(up);
  assertEquals(device.stats().learned, 0);
});

const REFUSED: [string, DropReason, Uint8Array][] = [
  ["another VM's source MAC", "spoofed_mac", ipv4(mac(2), mac(3), ip(1))],
  ["another VM's IPv4 source", "spoofed_ip", ipv4(mac(2), mac(1), ip(3))],
  ["another VM's address in ARP", "spoofed_ip", arp(mac(1), ip(3), ip(2))],
  [
    "another VM's MAC in the ARP body",
    "spoofed_mac",
    (() => {
      const bytes = arp(mac(1), ip(1), ip(2));
      bytes[27] = 3;
      return bytes;
    })(),
  ],
  ["an ARP reply with another address", "spoofed_ip", arp(mac(1), ip(3), ip(2), 2)],
  ["a VLAN tag", "protocol", frame(mac(2), mac(1), 0x8100, [0, 1, 8, 0])],
  ["IPv6", "protocol", frame(mac(2), mac(1), 0x86dd)],
  ["a length instead of a type", "protocol", frame(mac(2), mac(1), 64)],
  ["less than an Ethernet header", "malformed", new Uint8Array(13)],
  ["less than an IPv4 header", "malformed", frame(mac(2), mac(1), 0x0800, [0x45])],
  ["less than an ARP packet", "malformed", frame(mac(2), mac(1), 0x0806, [0, 1])],
  ["more than 1514 bytes", "malformed", new Uint8Array(1515)],
];

for (const [what, reason, bytes] of REFUSED) {
  Deno.test(`a VM's frame with ${what} is dropped and counted as ${reason}`, () => {
    const { device, ports, send, trace } = setup();
    assertEquals(send(ports[0], bytes), "");
    assertEquals(device.stats().drops[reason], 1);
    assertEquals(trace, [`vm1: ${reason}`]);
  });
}

Deno.test("a VM without an address yet may probe and ask with 0.0.0.0", () => {
  const { ports, send } = setup();
  assertEquals(send(ports[0], arp(mac(1), ip(0).map(() => 0), ip(2))), "vm2");
  assertEquals(send(ports[0], ipv4(BROADCAST, mac(1), [0, 0, 0, 0])), "up vm2 vm3");
});

Deno.test("nobody outside can take a VM's MAC", () => {
  const { device, ports, send, up } = setup();
  assertEquals(send(up, ipv4(mac(2), mac(1), ip(9))), "");
  assertEquals(device.stats().drops.spoofed_mac, 1);
  assertEquals(send(ports[1], ipv4(mac(1), mac(2), ip(2))), "vm1");
});

Deno.test("a full receiver is counted and costs nobody else", () => {
  const { device, ports, send, full } = setup();
  full.add("vm2");
  assertEquals(send(ports[0], ipv4(mac(2), mac(1), ip(1))), "");
  assertEquals(device.stats().drops.no_room, 1);
  assertEquals(send(ports[0], ipv4(BROADCAST, mac(1), ip(1))), "up vm3");
});

Deno.test("a MAC or address that is in use is refused", () => {
  const { attach, device, ports } = setup();
  assertThrows(() => attach("again", 1), Error, "MAC");
  device.detach(ports[0]);
  attach("again", 1);
});
