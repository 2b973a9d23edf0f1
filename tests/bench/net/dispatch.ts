/**
 * What it costs to bring a UDP packet from the link to a program in a VM, by stage.
 *
 *   uplink   from the TAP device to the cell's ring: worker and supervisor, by the processor time of
 *            this process while Linux sends to a VM that is not there
 *   kernel   the cell's switch and the VM's queue: `Kernel.receive`
 *   driver   the VM's turn, its interrupt and its driver: frames of a type that Ilwaco drops at once
 *   TCP/IP   what a datagram costs more than such a frame: IP, UDP, socket, and the program's recv
 *
 * The last three in a kernel without threads, 32 frames at a time: the least of some rounds, which end when
 * five have brought nothing better, because a fresh cell becomes faster for seconds.
 */

import { HostClock, Kernel } from "../../../kernel/kernel.ts";
import { testNetwork } from "../../../kernel/testing/test_kernel.ts";
import { buildImage } from "../../../guests/build.ts";
import { cpuTimes } from "../../load/cpu.ts";
import { LINUX, withBed } from "../../network/bed.ts";

const BATCH = 32, BATCHES = 400;
const LAST_ROUNDS = 5, BETTER = 0.98, ROUNDS_MAXIMUM = 100;
const UPLINK_FRAMES = 100_000;
const ETHERNET = 14, IPV4 = 20, UDP = 8, PORT = 9;
const ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_EXPERIMENT = 0x88b5;

export interface Dispatch {
  /** Of the datagram's payload. */
  readonly bytes: number;
  /** Microseconds per packet. */
  readonly uplink: number;
  readonly kernel: number;
  readonly driver: number;
  readonly stack: number;
}

export async function measureDispatch(bytes: number): Promise<Dispatch> {
  return { ...await measureStages(bytes), uplink: await uplinkCost(bytes) };
}

/** The stages in the cell: one thread, which can be given precedence over all others. */
export async function measureStages(bytes: number): Promise<Omit<Dispatch, "uplink">> {
  const vm = await bootSink();
  const frame = (type: number) => datagram(vm.mac, vm.address, vm.gateway, bytes, type);
  const dropped = vm.cost(frame(ETHERTYPE_EXPERIMENT)), taken = vm.cost(frame(ETHERTYPE_IPV4));
  return {
    bytes,
    kernel: dropped.receive,
    driver: dropped.run,
    stack: taken.run - dropped.run,
  };
}

async function bootSink() {
  const kernel = new Kernel({
    clock: new HostClock(),
    poolBytes: 32 << 20,
    events: { console() {}, state() {}, uplink: () => true },
  });
  const source = new URL("./sink.c", import.meta.url).pathname;
  const image = kernel.loadImage("sink", await Deno.readFile(await buildImage([source])));
  const network = testNetwork(1);
  const vm = kernel.createVm({ id: 1, name: "sink", image, memory: 16 << 20, network });
  kernel.start(vm);
  while (kernel.run(1_000_000) === 1_000_000) { /* it boots */ }
  return {
    mac: vm.mac,
    address: network.address,
    gateway: network.gateway,
    cost(frame: Uint8Array) {
      let receive = Infinity, run = Infinity;
      for (let round = 0, since = 0; since < LAST_ROUNDS && round < ROUNDS_MAXIMUM; round++) {
        let receiving = 0, running = 0;
        for (let batch = 0; batch < BATCHES; batch++) {
          const begun = performance.now();
          for (let i = 0; i < BATCH; i++) kernel.receive(frame);
          const received = performance.now();
          kernel.run(100_000_000);
          receiving += received - begun;
          running += performance.now() - received;
        }
        receive = Math.min(receive, receiving * 1000 / (BATCHES * BATCH));
        const now = running * 1000 / (BATCHES * BATCH);
        since = now < BETTER * run ? 0 : since + 1;
        run = Math.min(run, now);
      }
      if (vm.stats.drops > 0) throw new Error(`expected no drops, got ${vm.stats.drops}`);
      return { receive, run };
    },
  };
}

/** A datagram from the gateway, without a UDP checksum, in a frame of `type`. */
function datagram(
  mac: Uint8Array,
  to: number,
  from: number,
  bytes: number,
  type: number,
): Uint8Array {
  const frame = new Uint8Array(ETHERNET + IPV4 + UDP + bytes);
  const view = new DataView(frame.buffer);
  frame.set([...mac, 2, 0, 0, 0, 0, 9]);
  view.setUint16(12, type);
  view.setUint8(14, 0x45);
  view.setUint16(16, frame.length - ETHERNET);
  view.setUint8(22, 64);
  view.setUint8(23, 17);
  view.setUint32(26, from);
  view.setUint32(30, to);
  let sum = 0;
  for (let at = ETHERNET; at < ETHERNET + IPV4; at += 2) sum += view.getUint16(at);
  view.setUint16(24, ~((sum & 0xffff) + (sum >> 16)));
  view.setUint16(34, 40_000);
  view.setUint16(36, PORT);
  view.setUint16(38, UDP + bytes);
  return frame;
}

/** Sends in bursts that fit into the device's queue. */
const SENDER = `
import socket, sys, time
host, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(count):
    s.sendto(b"x" * size, (host, 9))
    if i % 64 == 63: time.sleep(0.0005)
`;

async function uplinkCost(bytes: number): Promise<number> {
  let cost = 0;
  await withBed({ offload: true }, async ({ supervisor, space, device }) => {
    const nobody = LINUX.replace(/\d+$/, "200");
    await space.ip("neighbour", "add", nobody, "lladdr", "02:44:4e:00:00:c7", "dev", device);
    const frames = async () => (await supervisor.stats()).uplink as { framesIn: number };
    const send = () => space.python(SENDER, nobody, String(UPLINK_FRAMES), String(bytes));
    await send();
    const before = await frames(), cpu = await cpuTimes(Deno.pid);
    await send();
    const after = await frames(), seconds = (await cpuTimes(Deno.pid)).total - cpu.total;
    cost = seconds * 1e6 / (after.framesIn - before.framesIn);
  });
  return cost;
}
