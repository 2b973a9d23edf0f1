/**
 * For tests: a deterministic world of gateways on one link, with its own clock.
 *
 * Frames and timers are events in simulated time; the link may lose, duplicate, delay or corrupt
 * frames by a seeded generator, so a failing run can be repeated. Between two events all promises
 * that can settle do. Rules: drive everything by `run`; nothing here waits for real time.
 */
import { offloadFits } from "../../devices/offload.ts";
import { completeFrame } from "../../devices/segments.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";

export interface LinkFaults {
  /** Probabilities, 0 to 1. */
  loss?: number;
  duplication?: number;
  reordering?: number;
  corruption?: number;
  /** One way, ms; default 0.1. */
  delay?: number;
  /** Frames that fit on the link in each direction; default unlimited. */
  capacity?: number;
  /** Frames arrive complete, whatever offload they were sent with. */
  completes?: boolean;
}

interface Event {
  at: number;
  order: number;
  run: (() => void) | null;
}

export const NETMASK = 0xff000000;
export const ADDRESS_A = 0x0a000001;
export const ADDRESS_B = 0x0a000002;

/** mulberry32: uint32 values from a seed. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

export class Simulation {
  now = 0;
  readonly random: () => number;
  /** Sees every frame that is put on the link; false loses it. */
  tap: ((frame: Uint8Array, from: number) => boolean) | null = null;
  readonly #events: Event[] = [];
  #order = 0;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  /** Two gateways joined by a link: A is 10.0.0.1, B is 10.0.0.2. */
  pair(faults: LinkFaults = {}, options: Partial<GatewayOptions> = {}): [Gateway, Gateway] {
    const flying = [0, 0];
    const ends: Gateway[] = [];
    for (const index of [0, 1]) {
      const carry = (frame: Uint8Array, offload: number) => {
        if (this.tap?.(frame, index) === false) return true;
        this.#carry(frame, faults, (copy) => {
          flying[index]--;
          ends[1 - index].receive(copy, offload);
        }, () => flying[index]++);
        return true;
      };
      const send = (frame: Uint8Array, offload: number) => {
        if (!offloadFits(frame, offload)) throw new Error("a frame with a wrong offload was sent");
        if (flying[index] >= (faults.capacity ?? Infinity)) return false;
        if (!faults.completes) return carry(frame, offload);
        return completeFrame(frame, offload, (whole) => carry(whole, 0));
      };
      ends.push(this.gateway(index === 0 ? ADDRESS_A : ADDRESS_B, { send, ...options }));
    }
    return [ends[0], ends[1]];
  }

  /** A gateway, 10.0.0.1, and others from 10.0.0.2 on which only it reaches. */
  star(others: number, options: Partial<GatewayOptions> = {}): [Gateway, ...Gateway[]] {
    const ends: Gateway[] = [];
    const carry = (frame: Uint8Array, to: number[]) => {
      for (const index of to) this.#carry(frame, {}, (copy) => ends[index].receive(copy), () => {});
      return true;
    };
    const outside = Array.from({ length: others }, (_, index) => index + 1);
    const middle = this.gateway(ADDRESS_A, {
      send: (frame, offload) => completeFrame(frame, offload, (whole) => carry(whole, outside)),
      ...options,
    });
    ends.push(middle);
    for (const index of outside) {
      const send = (frame: Uint8Array, offload: number) =>
        completeFrame(frame, offload, (whole) => carry(whole, [0]));
      ends.push(this.gateway(ADDRESS_A + index, { send }));
    }
    return [middle, ...ends.slice(1)];
  }

  gateway(address: number, options: Partial<GatewayOptions>): Gateway {
    return new Gateway({
      address,
      netmask: NETMASK,
      mac: new Uint8Array([2, 0x44, 0x4e, address >>> 16, address >>> 8, address]),
      send: () => true,
      now: () => this.now,
      setTimer: (ms, f) => this.#at(this.now + ms, f),
      random: this.random,
      ...options,
    });
  }

  /** Runs until `until` settles; fails when nothing is left to happen or `limit` ms have passed. */
  async run<T>(until: Promise<T>, limit = 3_600_000): Promise<T> {
    let settled = false;
    const done = () => settled = true;
    until.then(done, done);
    const end = this.now + limit;
    for (;;) {
      await drainMicrotasks(() => settled);
      if (settled) return await until;
      if (!this.#step() || this.now > end) {
        throw new Error(`nothing settled the promise by ${this.now} ms of simulated time`);
      }
    }
  }

  /** Lets `ms` of simulated time pass. */
  async pass(ms: number): Promise<void> {
    await this.run(new Promise<void>((resolve) => this.#at(this.now + ms, resolve)), Infinity);
  }

  #carry(
    frame: Uint8Array,
    faults: LinkFaults,
    deliver: (frame: Uint8Array) => void,
    depart: () => void,
  ): void {
    const chance = (probability = 0) => probability > 0 && this.random() < probability * 2 ** 32;
    if (chance(faults.loss)) return;
    for (let copies = chance(faults.duplication) ? 2 : 1; copies > 0; copies--) {
      const copy = frame.slice();
      if (chance(faults.corruption)) copy[this.random() % copy.length] ^= 1 << this.random() % 8;
      const late = chance(faults.reordering) ? (this.random() % 1000) / 200 : 0;
      depart();
      this.#at(this.now + (faults.delay ?? 0.1) + late, () => deliver(copy));
    }
  }

  #at(at: number, run: () => void): () => void {
    const event: Event = { at, order: this.#order++, run };
    const events = this.#events;
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle].at <= at) high = middle;
      else low = middle + 1;
    }
    // Sorted with the next event last; equal times keep their order.
    events.splice(low, 0, event);
    return () => event.run = null;
  }

  #step(): boolean {
    const first = this.#events.pop();
    if (first === undefined) return false;
    this.now = first.at;
    first.run?.();
    while (this.#events.at(-1)?.at === this.now) this.#events.pop()!.run?.();
    return true;
  }
}

async function drainMicrotasks(enough: () => boolean): Promise<void> {
  for (let i = 0; i < 12 && !enough(); i++) await Promise.resolve();
}
