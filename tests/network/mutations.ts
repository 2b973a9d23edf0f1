/**
 * Frames that are nearly right, for one VM: made from templates and from frames that passed before, then
 * damaged, and mostly given right checksums again, so that they get past the first look.
 *
 * Who may not be harmed is a neighbour whose connection to the VM goes on meanwhile. As on any link,
 * nothing protects it from somebody who knows all its numbers, so these frames never say a wrong MAC
 * for its address (ARP has no checksum), and never carry its address with a right checksum and bytes.
 */

export interface Target {
  readonly mac: Uint8Array;
  /** uint32. */
  readonly address: number;
  /** TCP and UDP ports where something listens. */
  readonly ports: readonly number[];
  /** The neighbour that is not to be harmed, uint32. */
  readonly neighbour: number;
}

const ETHERNET = 14, IPV4 = 20;
const IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17;
const TCP_DATA = 0x18, TCP_SYN = 0x02, TCP_RST = 0x04;
const EDGES = [0, 1, 2, 3, 4, 5, 0x0f, 0x10, 0x40, 0x45, 0x4f, 0x7f, 0x80, 0xf0, 0xfe, 0xff];
const OPTIONS = [
  [2, 4, 5, 0xb4], // MSS
  [2, 4, 0, 0],
  [3, 3, 14], // window scale
  [3, 3, 255],
  [4, 2], // SACK permitted
  [5, 10, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff], // SACK
  [5, 2],
  [8, 10, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], // timestamps
  [1],
  [0],
  [30, 0],
  [254, 40],
];
const CAPTURED = 256;

export class Mutations {
  readonly #random: () => number;
  readonly #target: Target;
  readonly #captured: Uint8Array[] = [];

  /** `random` gives uint32. */
  constructor(random: () => number, target: Target) {
    this.#random = random;
    this.#target = target;
  }

  /** A frame that passed on the link to the VM: material. */
  capture(frame: Uint8Array): void {
    this.#captured[this.#below(CAPTURED)] = frame.slice();
  }

  next(): Uint8Array {
    const captured = this.#captured[this.#below(CAPTURED)];
    const frame = captured && this.#chance(3) ? captured.slice() : this.#template();
    let damaged = frame;
    for (let n = this.#below(4); n > 0; n--) damaged = this.#damage(damaged);
    if (damaged.length >= ETHERNET) damaged.set(this.#target.mac);
    if (!this.#chance(4)) this.#seal(damaged);
    return this.#harmless(damaged) ? damaged : this.next();
  }

  #below(limit: number): number {
    return this.#random() % limit;
  }

  #chance(oneIn: number): boolean {
    return this.#below(oneIn) === 0;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)];
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random());
  }

