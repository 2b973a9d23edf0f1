/**
 * Ethernet II frames, and the one buffer in which the gateway builds everything it sends.
 *
 * A frame is built in place: the payload is written first where it belongs, then the headers, then
 * `send` hands the buffer out. The receiver of the frame must copy it before it returns, and must
 * not call back into the gateway; then no frame costs an allocation.
 */
import { LARGE_FRAME_MAXIMUM } from "../../devices/frame.ts";
import { put16 } from "./bytes.ts";
import { type PacketView, packetView } from "./checksum.ts";

export const ETHERNET_HEADER = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
/** Payload bytes of the largest frame. */
export const MTU = 1500;
export const FRAME_MAXIMUM = ETHERNET_HEADER + MTU;
export const BROADCAST_MAC: Uint8Array = new Uint8Array(6).fill(0xff);

export class FrameBuilder implements PacketView {
  readonly bytes: Uint8Array;
  readonly words: Uint16Array;
  /** Frames handed out, and frames the link had no room for. */
  sent = 0;
  /** Datagrams that were sent in fragments, which numbers them. */
  fragmented = 0;
  refused = 0;
  readonly #views: (Uint8Array | undefined)[] = new Array(FRAME_MAXIMUM + 1);
  readonly #transmit: (frame: Uint8Array, offload: number) => boolean;

  /** `offload`: frames may be handed out with an offload (devices/offload.ts), and then be larger. */
  constructor(
    source: Uint8Array,
    transmit: (frame: Uint8Array, offload: number) => boolean,
    readonly offload = false,
  ) {
    const view = packetView(offload ? LARGE_FRAME_MAXIMUM : FRAME_MAXIMUM);
    this.bytes = view.bytes;
    this.words = view.words;
    this.bytes.set(source, 6);
    this.#transmit = transmit;
  }

  /** Completes the Ethernet header and sends `length` bytes. False: the link has no room now. */
  send(destination: Uint8Array, etherType: number, length: number, offload = 0): boolean {
    const bytes = this.bytes;
    for (let i = 0; i < 6; i++) bytes[i] = destination[i];
    put16(bytes, 12, etherType);
    const frame = length > FRAME_MAXIMUM
      ? bytes.subarray(0, length)
      : this.#views[length] ??= bytes.subarray(0, length);
    if (this.#transmit(frame, offload)) {
      this.sent++;
      return true;
    }
    this.refused++;
    return false;
  }
}

/** True when all six bytes at `offset` equal `mac`. */
export function sameMac(bytes: Uint8Array, offset: number, mac: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) {
    if (bytes[offset + i] !== mac[i]) return false;
  }
  return true;
}
