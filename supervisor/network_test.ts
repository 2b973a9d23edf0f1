import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "./gateway/ipv4.ts";
import { GATEWAY_POOL, planAddresses, vmNetwork as networkOf } from "./address_plan.ts";
import { Network } from "./network.ts";

const PLAN = planAddresses(GATEWAY_POOL);
const vmNetwork = (id: number) => networkOf(PLAN, id);

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

function mac(id: number): number[] {
  return [0x02, 0x44, 0x4e, 0, 0, id];
}

/** An Ethernet frame of the ethertype for local experiments. */
function frame(from: number, to: number[] = BROADCAST): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([...to, ...mac(from), 0x88, 0xb5]);
  return bytes;
}

/** Who has the gateway's address? (RFC 826) */
function arpRequest(from: number): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([...BROADCAST, ...mac(from), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...mac(from)]);
  new DataView(bytes.buffer).setUint32(28, vmNetwork(from).address);
  new DataView(bytes.buffer).setUint32(38, PLAN.own);
  return bytes;
}

/** An empty UDP datagram of a VM to a port of the gateway, without a checksum. */
function datagram(from: number, port: number): Uint8Array {
  const bytes = new Uint8Array(42);
  bytes.set([0x02, 0x44, 0x4e, 0xff, 0xff, 0x01, ...mac(from), 8, 0, 0x45]);
  const view = new DataView(bytes.buffer);
  view.setUint16(16, 28);
  view.setUint16(22, 64 << 8 | 17);
  view.setUint32(26, vmNetwork(from).address);
  view.setUint32(30, PLAN.own);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  view.setUint16(24, ~((sum & 0xffff) + (sum >>> 16)));
  view.setUint16(34, 1000);
  view.setUint16(36, port);
  view.setUint16(38, 8);
  return bytes;
}

function withNetwork(test: (network: Network) => void): void {
  const network = new Network();
  try {
    test(network);
  } finally {
    network.close();
  }
}

Deno.test("VM n has the address 10.0.0.1 + n", () => {
  assertEquals(formatAddress(vmNetwork(1).address), "10.0.0.2");
  assertEquals(formatAddress(vmNetwork(300).address), "10.0.1.45");
  assertEquals(formatAddress(vmNetwork(300).gateway), "10.0.0.1");
});

Deno.test("a cell's frames reach the cell of the VM they are for, until it is forgotten", () =>
  withNetwork((network) => {
    const got: string[] = [];
    const plug = (name: string) =>
      network.plug(name, {
        deliver: (bytes) => {
          got.push(`${name} from ${bytes[11]}`);
          return true;
        },
      });
    const [a, b] = [plug("a"), plug("b"), plug("c")];
    a.place(1);
    b.place(2);
    a.send(frame(1));
    assertEquals(got.splice(0), ["b from 1", "c from 1"]);
    b.send(frame(2, mac(1)));
    assertEquals(got.splice(0), ["a from 2"]);
    network.forget(1);
    b.send(frame(2, mac(1)));
    assertEquals(got.splice(0), []);
  }));

Deno.test("the gateway answers in the middle of a delivery without re-entering the switch", () =>
  withNetwork((network) => {
    const answers: Uint8Array[] = [];
    const cell = network.plug("a", {
      deliver: (bytes) => {
        answers.push(bytes.slice());
        return true;
      },
    });
    cell.place(7);
    cell.send(arpRequest(7));
    assertEquals(answers.length, 1);
    assertEquals([...answers[0].subarray(0, 6)], mac(7));
    assertEquals(answers[0][21], 2, "expected an ARP reply");
  }));

Deno.test("a full ring loses the frame and says so", () =>
  withNetwork((network) => {
    const full = network.plug("full", { deliver: () => false });
    const other = network.plug("other", { deliver: () => true });
    full.place(1);
    other.place(2);
    full.send(frame(1));
    other.send(frame(2, mac(1)));
    assert(network.stats().drops.no_room > 0);
  }));

Deno.test("a bug in what a frame leads to costs that frame, and is told", () =>
  withNetwork((network) => {
    const told: string[] = [];
    network.watch((error) => told.push(String(error)));
    const port = network.plug("a", { deliver: () => true });
    port.place(1);
    network.gateway!.bindUdp(7, () => {
      throw new Error("a bug");
    });
    const bytes = datagram(1, 7);
    for (let n = 0; n < 3; n++) port.send(bytes);
    assertEquals(told, ["Error: a bug"]);
    assertEquals(network.gateway!.stats().framesIn, 3);
  }));
