import { assert, assertEquals } from "@std/assert";
import { FRAME_MAXIMUM } from "./frame.ts";
import {
  isTaken,
  OFFLOAD_PARTIAL,
  OFFLOAD_VALID,
  offloadFits,
  SEGMENTS_MAXIMUM,
  TAKES_CHECKSUM,
  TAKES_SEGMENTS,
  wireBytes,
  wireFrames,
} from "./offload.ts";
import { completeFrame } from "./segments.ts";
import { checksumsHold, read, tcpFields, tcpFrame, udpFrame } from "./testing/packets.ts";
import { readVirtioHeader, VIRTIO_HEADER_BYTES, writeVirtioHeader } from "./virtio_header.ts";

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
}

function complete(frame: Uint8Array, offload: number): Uint8Array[] {
  const made: Uint8Array[] = [];
  assert(completeFrame(frame, offload, (whole) => made.push(whole.slice()) > 0));
  return made;
}

Deno.test("a large segment becomes the frames that a card would send", () => {
  const cases = [
    { length: 65_000, size: 1448, ipOptions: 0, tcpOptions: 12 },
    { length: 1449, size: 1448, ipOptions: 0, tcpOptions: 12 },
    { length: 2896, size: 1448, ipOptions: 8, tcpOptions: 0 },
    { length: 100, size: 1448, ipOptions: 40, tcpOptions: 40 },
    { length: 777, size: 100, ipOptions: 4, tcpOptions: 20 },
    { length: 128, size: 1, ipOptions: 0, tcpOptions: 0 },
  ];
  for (const { length, size, ...options } of cases) {
    const payload = bytes(length);
    const frame = tcpFrame({ payload, flags: 0x99, ...options });
    const offload = OFFLOAD_PARTIAL | Math.min(size, FRAME_MAXIMUM - frame.length + length);
    const each = offload & 0xffff;
    assert(offloadFits(frame, offload));
    const made = complete(frame, offload);
    assertEquals(made.length, Math.ceil(length / each));
    assertEquals(made.length, wireFrames(frame, offload));
    assertEquals(made.reduce((sum, one) => sum + one.length, 0), wireBytes(frame, offload));
    const last = made.length - 1;
    made.forEach((one, index) => {
      assert(checksumsHold(one), `checksums of segment ${index}`);
      assert(one.length <= FRAME_MAXIMUM);
      assert(offloadFits(one, 0));
      const fields = tcpFields(one);
      assertEquals(fields.payload, payload.slice(index * each, (index + 1) * each));
      assertEquals(fields.sequence, (0xfffffff0 + index * each) % 2 ** 32);
      assertEquals(fields.identification, (65_530 + index) & 0xffff);
      // FIN and PSH belong to the last, CWR to the first (0x80).
      assertEquals(fields.flags, (index === 0 ? 0x90 : 0x10) | (index === last ? 0x09 : 0));
      assertEquals(one.slice(0, 14), frame.slice(0, 14));
      assertEquals(one.slice(26, 34), frame.slice(26, 34));
    });
  }
});

Deno.test("a missing checksum of TCP or UDP is written, and never 0 for UDP", () => {
  for (const length of [0, 1, 2, 63, 999, 1448]) {
    for (const frame of [tcpFrame({ payload: bytes(length) }), udpFrame(bytes(length))]) {
      assert(!checksumsHold(frame));
      assert(offloadFits(frame, OFFLOAD_PARTIAL));
      const [one] = complete(frame, OFFLOAD_PARTIAL);
      assert(checksumsHold(one));
      assertEquals(one.length, frame.length);
    }
  }
  // Words that add up to 0xffff with the rest of the datagram make a checksum of 0.
  for (let i = 0; i < 0x10000; i++) {
    const [one] = complete(udpFrame(Uint8Array.of(i >> 8, i & 0xff)), OFFLOAD_PARTIAL);
    if (read(one, 40, 2) === 0xffff) return;
  }
  assert(false, "no datagram with the checksum 0xffff");
});

Deno.test("padding behind a packet is kept out of its checksum", () => {
  const frame = tcpFrame({ payload: bytes(3), tcpOptions: 0 });
  const padded = new Uint8Array(60).fill(0xee);
  padded.set(frame);
  assert(checksumsHold(complete(padded, OFFLOAD_PARTIAL)[0]));
});

