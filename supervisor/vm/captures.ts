/**
 * Those who look at the frames of one VM: each gets a file in the format of pcap (draft-ietf-opsawg-pcap,
 * times in microseconds, link type Ethernet), which tcpdump and Wireshark open while it grows.
 *
 * Bounded: a reader that does not keep up loses frames, not its capture; and a capture ends after the
 * frames and the seconds that were asked for.
 */

import { CAPTURE_HEAD_BYTES } from "../cell/protocol.ts";
import { RequestError } from "../request_error.ts";

const MAGIC = 0xa1b2c3d4, VERSION_MAJOR = 2, VERSION_MINOR = 4, LINKTYPE_ETHERNET = 1;
const FILE_HEADER_BYTES = 24, RECORD_HEADER_BYTES = 16;
/** Bytes that may wait for one reader. */
const BEHIND_BYTES = 4 * 2 ** 20;
const CAPTURES_MAXIMUM = 4;
export const SNAP_MAXIMUM = 65_535;

export interface CaptureLimits {
  /** Bytes of each frame, 1..SNAP_MAXIMUM. */
  readonly snap: number;
  /** It ends after so many frames, and after so many seconds. */
  readonly frames: number;
  readonly seconds: number;
}

interface Capture {
  readonly snap: number;
  left: number;
  readonly controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Captures {
  readonly #captures = new Set<Capture>();
  #changed = () => {};

  /** Bytes of each frame that somebody wants; 0: nobody looks. */
  get snap(): number {
    let most = 0;
    for (const { snap } of this.#captures) most = Math.max(most, snap);
    return most;
  }

  /** `changed` is called when `snap` may have changed. Throws a RequestError if too many look. */
  open(limits: CaptureLimits, changed: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#captures.size >= CAPTURES_MAXIMUM) {
      const many = `${CAPTURES_MAXIMUM} others look at this VM`;
      throw new RequestError("vm", many, "one of them to end first", 429);
    }
    this.#changed = changed;
    let capture: Capture;
    return new ReadableStream({
      start: (controller) => {
        const timer = setTimeout(() => this.#end(capture), limits.seconds * 1000);
        capture = { snap: limits.snap, left: limits.frames, controller, timer };
        this.#captures.add(capture);
        controller.enqueue(fileHeader(limits.snap));
        changed();
      },
      cancel: () => this.#end(capture, false),
    }, { highWaterMark: BEHIND_BYTES, size: (bytes) => bytes.length });
  }

  /** A record as the cell tells it, of a frame of `length` bytes. */
  append(told: Uint8Array<ArrayBuffer>, length: number): void {
    const microseconds = new DataView(told.buffer, told.byteOffset).getFloat64(0, true);
    for (const capture of [...this.#captures]) {
      const { controller, snap } = capture;
      const end = Math.min(told.length, CAPTURE_HEAD_BYTES + snap);
      const frame = told.subarray(CAPTURE_HEAD_BYTES, end);
      if ((controller.desiredSize ?? 0) < frame.length + RECORD_HEADER_BYTES) continue;
      controller.enqueue(frameRecord(microseconds, frame, length));
      if (--capture.left === 0) this.#end(capture);
    }
  }

  /** The VM is gone. */
  close(): void {
    for (const capture of [...this.#captures]) this.#end(capture);
  }

  #end(capture: Capture, close = true): void {
    if (!this.#captures.delete(capture)) return;
    clearTimeout(capture.timer);
    if (close) capture.controller.close();
    this.#changed();
  }
}

function fileHeader(snap: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION_MAJOR, true);
  view.setUint16(6, VERSION_MINOR, true);
  view.setUint32(16, snap, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  return new Uint8Array(view.buffer);
}

function frameRecord(
  microseconds: number,
  frame: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(RECORD_HEADER_BYTES + frame.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, Math.floor(microseconds / 1e6), true);
  view.setUint32(4, Math.floor(microseconds % 1e6), true);
  view.setUint32(8, frame.length, true);
  view.setUint32(12, length, true);
  record.set(frame, RECORD_HEADER_BYTES);
  return record;
}
