import { assert, assertEquals } from "@std/assert";
import { get32 } from "./bytes.ts";
import { IPV4_PAYLOAD } from "./ipv4.ts";
import { TCP_LIMITS } from "./tcp_connection.ts";
import { SackBoard } from "./tcp_sack.ts";
import { Simulation } from "./simulation.ts";
import {
  assertSameBytes,
  collect,
  connectPair,
  randomBytes,
  transmit,
} from "./simulation_streams.ts";

const MSS = 100;

Deno.test("ranges are joined, and count what is missing between them, across the end of the numbers", () => {
  for (const base of [0, -250, 0x7fffff00]) {
    const board = new SackBoard();
    const add = (start: number, end: number) =>
      board.add((base + start) | 0, (base + end) | 0, base, (base + 2000) | 0);
    add(300, 400);
    add(500, 600);
    add(600, 700);
    add(350, 450);
    assertEquals(board.bytes, 350);
    assertEquals(board.missing(base, (base + 700) | 0), 350);
    assertEquals(board.hole(base, (base + 700) | 0), { start: base, end: (base + 300) | 0 });
    const second = { start: (base + 450) | 0, end: (base + 500) | 0 };
    assertEquals(board.hole((base + 300) | 0, (base + 700) | 0), second);
    assertEquals(board.hole((base + 500) | 0, (base + 700) | 0), null);
    board.discard((base + 450) | 0);
    assertEquals(board.bytes, 200);
    // Not between what is acknowledged and what was sent.
    add(-50, 100);
    add(1900, 2001);
    add(800, 800);
    assertEquals(board.bytes, 200);
  }
});

Deno.test("what lies before three segments that arrived is lost, and nothing else", () => {
  const board = new SackBoard();
  const lost = () => board.lostBefore(0, MSS);
  board.add(300, 500, 0, 2000);
  assertEquals(lost(), 0);
  board.add(500, 501, 0, 2000);
  assertEquals(lost(), 300);
  board.clear();
  for (const at of [300, 500, 700]) board.add(at, at + 1, 0, 2000);
  assertEquals(lost(), 300);
});

Deno.test("a peer that names thousands of ranges is remembered within a bound", () => {
  const board = new SackBoard();
  for (let at = 1; at < 100_000; at += 10) board.add(at, at + 1, 0, 1 << 20);
  assert(board.bytes <= 64);
});

Deno.test("every other segment of a flight can be lost: that costs no timeout, and only they are sent again", async () => {
  const world = new Simulation();
  const [a, b] = world.pair({ delay: 5 });
  const { client, server } = await connectPair(world, a, b);
  const seen = new Set<number>();
  let lost = 0, at = 0;
  world.tap = (frame, from) => {
    if (from !== 0 || frame.length < 1514) return true;
    const sequence = get32(frame, IPV4_PAYLOAD + 4);
    const again = seen.has(sequence);
    seen.add(sequence);
    if (seen.size === 120) at = world.now;
    const drop = !again && world.now === at && seen.size % 2 === 0;
    if (drop) lost++;
    return !drop;
  };
  const bytes = randomBytes(600_000);
  const [received] = await world.run(Promise.all([collect(server), transmit(client, bytes)]));
  assertSameBytes(received, bytes);
  const { fastRetransmissions, retransmissions, timeouts } = a.stats().tcp;
  assert(lost > 5, `${lost} segments were lost`);
  assertEquals([fastRetransmissions, retransmissions, timeouts], [1, lost, 0]);
  assertEquals(b.stats().tcp.duplicates, 0);
  assert(a.stats().unread + b.stats().unread <= TCP_LIMITS.budget);
});
