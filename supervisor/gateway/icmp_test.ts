import { assertEquals } from "@std/assert";
import { ADDRESS_A, ADDRESS_B, Simulation } from "./simulation.ts";

const ELSEWHERE = 0xc6336407; // 198.51.100.7
const ECHO = 8, UNREACHABLE = 3, TIME_EXCEEDED = 11;

/** A packet from B to `to` in a frame for A: 16 bytes of `protocol`, ICMP of a type. */
function packet(to: number, protocol: number, type = 0): Uint8Array {
  const frame = new Uint8Array(50);
  const view = new DataView(frame.buffer);
  frame.set([2, 0x44, 0x4e, 0, 0, 1, 2, 0x44, 0x4e, 0, 0, 2, 8, 0, 0x45]);
  view.setUint16(16, 36);
  frame.set([64, protocol], 22);
  view.setUint32(26, ADDRESS_B);
  view.setUint32(30, to);
  view.setUint16(24, checksum(view, 14, 34));
  frame[34] = type;
  view.setUint16(36, checksum(view, 34, 50));
  return frame;
}

function checksum(view: DataView, start: number, end: number): number {
  let total = 0;
  for (let at = start; at < end; at += 2) total += view.getUint16(at);
  return ~((total & 0xffff) + (total >>> 16)) & 0xffff;
}

Deno.test("what the gateway does not take is answered with ICMP, but never an ICMP error", async () => {
  const world = new Simulation();
  const [gateway] = world.pair();
  const answers: string[] = [];
  world.tap = (frame, from) => {
    if (from !== 0 || frame[12] !== 8 || frame[13] !== 0) return true;
    const view = new DataView(frame.buffer, frame.byteOffset);
    const addresses = [view.getUint32(26), view.getUint32(30), view.getUint32(58)];
    assertEquals(checksum(view, 34, frame.length), 0);
    answers.push(`${frame[34]}/${frame[35]} ${addresses.map((a) => a.toString(16)).join(" ")}`);
    return true;
  };
  const put = (...of: Parameters<typeof packet>) => gateway.receive(packet(...of));
  const [b, elsewhere, own] = [ADDRESS_B, ELSEWHERE, ADDRESS_A].map((a) => a.toString(16));
  put(ELSEWHERE, 1, ECHO);
  put(ELSEWHERE, 132);
  put(ADDRESS_A, 132);
  await world.pass(10);
  assertEquals(answers.splice(0), [
    `3/13 ${elsewhere} ${b} ${elsewhere}`,
    `3/13 ${elsewhere} ${b} ${elsewhere}`,
    `3/2 ${own} ${b} ${own}`,
  ]);
  put(ELSEWHERE, 1, UNREACHABLE);
  put(ELSEWHERE, 1, TIME_EXCEEDED);
  put(ADDRESS_A, 1, TIME_EXCEEDED);
  put(0xffffffff, 132);
  await world.pass(10);
  assertEquals(answers, []);
});
