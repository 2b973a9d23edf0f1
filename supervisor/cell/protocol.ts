/**
 * What the supervisor and a cell say to each other: record kinds, their payloads, and the status
 * words. Nothing else is shared, and nothing else is sent after the start message.
 *
 * Two rings per direction: one for commands and answers, one for Ethernet frames, so that a flood of
 * frames never delays a command. In every record the subject is the number of the VM it is about, or
 * of the image, or 0. A request carries a sequence number above 0, and exactly one REPLY or FAILURE
 * with the same number answers it; order of requests is kept.
 *
 * Payloads are raw bytes where the table says so, otherwise UTF-8 JSON of the type named. The
 * supervisor does not trust what a cell says: it checks shapes and bounds before use.
 */

import type { EngineSettings } from "../../cpu/engine_settings.ts";
import { createRing } from "../../devices/ring.ts";
import type { Mechanisms } from "../../kernel/mechanisms.ts";
import type { DiskUnit } from "../../devices/disk.ts";
import type { DiskChannel } from "../disk/channel.ts";
import type { SwapChannel } from "../swap/channel.ts";
import type { Resources } from "../../kernel/resources.ts";

/** Supervisor to cell. */
export const COMMAND = {
  /** ImageHeader; subject: number of the image. Chunks follow. */
  IMAGE_BEGIN: 1,
  /** Raw bytes of the image, in order. */
  IMAGE_CHUNK: 2,
  /** Request: load what was sent. */
  IMAGE_END: 3,
  /** Request. */
  IMAGE_DROP: 4,
  /** Request with VmOrder; subject: number of the VM. */
  VM_CREATE: 5,
  /** Requests about a VM that exists; VM_STOP takes StopOrder, VM_REPORT answers VmReport. */
  VM_START: 6,
  VM_STOP: 7,
  VM_SHUTDOWN: 8,
  VM_PAUSE: 9,
  VM_RESUME: 10,
  VM_DESTROY: 11,
  VM_REPORT: 12,
  /** Request; answers CellStats. */
  CELL_STATS: 13,
  /** Request; subject: list VMs with greater numbers; answers VmRow[], at most LIST_PAGE. */
  VM_LIST: 14,
  /** Request with raw bytes; answered when the VM took them all or has ended. */
  KEYBOARD: 15,
  /** Request: no more input after what was sent before. */
  KEYBOARD_CLOSE: 16,
  /** No request: a number, the cost (see consoleCost) of console output that was consumed. */
  CONSOLE_CONSUMED: 17,
  /** Request with Resources: changes what the VM may use. */
  VM_LIMIT: 18,
  /** Request; answers the state and the counters of the VM. */
  VM_STATS: 19,
  /** Request with CaptureOrder: its frames are told as they come, or no more. */
  VM_CAPTURE: 20,
} as const;

/** Cell to supervisor. */
export const NOTICE = {
  /** Answer of a request: JSON, or empty for none. */
  REPLY: 100,
  /** Refusal of a request: Refusal. */
  FAILURE: 101,
  /** Raw bytes the VM wrote to its console; not more than CONSOLE_WINDOW may be under way. */
  CONSOLE: 102,
  /** StateNotice. */
  STATE: 103,
  /**
   * The first bytes of a frame of the VM, behind the time: microseconds since 1970 as a float64 of this
   * machine's byte order. Sequence: the frame's whole length. Left out while the ring is half full.
   */
  CAPTURE: 104,
} as const;

/**
 * The only kind in the rings for frames: raw Ethernet frame; subject: its offload (devices/offload.ts), which
 * the supervisor does not trust either.
 */
export const FRAME = 1;

/** Rows in one answer to VM_LIST. */
export const LIST_PAGE = 500;
/** Bytes in one IMAGE_CHUNK or KEYBOARD record. */
export const CHUNK_BYTES = 32 * 1024;
/** Console output of one VM that may be sent and not yet consumed, by consoleCost. */
export const CONSOLE_WINDOW = 64 * 1024;
/** A record costs more than its bytes, so that a VM which writes them one by one has few under way. */
export const CONSOLE_RECORD_COST = 128;

/** Bytes of the time before those of a frame in a CAPTURE record. */
export const CAPTURE_HEAD_BYTES = 8;

/** What a record of console output takes of the window. */
export function consoleCost(bytes: number): number {
  return bytes + CONSOLE_RECORD_COST;
}

/** Largest image that is taken, bytes. */
export const IMAGE_BYTES_MAXIMUM = 256 * 2 ** 20;

export interface ImageHeader {
  readonly name: string;
  readonly bytes: number;
}

export interface VmOrder {
  readonly name: string;
  readonly image: number;
  /** Bytes. */
  readonly memory: number;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly network?: VmNetwork;
  readonly resources?: Resources;
  readonly disks?: readonly DiskUnit[];
}

