/**
 * ARP (RFC 826): which MAC has which VM.
 *
 * An entry is learnt from an answer, from a request that asks for us, or from the first IPv4 packet
 * of an address (the switch has already dropped frames whose source MAC or address is not the
 * sender's own). It is confirmed by all traffic; one that was not confirmed for STALE_MS is still
 * used while it is asked for again. The table is bounded: a flood can only push out idle entries.
 */
import { get16, get32, put32 } from "./bytes.ts";
import {
  BROADCAST_MAC,
  ETHERNET_HEADER,
  ETHERTYPE_ARP,
  type FrameBuilder,
  sameMac,
} from "./ethernet.ts";
import type { Timed, Timers } from "./timers.ts";

const ARP_LENGTH = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const STALE_MS = 60_000;
/** Waits after each request, ms; after the last one the address is unreachable. */
const RETRY_MS = [100, 200, 400, 800, 1500];
const NEIGHBOURS_MAXIMUM = 65_536;

export class Neighbour implements Timed {
  wakeAt = Infinity;
  heapIndex = -1;
  readonly mac: Uint8Array = new Uint8Array(6);
  resolved = false;
  /** When the entry was last known to be right, ms. */
  confirmedAt = 0;
  requestedAt = -Infinity;
  requests = 0;
  waiting: ((found: boolean) => void)[] = [];
  /** Bytes of its connections that nobody has read yet. */
  unread = 0;
  constructor(readonly address: number, readonly wake: (now: number) => void) {}
}

export class Arp {
  readonly #neighbours = new Map<number, Neighbour>();
  readonly #frame: FrameBuilder;
  readonly #timers: Timers;
  readonly #address: number;
  readonly #mac: Uint8Array;

  constructor(frame: FrameBuilder, timers: Timers, address: number, mac: Uint8Array) {
    this.#frame = frame;
    this.#timers = timers;
    this.#address = address;
    this.#mac = mac;
  }

  get size(): number {
    return this.#neighbours.size;
  }

  find(address: number): Neighbour | undefined {
    return this.#neighbours.get(address);
  }

  /** The entry of an address, made if there is none. */
  neighbour(address: number): Neighbour {
    const known = this.#neighbours.get(address);
    if (known !== undefined) return known;
    if (this.#neighbours.size >= NEIGHBOURS_MAXIMUM) this.#evict();
    const made: Neighbour = new Neighbour(address, (now) => this.#retry(made, now));
    this.#neighbours.set(address, made);
    return made;
  }

  /** Calls `then` with true once the MAC is known (at once if it is), with false if nobody answers. */
  resolve(neighbour: Neighbour, now: number, then: (found: boolean) => void): void {
    if (neighbour.resolved) {
      this.refresh(neighbour, now);
      return then(true);
    }
    neighbour.waiting.push(then);
    if (neighbour.waiting.length === 1) {
      neighbour.requests = 0;
      this.#retry(neighbour, now);
    }
  }

  /** Asks again for an entry that is used but was not confirmed lately (at most once a second). */
  refresh(neighbour: Neighbour, now: number): void {
    if (now - neighbour.confirmedAt < STALE_MS || now - neighbour.requestedAt < 1000) return;
    this.#request(neighbour, now);
  }

  /** An IPv4 packet came from `address`: learn or confirm its MAC, which stands at frame byte 6. */
  confirm(address: number, frame: Uint8Array, now: number): Neighbour {
    const neighbour = this.#neighbours.get(address) ?? this.neighbour(address);
    if (!neighbour.resolved) this.#learn(neighbour, frame, 6, now);
    else if (sameMac(frame, 6, neighbour.mac)) neighbour.confirmedAt = now;
    return neighbour;
  }

  /** Forgets an address, for a VM that is gone. */
  forget(address: number): void {
    const neighbour = this.#neighbours.get(address);
    if (neighbour === undefined) return;
    this.#neighbours.delete(address);
    this.#timers.remove(neighbour);
    this.#settle(neighbour, false);
  }

  /** Handles a received ARP frame. False: malformed. */
  receive(frame: Uint8Array, length: number, onLink: (address: number) => boolean, now: number) {
    const at = ETHERNET_HEADER;
    if (length < at + ARP_LENGTH) return false;
    if (get32(frame, at) !== 0x00010800 || get16(frame, at + 4) !== 0x0604) return false;
    const operation = get16(frame, at + 6);
    const sender = get32(frame, at + 14) >>> 0;
    const target = get32(frame, at + 24) >>> 0;
    if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return false;
    if ((frame[at + 8] & 1) !== 0 || !onLink(sender) || sender === this.#address) return false;
    const known = this.#neighbours.get(sender);
    if (known !== undefined) this.#learn(known, frame, at + 8, now);
    else if (target === this.#address) this.#learn(this.neighbour(sender), frame, at + 8, now);
    if (operation === ARP_REQUEST && target === this.#address) {
      const neighbour = this.neighbour(sender);
      this.#send(ARP_REPLY, neighbour.mac, neighbour.mac, sender);
    }
    return true;
  }

  close(): void {
    for (const neighbour of this.#neighbours.values()) this.#settle(neighbour, false);
    this.#neighbours.clear();
  }

  #learn(neighbour: Neighbour, frame: Uint8Array, offset: number, now: number): void {
    for (let i = 0; i < 6; i++) neighbour.mac[i] = frame[offset + i];
    neighbour.resolved = true;
    neighbour.confirmedAt = now;
    this.#settle(neighbour, true);
  }

  #settle(neighbour: Neighbour, found: boolean): void {
    if (neighbour.waiting.length === 0) return;
    const waiting = neighbour.waiting;
    neighbour.waiting = [];
    for (const then of waiting) then(found);
  }

  #retry(neighbour: Neighbour, now: number): void {
    if (neighbour.waiting.length === 0) return;
    if (neighbour.requests >= RETRY_MS.length) return this.forget(neighbour.address);
    const wait = RETRY_MS[neighbour.requests++];
    this.#request(neighbour, now);
    this.#timers.schedule(neighbour, now + wait);
  }

  #request(neighbour: Neighbour, now: number): void {
    neighbour.requestedAt = now;
    this.#send(ARP_REQUEST, BROADCAST_MAC, null, neighbour.address);
  }

  #send(operation: number, to: Uint8Array, targetMac: Uint8Array | null, target: number): void {
    const bytes = this.#frame.bytes;
    const at = ETHERNET_HEADER;
    put32(bytes, at, 0x00010800);
    put32(bytes, at + 4, 0x06040000 | operation);
    bytes.set(this.#mac, at + 8);
    put32(bytes, at + 14, this.#address);
    if (targetMac === null) bytes.fill(0, at + 18, at + 24);
    else bytes.set(targetMac, at + 18);
    put32(bytes, at + 24, target);
    bytes.fill(0, at + ARP_LENGTH, 60);
    this.#frame.send(to, ETHERTYPE_ARP, 60);
  }

  #evict(): void {
    for (const neighbour of this.#neighbours.values()) {
      if (neighbour.waiting.length > 0) continue;
      this.#neighbours.delete(neighbour.address);
      return;
    }
  }
}
