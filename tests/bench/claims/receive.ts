/**
 * What it costs a VM to receive a frame, from the switch through the NIC's driver into its TCP/IP stack.
 *
 * A kernel without threads and one web server, which is sent IPv4 packets of a protocol that nobody
 * listens to: what comes after the look at the IP header would only hide the NIC. Frames come 32 at a time.
 */

import type { EngineName } from "../../../cpu/engine.ts";
import { HostClock, Kernel } from "../../../kernel/kernel.ts";
import type { Mechanisms } from "../../../kernel/mechanisms.ts";
import { testNetwork } from "../../../kernel/testing/test_kernel.ts";
import { guestImage } from "../../../supervisor/image/builtin.ts";

const BATCH = 32, BATCHES = 400, ROUNDS = 7;
const ETHERNET_BYTES = 14, IPV4_BYTES = 20;
/** For experiments (RFC 3692). */
const PROTOCOL = 253;

export interface ReceiveCost {
  readonly microseconds: number;
  /** Instructions of the guest. */
  readonly instructions: number;
}

/** A packet from the gateway for the VM. */
function packet(mac: Uint8Array, to: number, from: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  const view = new DataView(frame.buffer, ETHERNET_BYTES);
  frame.set([...mac, 2, 0, 0, 0, 0, 9, 8, 0]);
  view.setUint8(0, 0x45);
  view.setUint16(2, bytes - ETHERNET_BYTES);
  view.setUint8(8, 64);
  view.setUint8(9, PROTOCOL);
  view.setUint32(12, from);
  view.setUint32(16, to);
  let sum = 0;
  for (let at = 0; at < IPV4_BYTES; at += 2) sum += view.getUint16(at);
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)));
  return frame;
}

/** Per frame of `bytes`; the least of some rounds. */
export async function receiveCost(
  mechanisms: Partial<Mechanisms>,
  bytes: number,
  name: EngineName | undefined,
): Promise<ReceiveCost> {
  const kernel = new Kernel({
    clock: new HostClock(),
    poolBytes: 32 << 20,
    engine: { name },
    mechanisms,
    events: { console() {}, state() {}, uplink: () => true },
  });
  const image = kernel.loadImage("httpd", (await guestImage("httpd"))!);
  const network = testNetwork(1);
  const vm = kernel.createVm({ id: 1, name: "web", image, memory: 16 << 20, network });
  kernel.start(vm);
  while (kernel.run(1_000_000) === 1_000_000) { /* it boots */ }
  const frame = packet(vm.mac, network.address, network.gateway, bytes);
  let microseconds = Infinity, instructions = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const retired = vm.cpu.retired, begun = performance.now();
    for (let batch = 0; batch < BATCHES; batch++) {
      for (let i = 0; i < BATCH; i++) kernel.receive(frame);
      kernel.run(100_000_000);
    }
    const frames = BATCHES * BATCH;
    microseconds = Math.min(microseconds, (performance.now() - begun) * 1000 / frames);
    instructions = Math.min(instructions, (vm.cpu.retired - retired) / frames);
  }
  if (vm.stats.drops > 0) throw new Error(`expected no drops, got ${vm.stats.drops}`);
  return { microseconds, instructions };
}
