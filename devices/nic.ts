/**
 * The network interface of one VM: two bounded queues of Ethernet frames.
 *
 * Received frames wait until the VM takes them in its own quantum, so that a flood costs the victim
 * its own quanta and the others nothing (lazy receiver processing: Druschel and Banga, OSDI 1996). When
 * the queue is full, the sender with the most frames in it gives way. Frames to send wait until the kernel drains all VMs round robin.
 */

import type { NicRegisters } from "./nic_registers.ts";
import type { PacketPool } from "./packet_pool.ts";
import { PacketQueue } from "./packet_queue.ts";
import type { RateLimit } from "./rate_limit.ts";

/** A burst, as a virtual network card holds it; 768 KiB of the packet pool, whose share is the closer bound when it fills. */
export const RECEIVE_QUEUE_FRAMES = 512;
export const TRANSMIT_QUEUE_FRAMES = 64;

export class Nic {
  readonly receiveQueue: PacketQueue;
  readonly transmitQueue: PacketQueue;
  /** Frames that came, those dropped included. */
  framesIn = 0;
  framesOut = 0;
  /** Frames that came, or made way for another sender's, while the receive queue was full. */
  drops = 0;
  /** A send was refused and the guest waits to hear of room. */
  refused = false;
  /** It is in the kernel's list of senders. */
  listed = false;
  /** What passes per second; null: as much as comes. */
  receiveLimit: RateLimit | null = null;
  transmitLimit: RateLimit | null = null;

  /** TAKES_ bits (devices/offload.ts) that its driver has asked for. */
  takes = 0;

  /**
   * `registers`: how its driver reaches it, if not by one operation per frame. `rings`: it has those
   * of many frames, too, and offload.
   */
  constructor(
    pool: PacketPool,
    readonly registers: NicRegisters | null = null,
    readonly rings = false,
  ) {
    this.receiveQueue = new PacketQueue(pool, RECEIVE_QUEUE_FRAMES);
    this.transmitQueue = new PacketQueue(pool, TRANSMIT_QUEUE_FRAMES);
  }

  /** Queues a frame that came for this VM; false if that cost a frame, this one or a waiting one. */
  receive(frame: Uint8Array, offload = 0): boolean {
    this.framesIn++;
    if (!this.receiveQueue.pushFair(frame, offload)) return true;
    this.drops++;
    return false;
  }

  /** Queues a frame that the guest sends; false if there is no room now. */
  send(frame: Uint8Array, offload = 0): boolean {
    if (this.transmitQueue.push(frame, offload)) {
      this.framesOut++;
      return true;
    }
    this.refused = true;
    return false;
  }

  /** Drops everything that waits. */
  clear(): void {
    this.receiveQueue.clear();
    this.transmitQueue.clear();
  }
}
