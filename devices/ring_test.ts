import { assert, assertEquals, assertThrows } from "@std/assert";
import { createRing, Doorbell, RingCorruption, RingReader, RingWriter } from "./ring.ts";

const NOTHING = new Uint8Array(0);
const HEAD = 0, TAIL = 16, DATA_WORD = 32;

function pair(capacity: number) {
  const buffer = createRing(capacity);
  return {
    words: new Int32Array(buffer),
    buffer,
    writer: new RingWriter(buffer),
    reader: new RingReader(buffer),
  };
}

function bytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i) & 0xff);
}

Deno.test("a record comes out as it went in", () => {
  const { writer, reader } = pair(256);
  assert(writer.write(7, -3, 99, bytes(13, 1)));
  assert(writer.write(8, 2, -1, NOTHING));
  assert(reader.next());
  assertEquals([reader.kind, reader.subject, reader.sequence], [7, -3, 99]);
  assertEquals(reader.copy(), bytes(13, 1));
  reader.release();
  assert(reader.next());
  assertEquals([reader.kind, reader.subject, reader.sequence, reader.length], [8, 2, -1, 0]);
  reader.release();
  assert(!reader.next());
  assert(reader.empty);
});

Deno.test("a part of a buffer is written without its surroundings", () => {
  const { writer, reader } = pair(1024);
  for (const [start, end] of [[3, 9], [0, 0], [100, 300]]) {
    assert(writer.write(1, 0, 0, bytes(400, 5), start, end));
    assert(reader.next());
    assertEquals(reader.copy(), bytes(400, 5).slice(start, end));
    reader.release();
  }
});

Deno.test("records of every size survive many turns around the ring", () => {
  const { words, buffer } = pair(256);
  // Starts just below the wrap of the 32-bit positions, so that they wrap too.
  words[HEAD] = words[TAIL] = -4096;
  const w = new RingWriter(buffer), r = new RingReader(buffer);
  let written = 0, read = 0;
  while (read < 5000) {
    while (w.write(written % 5, written, 0, bytes(written % (w.payloadMaximum + 1), written))) {
      written++;
    }
    for (let n = 1 + (read % 3); n > 0 && r.next(); n--) {
      assertEquals(r.subject, read);
      assertEquals(r.copy(), bytes(read % (w.payloadMaximum + 1), read));
      r.release();
      read++;
    }
  }
});

Deno.test("the largest record fits wherever the ring stands", () => {
  for (let shift = 0; shift < 256; shift += 8) {
    const { writer, reader } = pair(256);
    for (let n = 0; n < shift / 8; n++) {
      writer.write(1, 0, 0, NOTHING);
      reader.next();
      reader.release();
    }
    assert(writer.write(2, 0, 0, bytes(writer.payloadMaximum, shift)));
    assert(reader.next());
    assertEquals(reader.copy(), bytes(writer.payloadMaximum, shift));
  }
});

Deno.test("a full ring refuses, and takes again what was given back", () => {
  const { writer, reader } = pair(128);
  let count = 0;
  while (writer.write(1, count, 0, bytes(8, 0))) count++;
  assertEquals(count, 5);
  assert(reader.next());
  reader.release();
  assert(reader.next());
  reader.release();
  assert(writer.write(1, 0, 0, bytes(8, 0)));
});

Deno.test("a payload that can never fit is a mistake of the caller", () => {
  const { writer } = pair(128);
  assertThrows(() => writer.write(1, 0, 0, new Uint8Array(64)), RangeError);
  assertThrows(() => writer.write(-1, 0, 0, NOTHING), RangeError);
  assertThrows(() => createRing(100), RangeError);
  assertThrows(() => new RingReader(new SharedArrayBuffer(100)), RangeError);
});

