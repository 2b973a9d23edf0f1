/**
 * Datagrams in pieces (RFC 791 section 3.2): sent to VMs, and joined that come from them.
 *
 * Fragments are kept, sorted by offset, until none is missing. What VMs can make us keep is bounded: for
 * each of them DATAGRAMS_PER_VM and BYTES_PER_VM, in all BYTES_IN_ALL, and LIFETIME_MS for each datagram;
 * the oldest goes. Fragments that overlap have no honest origin, so the whole datagram is dropped (the rule
 * of RFC 5722 for IPv6, and of Linux for IPv4); an exact repetition is ignored.
 */
import { get16 } from "./bytes.ts";
import { type PacketView, packetView } from "./checksum.ts";
import { ETHERNET_HEADER, type FrameBuilder, MTU } from "./ethernet.ts";
import {
  IPV4_HEADER,
  IPV4_PAYLOAD,
  type Ipv4Packet,
  PACKET_MAXIMUM,
  sendIpv4,
  writeIpv4,
} from "./ipv4.ts";
import type { Timed, Timers } from "./timers.ts";

const MORE_FRAGMENTS = 0x2000, OFFSET = 0x1fff;
/** RFC 791 section 3.2. */
const LIFETIME_MS = 15_000;
const DATAGRAMS_PER_VM = 8, BYTES_PER_VM = 256 * 1024, BYTES_IN_ALL = 16 * 2 ** 20;
/** 64 KiB in packets of 576 bytes, the least that every link carries, are 120. */
const FRAGMENTS_MAXIMUM = 128;
/** What a fragment costs beside its payload, about. */
const FRAGMENT_BYTES = 128;

/** Payload of all fragments but the last. */
const STEP = (MTU - IPV4_HEADER) & ~7;

/**
 * Sends `length` bytes that stand at IPV4_PAYLOAD of `whole` in as many packets as it takes. False: there
 * was no room for all on the link.
 */
export function sendFragments(
  frame: FrameBuilder,
  mac: Uint8Array,
  { source, destination, protocol }: Pick<Ipv4Packet, "source" | "destination" | "protocol">,
  whole: PacketView,
  length: number,
): boolean {
  const identification = ++frame.fragmented & 0xffff;
  for (let at = 0; at < length; at += STEP) {
    const size = Math.min(STEP, length - at);
    const more = at + size < length ? MORE_FRAGMENTS : 0;
    const start = IPV4_PAYLOAD + at;
    frame.bytes.set(whole.bytes.subarray(start, start + size), IPV4_PAYLOAD);
    const place = (identification << 16) | more | (at >>> 3);
    writeIpv4(frame, source, destination, protocol, size, place);
    if (!sendIpv4(frame, mac, size)) return false;
  }
  return true;
}

interface Fragment {
  readonly offset: number;
  readonly payload: Uint8Array;
}

interface Datagram {
  readonly key: string;
  readonly vm: number;
  readonly until: number;
  readonly fragments: Fragment[];
  bytes: number;
  present: number;
  /** Payload bytes in all; 0: the last fragment has not come. */
  total: number;
}

export class Reassembly implements Timed {
  wakeAt = Infinity;
  heapIndex = -1;
  /** Datagrams that were given up. */
  dropped = 0;
  /** Oldest first. */
  readonly #datagrams = new Map<string, Datagram>();
  readonly #held = new Map<number, { datagrams: Set<Datagram>; bytes: number }>();
  readonly #whole = packetView(ETHERNET_HEADER + PACKET_MAXIMUM);
  readonly #timers: Timers;
  #bytes = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes the fragment that stands in `frame`. When it was the last that was missing, fills `packet` with
   * the datagram's place in the returned view, which is valid until the next call.
   */
  receive(frame: PacketView, packet: Ipv4Packet, now: number): PacketView | null {
    const { bytes } = frame;
    const { source, destination, protocol, payload, length } = packet;
    const place = get16(bytes, ETHERNET_HEADER + 6);
    const offset = (place & OFFSET) << 3;
    const last = (place & MORE_FRAGMENTS) === 0;
    const key = `${source}:${destination}:${protocol}:${get16(bytes, ETHERNET_HEADER + 4)}`;
    const known = this.#datagrams.get(key);
    const aligned = last || (length & 7) === 0;
    if (length === 0 || !aligned || offset + length > PACKET_MAXIMUM - IPV4_HEADER) {
      if (known !== undefined) this.#drop(known);
      else this.dropped++;
      return null;
    }
    const datagram = known ?? this.#begin(key, source, now);
    if (!this.#insert(datagram, offset, bytes.subarray(payload, payload + length), last)) {
      return null;
    }
    if (datagram.total === 0 || datagram.present < datagram.total) return null;
    const whole = this.#whole;
    for (const { offset, payload } of datagram.fragments) {
      whole.bytes.set(payload, IPV4_PAYLOAD + offset);
    }
    this.#forget(datagram);
    packet.payload = IPV4_PAYLOAD;
    packet.length = datagram.total;
    whole.bytes.set(bytes.subarray(0, ETHERNET_HEADER));
    writeIpv4(whole, source, destination, protocol, datagram.total);
    return whole;
  }

