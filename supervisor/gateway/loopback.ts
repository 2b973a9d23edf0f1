/**
 * For tests and benchmarks in real time: two gateways in one thread, 10.0.0.1 and 10.0.0.2. Frames
 * are copied once and delivered together once per turn of the event loop, as from a ring.
 */
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { ADDRESS_A, ADDRESS_B, NETMASK } from "./simulation.ts";

const QUEUE_FRAMES = 1024;

export interface Loopback {
  a: Gateway;
  b: Gateway;
  /** While true every frame is lost. */
  cut: boolean;
  close(): void;
}

export function loopback(): Loopback {
  const pools: Uint8Array[][] = [[], []];
  const queues: { buffer: Uint8Array; length: number }[][] = [[], []];
  const channel = new MessageChannel();
  let scheduled = false;

  function end(index: number): Gateway {
    const address = index === 0 ? ADDRESS_A : ADDRESS_B;
    const options: GatewayOptions = {
      address,
      netmask: NETMASK,
      mac: new Uint8Array([2, 0x44, 0x4e, 0, 0, index]),
      now: () => performance.now(),
      send(frame) {
        if (both.cut) return true;
        if (queues[index].length >= QUEUE_FRAMES) return false;
        const buffer = pools[index].pop() ?? new Uint8Array(1514);
        buffer.set(frame);
        queues[index].push({ buffer, length: frame.length });
        if (!scheduled) channel.port2.postMessage(0);
        scheduled = true;
        return true;
      },
      setTimer(ms, f) {
        const id = setTimeout(f, ms);
        return () => clearTimeout(id);
      },
    };
    return new Gateway(options);
  }

  const both: Loopback = {
    a: end(0),
    b: end(1),
    cut: false,
    close() {
      both.a.close();
      both.b.close();
      channel.port1.close();
      channel.port2.close();
    },
  };
  const ends = [both.a, both.b];
  channel.port1.onmessage = () => {
    scheduled = false;
    for (const index of [0, 1]) {
      for (const { buffer, length } of queues[index].splice(0)) {
        ends[1 - index].receive(buffer.subarray(0, length));
        pools[index].push(buffer);
      }
    }
  };
  return both;
}