Deno.test("a reader reports a head, length, kind or filler that cannot be", () => {
  const cases: [string, (words: Int32Array) => void][] = [
    ["head too far", (w) => w[HEAD] = 4096],
    ["head before tail", (w) => w[HEAD] = -8],
    ["head unaligned", (w) => w[HEAD] = 27],
    ["length beyond the record", (w) => w[DATA_WORD] = 200],
    ["length negative", (w) => w[DATA_WORD] = -1],
    ["length that wraps when rounded", (w) => w[DATA_WORD] = 0x7fffffff],
    ["kind negative", (w) => w[DATA_WORD + 1] = -2],
    ["filler in the middle", (w) => w[DATA_WORD + 1] = -1],
    ["filler with the right length but nothing behind it", (w) => {
      w[DATA_WORD + 1] = -1;
      w[DATA_WORD] = 256 - 8;
      w[HEAD] = 256;
    }],
  ];
  for (const [name, spoil] of cases) {
    const { writer, reader, words } = pair(256);
    writer.write(1, 0, 0, bytes(20, 0));
    spoil(words);
    assertThrows(() => reader.next(), RingCorruption, "ring", name);
  }
});

Deno.test("a reader that meets random bytes ends or reports, and never reads outside", () => {
  let state = 12345;
  const random = () => (state = Math.imul(state, 1664525) + 1013904223 | 0);
  for (let round = 0; round < 2000; round++) {
    const { reader, words, buffer } = pair(256);
    for (let i = DATA_WORD; i < words.length; i++) {
      words[i] = (round & 1) ? random() : (random() >>> 24) - 8;
    }
    words[HEAD] = (random() >>> 23) & ~7;
    try {
      for (let n = 0; n < 100 && reader.next(); n++) {
        assert(reader.offset + reader.length <= buffer.byteLength - 128);
        reader.release();
      }
    } catch (error) {
      assert(error instanceof RingCorruption, String(error));
    }
  }
});

Deno.test("a writer reports a tail that cannot be", () => {
  const { writer, words } = pair(256);
  writer.write(1, 0, 0, NOTHING);
  for (const tail of [24, -512, 3]) {
    words[TAIL] = tail;
    assertThrows(() => writer.write(1, 0, 0, NOTHING), RingCorruption, "tail");
  }
});

Deno.test("two threads exchange records in order, and a rung sleeper wakes", async () => {
  const to = createRing(4096), from = createRing(4096);
  const bells = new Int32Array(new SharedArrayBuffer(16));
  const source = `
    import { Doorbell, RingReader, RingWriter } from ${
    JSON.stringify(import.meta.resolve("./ring.ts"))
  };
    onmessage = ({ data }) => {
      const reader = new RingReader(data.to), writer = new RingWriter(data.from);
      const mine = new Doorbell(data.bells, 0), theirs = new Doorbell(data.bells, 2);
      for (let seen = mine.value;; seen = mine.value) {
        while (reader.next()) {
          const end = reader.kind === 9;
          while (!writer.write(reader.kind, reader.subject, reader.sequence, reader.payload())) {}
          reader.release();
          theirs.ring();
          if (end) return;
        }
        mine.wait(seen, 1000);
      }
    };`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.postMessage({ to, from, bells });
  const writer = new RingWriter(to), reader = new RingReader(from);
  const cell = new Doorbell(bells, 0), host = new Doorbell(bells, 2);
  let sent = 0, received = 0;
  const count = 20_000;
  while (received < count) {
    const seen = host.value;
    while (sent < count) {
      const kind = sent === count - 1 ? 9 : 1;
      if (!writer.write(kind, sent, sent ^ 0x55, bytes(sent % 97, sent))) break;
      sent++;
    }
    cell.ring();
    while (reader.next()) {
      assertEquals(reader.subject, received);
      assertEquals(reader.sequence, received ^ 0x55);
      assertEquals(reader.length, received % 97);
      received++;
      reader.release();
    }
    if (received < count) await host.waitAsync(seen);
  }
  worker.terminate();
  URL.revokeObjectURL(url);
});