  wake(now: number): void {
    for (const datagram of this.#datagrams.values()) {
      if (datagram.until > now) {
        this.#timers.schedule(this, datagram.until);
        return;
      }
      this.#drop(datagram);
    }
  }

  /** A VM is gone. */
  forget(vm: number): void {
    for (const datagram of this.#held.get(vm)?.datagrams ?? []) this.#forget(datagram);
  }

  #begin(key: string, vm: number, now: number): Datagram {
    if ((this.#held.get(vm)?.datagrams.size ?? 0) >= DATAGRAMS_PER_VM) this.#dropOldest(vm);
    const datagram: Datagram = {
      key,
      vm,
      until: now + LIFETIME_MS,
      fragments: [],
      bytes: 0,
      present: 0,
      total: 0,
    };
    this.#datagrams.set(key, datagram);
    const held = this.#held.get(vm);
    if (held !== undefined) held.datagrams.add(datagram);
    else this.#held.set(vm, { datagrams: new Set([datagram]), bytes: 0 });
    if (this.#datagrams.size === 1) this.#timers.schedule(this, datagram.until);
    return datagram;
  }

  /** False: it was not taken. */
  #insert(datagram: Datagram, offset: number, payload: Uint8Array, last: boolean): boolean {
    const { fragments } = datagram;
    const end = offset + payload.length;
    let index = fragments.length;
    while (index > 0 && fragments[index - 1].offset >= offset) index--;
    const before = fragments[index - 1], after = fragments[index];
    if (after?.offset === offset && after.payload.length === payload.length) return false;
    const overlaps = before !== undefined && before.offset + before.payload.length > offset ||
      after !== undefined && after.offset < end;
    const wrongEnd = last
      ? datagram.total > 0 || index < fragments.length
      : datagram.total > 0 && end > datagram.total;
    if (overlaps || wrongEnd || fragments.length >= FRAGMENTS_MAXIMUM) {
      this.#drop(datagram);
      return false;
    }
    const bytes = payload.length + FRAGMENT_BYTES;
    const held = this.#held.get(datagram.vm)!;
    while (held.bytes + bytes > BYTES_PER_VM) this.#dropOldest(datagram.vm);
    while (this.#bytes + bytes > BYTES_IN_ALL) this.#drop(this.#datagrams.values().next().value!);
    if (this.#datagrams.get(datagram.key) !== datagram) return false;
    fragments.splice(index, 0, { offset, payload: payload.slice() });
    datagram.present += payload.length;
    datagram.bytes += bytes;
    held.bytes += bytes;
    this.#bytes += bytes;
    if (last) datagram.total = end;
    return true;
  }

  #dropOldest(vm: number): void {
    this.#drop(this.#held.get(vm)!.datagrams.values().next().value!);
  }

  #drop(datagram: Datagram): void {
    this.dropped++;
    this.#forget(datagram);
  }

  #forget(datagram: Datagram): void {
    this.#datagrams.delete(datagram.key);
    this.#bytes -= datagram.bytes;
    const held = this.#held.get(datagram.vm)!;
    held.bytes -= datagram.bytes;
    held.datagrams.delete(datagram);
    if (held.datagrams.size === 0) this.#held.delete(datagram.vm);
    if (this.#datagrams.size === 0) this.#timers.remove(this);
  }
}