  /** Somebody on the link or beyond it. */
  #source(): number {
    const { address, neighbour } = this.#target;
    return this.#pick([
      (address & 0xffff0000) | 0x6400 | this.#below(256),
      this.#random(),
      0,
      0xffffffff,
      neighbour,
      0x7f000001,
      0xe0000001,
    ]) >>> 0;
  }

  #template(): Uint8Array {
    switch (this.#below(8)) {
      case 0:
        return this.#arp();
      case 1:
        return this.#ethernet(this.#random() & 0xffff, this.#bytes(this.#below(200)));
      case 2:
        return this.#ipv4(this.#random() & 0xff, this.#bytes(this.#below(200)));
      case 3:
        return this.#ipv4(IPPROTO_ICMP, this.#icmp());
      case 4:
        return this.#ipv4(IPPROTO_UDP, this.#udp());
      default:
        return this.#ipv4(IPPROTO_TCP, this.#tcp());
    }
  }

  #ethernet(type: number, payload: Uint8Array): Uint8Array {
    const frame = new Uint8Array(ETHERNET + payload.length);
    frame.set(this.#target.mac);
    frame.set([0x02, 0xfe, 0, 0, 0, this.#below(4)], 6);
    write16(frame, 12, type);
    frame.set(payload, ETHERNET);
    return frame;
  }

  #arp(): Uint8Array {
    const payload = new Uint8Array(28);
    payload.set([0, 1, 8, 0, 6, 4, 0, 1 + this.#below(2), 0x02, 0xfe, 0, 0, 0, 1]);
    write32(payload, 14, this.#source());
    payload.set(this.#target.mac, 18);
    write32(payload, 24, this.#chance(2) ? this.#target.address : this.#random());
    return this.#ethernet(0x0806, payload);
  }

  #ipv4(protocol: number, payload: Uint8Array): Uint8Array {
    const options = this.#chance(6) ? 4 * this.#below(11) : 0;
    const header = new Uint8Array(IPV4 + options);
    header[0] = 0x45 + options / 4;
    write16(header, 2, header.length + payload.length);
    write16(header, 4, this.#below(64));
    if (this.#chance(4)) {
      write16(
        header,
        6,
        this.#pick([0x2000, 0x2001, 0x1fff, 0x0001, 0x3fff, 0x4000, 0xa000, 0x00b9]),
      );
    }
    header[8] = this.#pick([64, 1, 0, 255]);
    header[9] = protocol;
    write32(header, 12, this.#source());
    write32(header, 16, this.#target.address);
    header.set(this.#bytes(options), IPV4);
    return this.#ethernet(0x0800, Uint8Array.of(...header, ...payload));
  }

  #tcp(): Uint8Array {
    const options = this.#chance(2)
      ? Array.from({ length: this.#below(5) }, () => this.#pick(OPTIONS)).flat().slice(0, 40)
      : [];
    while (options.length % 4 !== 0) options.push(1);
    const segment = new Uint8Array(20 + options.length + (this.#chance(2) ? this.#below(1400) : 0));
    write16(segment, 0, 1024 + this.#below(512));
    write16(segment, 2, this.#port());
    write32(segment, 4, this.#random());
    write32(segment, 8, this.#random());
    segment[12] = (20 + options.length) << 2;
    segment[13] = this.#pick([
      TCP_SYN,
      TCP_SYN,
      TCP_DATA,
      0x10,
      0x11,
      TCP_RST,
      0x14,
      0x12,
      0,
      0xff,
    ]);
    write16(segment, 14, this.#pick([0, 1, 65535, 1000]));
    segment.set(options, 20);
    return segment;
  }

  #udp(): Uint8Array {
    const datagram = this.#bytes(8 + this.#below(1400));
    write16(datagram, 2, this.#port());
    write16(datagram, 4, this.#pick([datagram.length, 0, 7, 8, 65535]));
    return datagram;
  }

  /** Echoes, and errors about packets that the VM may have sent. */
  #icmp(): Uint8Array {
    const message = this.#bytes(8 + this.#below(100));
    message.set([this.#pick([0, 3, 3, 4, 5, 8, 11, 12, 13, 17]), this.#below(16)]);
    if (message.length >= 36) {
      message.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, this.#pick([IPPROTO_TCP, IPPROTO_UDP])], 8);
      write32(message, 20, this.#target.address);
      write32(message, 24, this.#source());
    }
    return message;
  }

  #port(): number {
    return this.#chance(5) ? this.#random() & 0xffff : this.#pick(this.#target.ports);
  }

  #damage(frame: Uint8Array): Uint8Array {
    if (frame.length <= ETHERNET) return frame;
    // Mostly headers: that is where the decisions are.
    const reach = this.#chance(3) ? frame.length : Math.min(frame.length, 80);
    const at = ETHERNET + this.#below(reach - ETHERNET || 1);
    switch (this.#below(7)) {
      case 0:
        frame[at] ^= 1 << this.#below(8);
        break;
      case 1:
        frame[at] = this.#pick(EDGES);
        break;
      case 2:
        frame[at] = this.#random();
        break;
      case 3:
        return frame.slice(0, at);
      case 4:
        return Uint8Array.of(...frame, ...this.#bytes(this.#below(64))).subarray(0, 1514);
      case 5:
        frame.copyWithin(at, ETHERNET + this.#below(frame.length - ETHERNET), frame.length);
        break;
      case 6:
        // The length of the packet, which everything else is measured by.
        if (frame.length > 18) {
          write16(frame, 16, this.#chance(2) ? frame.length - 14 : this.#below(1600));
        }
    }
    return frame;
  }

  /** Right checksums, as far as the headers make sense. */
  #seal(frame: Uint8Array): void {
    if (frame.length < ETHERNET + IPV4 || read16(frame, 12) !== 0x0800) return;
    const header = (frame[14] & 15) * 4, start = ETHERNET + header;
    if (header < IPV4 || start > frame.length) return;
    write16(frame, 24, 0);
    write16(frame, 24, checksum(frame, ETHERNET, start, 0));
    const end = Math.min(frame.length, ETHERNET + read16(frame, 16));
    const protocol = frame[23];
    const field = { [IPPROTO_TCP]: 16, [IPPROTO_UDP]: 6, [IPPROTO_ICMP]: 2 }[protocol];
    if (field === undefined || start + field + 2 > end) return;
    let pseudo = 0;
    if (protocol !== IPPROTO_ICMP) {
      for (let at = 26; at < 34; at += 2) pseudo += read16(frame, at);
      pseudo += protocol + end - start;
    }
    write16(frame, start + field, 0);
    write16(frame, start + field, checksum(frame, start, end, pseudo));
  }

  #harmless(frame: Uint8Array): boolean {
    const { neighbour } = this.#target;
    if (frame.length < 32) return true;
    const type = read16(frame, 12);
    if (type === 0x0806) return read32(frame, 28) !== neighbour;
    if (type !== 0x0800 || frame.length < 34 || read32(frame, 26) !== neighbour) return true;
    const start = ETHERNET + (frame[14] & 15) * 4;
    // Of its address: only what is wrong, or says nothing but a flag with a number that is a guess.
    return !this.#isSealed(frame) ||
      (frame[23] === IPPROTO_TCP && (read16(frame, 20) & 0x3fff) === 0 &&
        ETHERNET + read16(frame, 16) === start + 20 && frame[start + 12] >> 4 === 5 &&
        (frame[start + 13] & ~(TCP_SYN | TCP_RST)) === 0);
  }

  #isSealed(frame: Uint8Array): boolean {
    const sealed = frame.slice();
    this.#seal(sealed);
    return sealed.every((byte, at) => byte === frame[at]);
  }
}

function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function read32(bytes: Uint8Array, at: number): number {
  return ((read16(bytes, at) << 16) | read16(bytes, at + 2)) >>> 0;
}

function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16);
  write16(bytes, at + 2, value);
}

/** RFC 1071. */
function checksum(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  for (let at = start; at < end; at += 2) {
    sum += (bytes[at] << 8) | (at + 1 < end ? bytes[at + 1] : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
