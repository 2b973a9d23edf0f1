/**
 * A wire that loses, doubles, reorders, corrupts and delays what passes, in both directions, the same way
 * every time with the same seed. It stands in for `tc netem`, which many kernels lack.
 *
 * Corruption flips one bit behind the Ethernet header of an IPv4 packet: what checksums are there to
 * find. (ARP has none, and one wrong answer keeps a host away for a minute.)
 */

import type { Wire } from "../../supervisor/network.ts";
import { seededRandom } from "../../supervisor/gateway/simulation.ts";

export interface Impairment {
  /** Shares of the frames, 0 to 1. */
  readonly loss?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  /** Frames that are held until some later ones have passed, or for REORDER_MS. */
  readonly reorder?: number;
  /** Of every frame, one way. */
  readonly delayMs?: number;
  readonly seed?: number;
}

/** What was done to frames. */
export interface Damage {
  lost: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
}

const REORDER_FRAMES = 3, REORDER_MS = 5;
const ETHERNET_HEADER = 14, IPV4_FRAME_BYTES = 34;

type Taker = (frame: Uint8Array) => void;

interface Held {
  readonly frame: Uint8Array;
  /** Of performance.now. */
  readonly due: number;
  /** Frames that shall pass before. */
  before: number;
}

/** One direction. */
class Lane {
  #held: Held[] = [];
  #delayed: Held[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly impairment: Impairment,
    readonly damage: Damage,
    readonly random: () => number,
    readonly out: Taker,
  ) {}

  take(bytes: Uint8Array): void {
    const { loss = 0, duplicate = 0, corrupt = 0, reorder = 0 } = this.impairment;
    if (this.#chance(loss)) {
      this.damage.lost++;
      return;
    }
    // A copy, as the frame is somebody else's; and lists are only touched when there is something in them.
    const frame = bytes.slice();
    if (this.#chance(corrupt) && isIpv4(frame)) {
      const bit = this.random() % (8 * (frame.length - ETHERNET_HEADER));
      frame[ETHERNET_HEADER + (bit >> 3)] ^= 1 << (bit & 7);
      this.damage.corrupted++;
    }
    if (this.#chance(duplicate)) {
      this.#pass(frame);
      this.damage.duplicated++;
    }
    if (this.#chance(reorder)) {
      this.damage.reordered++;
      this.#held.push({ frame, due: performance.now() + REORDER_MS, before: REORDER_FRAMES });
      this.#arm();
      return;
    }
    this.#pass(frame);
    if (this.#held.length > 0) this.#release(true);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held = [];
    this.#delayed = [];
  }

  #chance(share: number): boolean {
    return share > 0 && this.random() < share * 2 ** 32;
  }

  #pass(frame: Uint8Array): void {
    const { delayMs = 0 } = this.impairment;
    if (delayMs === 0) return this.out(frame);
    this.#delayed.push({ frame, due: performance.now() + delayMs, before: 0 });
    this.#arm();
  }

  /** Lets pass what was held long enough; `passed`: a frame has just overtaken them. */
  #release(passed: boolean): void {
    const now = performance.now();
    this.#held = this.#held.filter((held) => {
      if (passed) held.before--;
      if (held.before > 0 && held.due > now) return true;
      this.#pass(held.frame);
      return false;
    });
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#release(false);
      const now = performance.now();
      while (this.#delayed.length > 0 && this.#delayed[0].due <= now) {
        this.out(this.#delayed.shift()!.frame);
      }
      if (this.#held.length + this.#delayed.length > 0) this.#arm();
    }, 1);
  }
}

function isIpv4(frame: Uint8Array): boolean {
  return frame.length >= IPV4_FRAME_BYTES && frame[12] === 8 && frame[13] === 0;
}

export class ImpairedWire implements Wire {
  readonly name: string;
  /** Whole frames with their checksums: what is to be lost and corrupted. */
  readonly takes = 0;
  readonly damage: Damage = { lost: 0, duplicated: 0, corrupted: 0, reordered: 0 };
  readonly #inner: Wire;
  readonly #out: Lane;
  readonly #in: Lane;
  /** Sees the frames that come from Linux. */
  observe: Taker = () => {};
  #taker: (frame: Uint8Array, offload: number) => void = () => {};

  constructor(inner: Wire, impairment: Impairment) {
    this.#inner = inner;
    this.name = inner.name;
    const random = seededRandom(impairment.seed ?? 1);
    this.#out = new Lane(impairment, this.damage, random, (frame) => inner.send(frame, 0));
    this.#in = new Lane(impairment, this.damage, random, (frame) => this.#taker(frame, 0));
  }

  /** Brings a frame to the VMs, unharmed, as if it came from the link. */
  inject(frame: Uint8Array): void {
    this.#taker(frame, 0);
  }

  send(frame: Uint8Array): boolean {
    this.#out.take(frame);
    return true;
  }

  receive(taker: (frame: Uint8Array, offload: number) => void): void {
    this.#taker = taker;
    this.#inner.receive((frame) => {
      this.observe(frame);
      this.#in.take(frame);
    });
  }

  watch(watcher: (state: string, message: string) => void): void {
    this.#inner.watch(watcher);
  }

  stats(): unknown {
    return this.#inner.stats();
  }

  async close(): Promise<void> {
    this.#out.close();
    this.#in.close();
    await this.#inner.close();
  }
}
