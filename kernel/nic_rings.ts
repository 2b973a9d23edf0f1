/**
 * Rings of frames: many frames by one operation (the rules for guests: kernel/abi.ts).
 *
 * Everything in a ring is the guest's to write, at any time, so every number is read once, checked, and
 * bounds what is done. The state of an operation is in the ring alone: whatever stops it, a page
 * that is not there or the end of its share of work, `head` says what was done, and the same instruction goes on.
 */

import { EAX } from "../cpu/state.ts";
import { FRAME_MAXIMUM, FRAME_MINIMUM, LARGE_FRAME_MAXIMUM } from "../devices/frame.ts";
import type { Nic } from "../devices/nic.ts";
import { OFFLOAD_VALID } from "../devices/offload.ts";
import { readVirtioHeader, writeVirtioHeader } from "../devices/virtio_header.ts";
import { CONSTANTS, STRUCTURES } from "./abi.ts";
import type { NicService } from "./nic_ports.ts";
import { complete, fault, IO_DONE, refuse } from "./port_io.ts";
import type { Vm } from "./vm.ts";

const HEADER = CONSTANTS.NIC_HEADER_BYTES.value;
const RING_BYTES = STRUCTURES.nic_ring.bytes, DESCRIPTOR_BYTES = STRUCTURES.nic_descriptor.bytes;
const MORE = CONSTANTS.NIC_DESCRIPTOR_MORE.value;
/** Bytes after which an operation may be interrupted, as it may after NIC_RING_FRAMES. */
const SHARE_BYTES = 256 * 1024;
/** Result of a step that did what it should. */
const OK = 1;

export class NicRings {
  /** Bytes that the last operation moved. */
  moved = 0;
  readonly #frame = new Uint8Array(HEADER + LARGE_FRAME_MAXIMUM);
  readonly #header = new Uint8Array(HEADER);
  /** A ring's header or a descriptor, as it was read. */
  readonly #words = new Int32Array(4);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  // The ring of this operation.
  #ring = 0;
  #mask = 0;
  #head = 0;
  #tail = 0;
  /** Bytes in #frame, header included. */
  #length = 0;

  constructor(readonly network: NicService) {}

