import { assert, assertEquals } from "@std/assert";
import { RingReader, RingWriter } from "../../devices/ring.ts";
import type { CellKernel } from "./kernel.ts";
import { runCell } from "./loop.ts";
import { CELL_STATE, COMMAND, createChannel, encode, LIFE, STOP } from "./protocol.ts";

Deno.test("commands that take long leave VMs their turns, and all are answered", () => {
  const channel = createChannel();
  const words = new Int32Array(channel.status);
  const inbox = new RingWriter(channel.inbox);
  const COMMANDS = 100, COST_US = 500;
  for (let n = 1; n <= COMMANDS; n++) inbox.write(COMMAND.CELL_STATS, 0, n, encode(undefined));
  let now = 0, answered = 0, most = 0, since = 0;
  const kernel: Partial<CellKernel> = {
    vms: new Map(),
    runnable: true,
    stats() {
      now += COST_US;
      since++;
      return ++answered;
    },
    run() {
      most = Math.max(most, since);
      since = 0;
      if (answered === COMMANDS) Atomics.store(words, STOP, 1);
      return 0;
    },
    nextDeadline: () => Infinity,
  };
  const clock = { monotonic: () => now, wall: () => now };
  runCell({ channel, options: { poolBytes: 1 << 20 } }, clock, {
    create: () => kernel as CellKernel,
    crashText: () => "",
  });
  assertEquals(Atomics.load(words, LIFE), CELL_STATE.STOPPED);
  assert(most <= 5, `${most} commands in one turn`);
  const outbox = new RingReader(channel.outbox);
  let answers = 0;
  while (outbox.next()) {
    answers++;
    outbox.release();
  }
  assertEquals(answers, COMMANDS);
});