Deno.test("what a sender says falsely about a frame is found", () => {
  const large = () => tcpFrame({ payload: bytes(20_000) });
  const small = () => tcpFrame({ payload: bytes(100) });
  const spoiled = (make: () => Uint8Array, at: number, value: number) => {
    const frame = make();
    frame[at] = value;
    return frame;
  };
  const cut = OFFLOAD_PARTIAL | 1448;
  assert(offloadFits(large(), cut));
  assert(offloadFits(small(), OFFLOAD_VALID));
  const wrong: [string, Uint8Array, number][] = [
    ["larger than a frame and not to be cut", large(), OFFLOAD_PARTIAL],
    ["larger than a frame and complete", large(), 0],
    ["to be cut and complete", small(), 100],
    ["segments larger than a frame", large(), OFFLOAD_PARTIAL | 1449],
    ["too many segments", large(), OFFLOAD_PARTIAL | Math.floor(20_000 / (SEGMENTS_MAXIMUM + 1))],
    ["unknown bits", small(), 1 << 20],
    ["a negative offload", small(), -1],
    ["no payload to cut", tcpFrame({ payload: bytes(0) }), cut],
    ["SYN", tcpFrame({ payload: bytes(3000), flags: 0x12 }), cut],
    ["RST", tcpFrame({ payload: bytes(3000), flags: 0x14 }), cut],
    ["URG", tcpFrame({ payload: bytes(3000), flags: 0x30 }), cut],
    ["UDP", udpFrame(bytes(3000)), cut],
    ["a group", spoiled(large, 0, 3), cut],
    ["not IPv4", spoiled(small, 12, 0x86), OFFLOAD_PARTIAL],
    ["version 6", spoiled(small, 14, 0x65), OFFLOAD_PARTIAL],
    ["a header of 16 bytes", spoiled(small, 14, 0x44), OFFLOAD_PARTIAL],
    [
      "a header longer than the packet",
      spoiled(() => udpFrame(bytes(1)), 14, 0x4f),
      OFFLOAD_PARTIAL,
    ],
    ["a packet longer than the frame", spoiled(small, 16, 0x7f), OFFLOAD_PARTIAL],
    ["a packet shorter than the frame to be cut", spoiled(large, 16, 0x10), cut],
    ["a fragment", spoiled(small, 20, 0x20), OFFLOAD_PARTIAL],
    ["the end of a fragmented packet", spoiled(small, 21, 1), OFFLOAD_PARTIAL],
    ["ICMP", spoiled(small, 23, 1), OFFLOAD_PARTIAL],
    ["a TCP header of 16 bytes", spoiled(small, 46, 0x40), OFFLOAD_PARTIAL],
    ["a TCP header longer than the packet", tcpFrame({ payload: bytes(0) }), OFFLOAD_PARTIAL],
    ["a UDP length that is wrong", spoiled(() => udpFrame(bytes(9)), 39, 0x10), OFFLOAD_PARTIAL],
    ["13 bytes", new Uint8Array(13), 0],
    ["more than an IPv4 packet", new Uint8Array(14 + 65_536), OFFLOAD_PARTIAL | 1448],
  ];
  wrong.find(([what]) => what.startsWith("a TCP header longer"))![1][46] = 0xf0;
  for (const [what, frame, offload] of wrong) assert(!offloadFits(frame, offload), what);
});

Deno.test("no bytes make the look at an offload throw or the completion write beyond a frame", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >> 8) % below;
  };
  let fitting = 0;
  for (let round = 0; round < 20_000; round++) {
    const frame = random(2)
      ? tcpFrame({ payload: bytes(random(4000)) })
      : udpFrame(bytes(random(400)));
    for (let n = random(4); n > 0; n--) frame[random(Math.min(frame.length, 64))] = random(256);
    const part = frame.subarray(0, random(8) === 0 ? random(frame.length) : frame.length);
    const offload = random(4) === 0 ? random(1 << 24) : OFFLOAD_PARTIAL | random(1600);
    if (!offloadFits(part, offload)) continue;
    fitting++;
    const made = complete(part, offload);
    assertEquals(made.length, wireFrames(part, offload));
    for (const one of made) assert(one.length <= FRAME_MAXIMUM);
  }
  assert(fitting > 2000, `${fitting} of 20000 fitted`);
});

Deno.test("an offload survives its virtio header, and a header that disagrees with its frame is refused", () => {
  const header = new Uint8Array(VIRTIO_HEADER_BYTES);
  const large = tcpFrame({ payload: bytes(9000), ipOptions: 4 });
  const cases: [Uint8Array, number][] = [
    [large, OFFLOAD_PARTIAL | 1000],
    [udpFrame(bytes(50)), OFFLOAD_PARTIAL],
    [tcpFrame({ payload: bytes(5) }), OFFLOAD_PARTIAL],
    [tcpFrame({ payload: bytes(5) }), OFFLOAD_VALID],
    [new Uint8Array(60), 0],
  ];
  for (const [frame, offload] of cases) {
    header.fill(0xff);
    writeVirtioHeader(header, frame, offload);
    assertEquals(readVirtioHeader(header, frame), offload);
  }
  writeVirtioHeader(header, large, OFFLOAD_PARTIAL | 1000);
  // As Linux writes it for this frame: struct virtio_net_hdr, little endian.
  assertEquals([...header], [1, 1, 70, 0, 0xe8, 3, 38, 0, 16, 0]);
  for (const [at, value] of [[0, 5], [0, 0], [1, 3], [1, 0x81], [4, 0], [6, 34], [6, 0], [8, 6]]) {
    writeVirtioHeader(header, large, OFFLOAD_PARTIAL | 1000);
    header[at] = value;
    if (at === 4) header[5] = 0;
    assertEquals(readVirtioHeader(header, large), -1, `byte ${at} = ${value}`);
  }
});

Deno.test("a frame is completed for those only who do not take it as it is", () => {
  const both = TAKES_CHECKSUM | TAKES_SEGMENTS;
  const taken = (offload: number) =>
    [0, TAKES_CHECKSUM, both].map((takes) => isTaken(offload, takes));
  assertEquals(taken(0), [true, true, true]);
  assertEquals(taken(OFFLOAD_VALID), [true, true, true]);
  assertEquals(taken(OFFLOAD_PARTIAL), [false, true, true]);
  assertEquals(taken(OFFLOAD_PARTIAL | 1448), [false, false, true]);
});