  send(vm: Vm, nic: Nic): number {
    const opened = this.#open(vm);
    if (opened !== OK) return opened;
    for (let frames = 0; this.#head !== this.#tail; frames++) {
      if (this.#shareDone(frames)) return this.#goOn(vm);
      if (!this.network.hasRoom(vm, nic)) break;
      const start = this.#head;
      const gathered = this.#gather(vm);
      // Also for a frame that is refused: to gather it was work.
      this.moved += this.#length;
      if (gathered !== OK) {
        this.#head = start;
        this.#close(vm, 0);
        return gathered;
      }
      const frame = this.#frame.subarray(HEADER, this.#length);
      const offload = readVirtioHeader(this.#frame, frame);
      // Only who has looked at a checksum may say so, and that is not a sender (virtio 1.2, 5.1.6.2.1).
      if (offload < 0 || (offload & OFFLOAD_VALID) !== 0) this.network.refuse(vm, frame);
      else if (!this.network.send(vm, nic, frame, offload)) {
        this.#head = start;
        break;
      }
    }
    this.#close(vm, 0);
    return complete(vm);
  }

  receive(vm: Vm, nic: Nic): number {
    const opened = this.#open(vm);
    if (opened !== OK) return opened;
    let frame = this.network.receivable(vm, nic);
    for (let frames = 0; frame !== null && this.#head !== this.#tail; frames++) {
      const needed = HEADER + frame.length;
      if (this.#shareDone(frames)) return this.#goOn(vm);
      const place = this.#descriptor(this.#head);
      const reached = vm.space.probe(place, DESCRIPTOR_BYTES, true);
      if (reached < DESCRIPTOR_BYTES) return this.#stop(vm, place + reached);
      vm.space.read(place, this.#bytes, 0, DESCRIPTOR_BYTES);
      const address = this.#words[0] >>> 0;
      if (this.#words[1] >>> 0 < needed) break;
      const room = vm.space.probe(address, needed, true);
      if (room < needed) return this.#stop(vm, address + room);
      writeVirtioHeader(this.#header, frame, nic.receiveQueue.offload);
      vm.space.write(address, this.#header, 0, HEADER);
      vm.space.write(address + HEADER, frame, 0, frame.length);
      vm.space.store32(place + 12, needed);
      this.network.taken(nic, frame);
      this.#head = (this.#head + 1) | 0;
      this.moved += needed;
      frame = this.network.receivable(vm, nic);
    }
    this.#close(vm, frame === null ? 0 : HEADER + frame.length);
    return complete(vm);
  }

  /** Looks at the ring at EAX. */
  #open(vm: Vm): number {
    this.moved = 0;
    const ring = vm.cpu.i32[EAX] >>> 0;
    if (ring % RING_BYTES !== 0) return refuse(vm);
    // Writable, so that its end can be told.
    const reached = vm.space.probe(ring, RING_BYTES, true);
    if (reached < RING_BYTES) return fault(vm, ring + reached, true);
    vm.space.read(ring, this.#bytes, 0, RING_BYTES);
    const [size, tail, head] = this.#words;
    const filled = (tail - head) >>> 0;
    if (size < 1 || size > CONSTANTS.NIC_RING_MAXIMUM.value || (size & (size - 1)) !== 0) {
      return refuse(vm);
    }
    if (filled > size) return refuse(vm);
    this.#ring = ring;
    this.#mask = size - 1;
    this.#head = head;
    this.#tail = tail;
    return OK;
  }

  /** Address of descriptor `index`. */
  #descriptor(index: number): number {
    return this.#ring + RING_BYTES + (index & this.#mask) * DESCRIPTOR_BYTES;
  }

  /** Puts the pieces of the next frame together and moves #head behind them. */
  #gather(vm: Vm): number {
    this.#length = 0;
    for (let pieces = 1;; pieces++) {
      const place = this.#descriptor(this.#head);
      const got = vm.space.read(place, this.#bytes, 0, DESCRIPTOR_BYTES);
      if (got < DESCRIPTOR_BYTES) return fault(vm, place + got, false);
      const [base, bytes, flags] = this.#words;
      const address = base >>> 0, length = bytes >>> 0;
      if (length > this.#frame.length - this.#length) return refuse(vm);
      const read = vm.space.read(address, this.#frame, this.#length, length);
      if (read < length) return fault(vm, address + read, false);
      this.#length += length;
      this.#head = (this.#head + 1) | 0;
      if ((flags & MORE) === 0) break;
      if (pieces === CONSTANTS.NIC_PIECES_MAXIMUM.value || this.#head === this.#tail) {
        return refuse(vm);
      }
    }
    const frameBytes = this.#length - HEADER;
    const most = this.#frame[1] === 0 ? FRAME_MAXIMUM : LARGE_FRAME_MAXIMUM;
    return frameBytes < FRAME_MINIMUM || frameBytes > most ? refuse(vm) : OK;
  }

  #shareDone(frames: number): boolean {
    return frames >= CONSTANTS.NIC_RING_FRAMES.value || this.moved >= SHARE_BYTES;
  }

  /** The operation goes on as the next instruction. */
  #goOn(vm: Vm): number {
    this.#close(vm, 0);
    vm.cpu.retired++;
    return IO_DONE;
  }

  /** A buffer cannot be written at `address`. */
  #stop(vm: Vm, address: number): number {
    // Before the ring is written, which could want a page as well.
    const result = fault(vm, address, true);
    this.#close(vm, 0);
    return result;
  }

  /** Tells in the ring how far the operation came. */
  #close(vm: Vm, wanted: number): void {
    vm.space.store32(this.#ring + 8, this.#head);
    vm.space.store32(this.#ring + 12, wanted);
  }
}
