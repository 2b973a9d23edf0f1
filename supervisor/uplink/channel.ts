/**
 * What the supervisor and an uplink worker share: a ring of frames each way, and status words. The
 * subject of a frame's record is its offload (devices/offload.ts). Rare news (see UplinkNotice) are messages.
 */

import { createRing } from "../../devices/ring.ts";

export interface UplinkChannel {
  readonly toWire: SharedArrayBuffer;
  readonly fromWire: SharedArrayBuffer;
  readonly status: SharedArrayBuffer;
}

// Words of the status. A bell is a Doorbell and takes two.
/** Counts work for the worker. */
export const UPLINK_BELL = 0;
/** Counts work for the supervisor. */
export const UPLINK_HOST_BELL = 16;
/** Not 0: close the device and end. */
export const UPLINK_STOP = 32;

/** Counters the worker keeps, float64, in this order from COUNTER_BYTE on. */
export const UPLINK_COUNTERS = [
  "framesOut",
  "framesIn",
  "bytesOut",
  "bytesIn",
  /** Frames of VMs that the device did not take: it was down or gone. */
  "refused",
  /** Frames that came while the supervisor's ring was full. */
  "overflow",
  /** Frames of a protocol that VMs do not speak (IPv6, VLAN tags), which would wake them all. */
  "protocol",
  /** Frames that are no Ethernet frames, are too large, or do not fit their header. */
  "malformed",
  /** Times it slept. */
  "sleeps",
] as const;
export type UplinkCounters = Record<typeof UPLINK_COUNTERS[number], number>;
export const COUNTER_BYTE = 256;

const RING_BYTES = 4 * 1024 * 1024;

export function createUplinkChannel(): UplinkChannel {
  return {
    toWire: createRing(RING_BYTES),
    fromWire: createRing(RING_BYTES),
    status: new SharedArrayBuffer(COUNTER_BYTE + 8 * UPLINK_COUNTERS.length),
  };
}

/** `down`: the device is there and not up; `gone`: there is none of that name any more. */
export type UplinkState = "up" | "down" | "gone" | "failed" | "stopped";

/** What the worker tells when the state changes, and once when it has begun. */
export interface UplinkNotice {
  readonly state: UplinkState;
  /** What happened, and what to do. */
  readonly message: string;
  /** Of the bridge, if it has an IPv4 address (uint32). */
  readonly bridgeAddress?: number;
}

export interface UplinkStart {
  readonly channel: UplinkChannel;
  /** Path of the C library. */
  readonly libc: string;
  readonly device: string;
  readonly bridge?: string;
  /** What the device gets if it is made here and is no port of a bridge. */
  readonly address: number;
  readonly netmask: number;
  /** Large TCP segments and missing checksums cross the device. */
  readonly offload: boolean;
}
