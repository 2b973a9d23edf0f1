/**
 * Rings between two threads: round trips with a doorbell against postMessage, and records per second.
 * Medians of several rounds, the order reversed from round to round.
 *
 *     deno task bench rings
 */

import { createRing, Doorbell, RingReader, RingWriter } from "../../devices/ring.ts";
import { printTable, save } from "./report/report.ts";
import { ECHO, END, type RingWorkerStart, SINK } from "./workers/ring_worker.ts";

const ROUNDS = 5, TRIPS = 5000;
const SIZES = [0, 64, 1514];
const BURST_MS = 300;

const url = new URL("./workers/ring_worker.ts", import.meta.url);
const bells = new Int32Array(new SharedArrayBuffer(256));
const start: RingWorkerStart = { to: createRing(1 << 20), from: createRing(1 << 20), bells };
const writer = new RingWriter(start.to), reader = new RingReader(start.from);
const theirs = new Doorbell(bells, 0), mine = new Doorbell(bells, 16);
const empty = new Uint8Array(0);

const messenger = new Worker(url, { type: "module" });
const worker = new Worker(url, { type: "module" });
await messageTrips(100);
worker.postMessage(start);
await ringTrips(100);

/** Microseconds per round trip. */
async function ringTrips(count: number): Promise<number> {
  const begun = performance.now();
  for (let n = 0; n < count; n++) {
    const seen = mine.value;
    writer.write(ECHO, n, 0, empty);
    theirs.ring();
    while (!reader.next()) await mine.waitAsync(seen);
    reader.release();
  }
  return (performance.now() - begun) * 1000 / count;
}

async function messageTrips(count: number): Promise<number> {
  const begun = performance.now();
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => {
      messenger.onmessage = resolve;
      messenger.postMessage(n);
    });
  }
  return (performance.now() - begun) * 1000 / count;
}

/** Million records per second into a thread that only counts; one wake-up per 64 records. */
async function burst(size: number): Promise<number> {
  const payload = new Uint8Array(size);
  const begun = performance.now();
  let sent = 0;
  while (performance.now() - begun < BURST_MS) {
    for (let n = 0; n < 64; n++) {
      if (writer.write(SINK, n, 0, payload)) sent++;
    }
    theirs.ring();
  }
  const seen = mine.value;
  while (!writer.write(ECHO, 0, 0, empty)) theirs.ring();
  theirs.ring();
  while (!reader.next()) await mine.waitAsync(seen);
  reader.release();
  return sent / (performance.now() - begun) / 1000;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const rings: number[] = [], messages: number[] = [];
const rates = SIZES.map(() => [] as number[]);
for (let round = 0; round < ROUNDS; round++) {
  const trips = [
    async () => rings.push(await ringTrips(TRIPS)),
    async () => messages.push(await messageTrips(TRIPS)),
  ];
  for (const trip of round % 2 === 0 ? trips : trips.reverse()) await trip();
  for (const [index, size] of SIZES.entries()) rates[index].push(await burst(size));
}
writer.write(END, 0, 0, empty);
theirs.ring();
messenger.terminate();
worker.terminate();

const result = {
  ringMicroseconds: median(rings),
  messageMicroseconds: median(messages),
  millionRecordsPerSecond: Object.fromEntries(SIZES.map((size, i) => [size, median(rates[i])])),
};
printTable(["", "value"], [
  ["round trip, ring and doorbells", `${result.ringMicroseconds.toFixed(1)} µs`],
  ["round trip, postMessage", `${result.messageMicroseconds.toFixed(1)} µs`],
  ...SIZES.map((size, i) => [
    `records of ${size} bytes, one way`,
    `${median(rates[i]).toFixed(2)} M/s`,
  ]),
]);
await save("rings", result);
