/** The other thread of the benchmark `rings`: answers every record, or counts them. */

/// <reference lib="deno.worker" />

import { Doorbell, RingReader, RingWriter } from "../../../devices/ring.ts";

export interface RingWorkerStart {
  readonly to: SharedArrayBuffer;
  readonly from: SharedArrayBuffer;
  readonly bells: Int32Array<SharedArrayBuffer>;
}

/** Kinds of records: answer it, answer nothing, or answer it and end. */
export const ECHO = 1, SINK = 2, END = 3;

self.onmessage = ({ data }: MessageEvent<RingWorkerStart | number>) => {
  if (typeof data === "number") self.postMessage(data);
  else serve(data);
};

function serve({ to, from, bells }: RingWorkerStart): void {
  const reader = new RingReader(to), writer = new RingWriter(from);
  const mine = new Doorbell(bells, 0), theirs = new Doorbell(bells, 16);
  const empty = new Uint8Array(0);
  for (let seen = mine.value;; seen = mine.value) {
    let taken = 0, end = false;
    while (reader.next()) {
      const { kind, length } = reader;
      if (kind !== SINK) writer.write(kind, length, 0, empty);
      reader.release();
      taken++;
      end ||= kind === END;
    }
    if (taken > 0) theirs.ring();
    if (end) return;
    mine.wait(seen, 1000);
  }
}