/** IPv4 addresses as uint32 in host order. */
export interface VmNetwork {
  readonly address: number;
  readonly netmask: number;
  readonly gateway: number;
  readonly dns: number;
}

export interface StopOrder {
  /** Exit code 0..255 that is reported. */
  readonly code?: number;
}

export interface CaptureOrder {
  /** Bytes of each frame that are told; 0: none are told any more. */
  readonly snap: number;
}

export interface Refusal {
  readonly message: string;
  /** Field of the request that is at fault. */
  readonly field?: string;
}

/** States of a VM that are told. A cell does not tell "idle": it would be sent at every packet. */
export const VM_STATES = ["created", "running", "paused", "stopped", "crashed"] as const;
export type ToldState = typeof VM_STATES[number];

export interface StateNotice {
  readonly state: ToldState;
  readonly exitCode?: number;
  /** For a crash: why, in one line, and the whole report as text. */
  readonly reason?: string;
  readonly crash?: string;
}

export interface VmRow {
  readonly id: number;
  readonly state: string;
  /** What it takes no turns for though it is "running": "memory", "processor" or "console". */
  readonly waits: string | null;
  readonly instructions: number;
  /** Turns that it had on the processor. */
  readonly quanta: number;
  /** Pages of its own in memory, and in swap only. */
  readonly residentPages: number;
  readonly swappedPages: number;
  /** Times it had to wait for a page in swap. */
  readonly faults: number;
}

// Status words, in a buffer of their own. A bell is a Doorbell and takes two words.
/** Counts work for the cell: records, frames, the stop flag. */
export const CELL_BELL = 0;
/** Counts work for the supervisor. */
export const HOST_BELL = 16;
/** Not 0: leave the loop at the next turn. */
export const STOP = 32;
/** Grows at every turn of the cell's loop, at least once a second. */
export const HEARTBEAT = 33;
/** One of CELL_STATE. */
export const LIFE = 34;
/** Not 0: the cell waits for room in its outbox and wants its bell rung. */
export const OUTBOX_WAIT = 35;
/** Not 0: the supervisor waits for room in the inbox and wants its bell rung. */
export const INBOX_WAIT = 36;
/** Bytes of UTF-8 at MESSAGE_BYTE: why the cell died. */
export const MESSAGE_LENGTH = 37;
export const MESSAGE_BYTE = 256;
const STATUS_BYTES = 8192;
export const MESSAGE_MAXIMUM = STATUS_BYTES - MESSAGE_BYTE;

export const CELL_STATE = { STARTING: 0, RUNNING: 1, STOPPED: 2, DIED: 3 } as const;

/** What a cell gets once, by postMessage, before its loop starts. */
export interface CellStart {
  readonly channel: CellChannel;
  readonly options: CellOptions;
}

/** The shared buffers; named as the cell sees them. */
export interface CellChannel {
  readonly inbox: SharedArrayBuffer;
  readonly outbox: SharedArrayBuffer;
  readonly framesIn: SharedArrayBuffer;
  readonly framesOut: SharedArrayBuffer;
  readonly status: SharedArrayBuffer;
}

export interface CellOptions {
  /** Memory of the cell for all its VMs, bytes. */
  readonly poolBytes: number;
  /**
   * Time is a function of the instructions retired, and input reaches a VM only when every VM of
   * the cell waits with no timer set; so the run does not depend on the host's speed.
   */
  readonly deterministic?: boolean;
  /** What runs the guests' code. */
  readonly engine?: EngineSettings;
  /** For measurements: which of two mechanisms. */
  readonly mechanisms?: Partial<Mechanisms>;
  /** Where pages go when memory runs short; made by the Cell from what its parameters say. */
  readonly swapChannel?: SwapChannel;
  /** What its VMs' disks are reached by; made by the Cell as well. */
  readonly diskChannel?: DiskChannel;
}

const INBOX_BYTES = 256 * 1024, OUTBOX_BYTES = 1024 * 1024, FRAMES_BYTES = 4 * 1024 * 1024;

export function createChannel(): CellChannel {
  return {
    inbox: createRing(INBOX_BYTES),
    outbox: createRing(OUTBOX_BYTES),
    framesIn: createRing(FRAMES_BYTES),
    framesOut: createRing(FRAMES_BYTES),
    status: new SharedArrayBuffer(STATUS_BYTES),
  };
}

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { fatal: true });

export function encode(value: unknown): Uint8Array {
  return value === undefined ? new Uint8Array(0) : encoder.encode(JSON.stringify(value));
}

/** `bytes` must be a copy: the other thread could change shared bytes while they are read. */
export function decode(bytes: Uint8Array<ArrayBuffer>): unknown {
  return bytes.length === 0 ? undefined : JSON.parse(decoder.decode(bytes));
}
