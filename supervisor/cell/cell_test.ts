import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Cell, type CellListener } from "./cell.ts";
import { asRequestError, CellError } from "./error.ts";
import { COMMAND, HOST_BELL, type StateNotice } from "./protocol.ts";
import type { RequestError } from "../request_error.ts";

const STUB = new URL("../testing/stub_cell_worker.ts", import.meta.url);
const IMAGE = new Uint8Array(100_000).map((_, i) => i);

/** A cell with a stub kernel, and what it told; stopped at the end of the test. */
async function withCell(
  test: (cell: Cell, told: Told) => Promise<void>,
  listener: Partial<CellListener> = {},
): Promise<void> {
  const told = new Told();
  const cell = new Cell({
    poolBytes: 1 << 24,
    module: STUB,
    listener: { ...told.listener, ...listener },
  });
  try {
    await test(cell, told);
  } finally {
    await cell.stop();
  }
}

/** Everything a cell told, and a way to wait until it has told something. */
class Told {
  console: number[] = [];
  states = new Map<number, StateNotice>();
  frames: Uint8Array[] = [];
  died: string | undefined;
  #changed: (() => void)[] = [];

  listener: CellListener = {
    console: (_vm, bytes) => {
      this.console.push(...bytes);
      this.#wake();
    },
    state: (vm, notice) => {
      this.states.set(vm, notice);
      this.#wake();
    },
    frame: (frame) => {
      this.frames.push(frame.slice());
      this.#wake();
    },
    died: (reason) => {
      this.died = reason;
      this.#wake();
    },
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

async function startVm(cell: Cell, id: number, ...args: string[]): Promise<void> {
  await cell.loadImage(id, "stub", IMAGE);
  const order = { name: `vm-${id}`, image: id, memory: 1 << 20, args, env: {} };
  await cell.request(COMMAND.VM_CREATE, id, order);
  await cell.request(COMMAND.VM_START, id);
}

Deno.test("a VM runs in a cell and its end is told", () =>
  withCell(async (cell, told) => {
    await startVm(cell, 3, "exit", "7");
    await told.until(() => told.states.get(3)?.state === "stopped");
    assertEquals(told.states.get(3), {
      state: "stopped",
      exitCode: 7,
      reason: undefined,
      crash: undefined,
    });
    assertEquals(await cell.request(COMMAND.VM_REPORT, 3), { reason: "stopped", code: 7 });
  }));

Deno.test("input reaches a VM in order and whole, however small its buffer, then its end", () =>
  withCell(async (cell, told) => {
    await startVm(cell, 1, "echo");
    const text = new Uint8Array(20_000).map((_, i) => i * 7);
    await cell.request(COMMAND.KEYBOARD, 1, text);
    await cell.request(COMMAND.KEYBOARD_CLOSE, 1);
    await told.until(() => told.states.get(1)?.state === "stopped");
    assertEquals(told.console, [...text]);
  }));

Deno.test("a console that is read slowly holds its VM back and loses nothing", async () => {
  const bytes = 5_000_000;
  let received = 0, wrong = 0, calls = 0;
  let stopped = () => {};
  const ended = new Promise<void>((resolve) => stopped = resolve);
  await withCell(async (cell) => {
    await startVm(cell, 1, "print", String(bytes));
    await ended;
    assertEquals([received, wrong], [bytes, 0]);
  }, {
    console: async (_vm, piece) => {
      if (calls++ % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      for (const byte of piece) if (byte !== received++ % 251) wrong++;
    },
    state: (_vm, { state }) => {
      if (state === "stopped") stopped();
    },
  });
});

Deno.test("a refused request names the field and leaves the cell alive", () =>
  withCell(async (cell) => {
    const order = { name: "a", image: 1, memory: 4096, args: [], env: {} };
    const noImage = await assertRejects(
      () => cell.request(COMMAND.VM_CREATE, 1, order),
      CellError,
    );
    assertEquals(noImage.field, "image");
    const badImage = await assertRejects(
      () => cell.loadImage(1, "tiny", new Uint8Array(3)),
      CellError,
      "e_ident",
    );
    assertEquals(badImage.field, "image");
    await cell.loadImage(1, "stub", IMAGE);
    const small = await assertRejects(() => cell.request(COMMAND.VM_CREATE, 1, order), CellError);
    assertEquals(small.field, "memory");
    await assertRejects(() => cell.request(COMMAND.VM_START, 9), CellError, "got 9");
    assert(cell.alive);
  }));

Deno.test("what a cell refuses is told as what came and what was expected", () => {
  const cases: [string, string, string][] = [
    ["memory: expected a multiple, got 5", "got 5", "a multiple"],
    ["e_type: EI: expected 1 (a, b), got 2: link", "EI: got 2: link", "1 (a, b)"],
    ["p: expected 96 bytes, the file ends", "the file ends", "96 bytes"],
  ];
  for (const [text, message, expected] of cases) {
    const field = text.slice(0, text.indexOf(":"));
    const told = asRequestError(new CellError(text, field)) as RequestError;
    assertEquals([told.field, told.message, told.expected], [field, message, expected]);
  }
});

Deno.test("frames go in and come out unchanged", () =>
  withCell(async (cell, told) => {
    await startVm(cell, 1, "relay");
    const frames = [60, 1514, 14].map((length) => new Uint8Array(length).fill(length));
    for (const frame of frames) assert(cell.sendFrame(frame));
    await told.until(() => told.frames.length === 3);
    assertEquals(told.frames, frames);
  }));

Deno.test("a bug of the kernel ends the cell, is told with its message, and fails requests", () =>
  withCell(async (cell, told) => {
    await startVm(cell, 1, "bug");
    await told.until(() => told.died !== undefined);
    assertStringIncludes(told.died!, "injected kernel bug");
    assert(!cell.alive);
    assert(!cell.abandoned);
    await assertRejects(() => cell.request(COMMAND.VM_START, 1), CellError, "gone");
  }));

Deno.test("a cell whose heartbeat stands still is given up, and its requests fail", () =>
  withCell(async (cell, told) => {
    await startVm(cell, 1, "stall");
    const lost = assertRejects(() => cell.request(COMMAND.CELL_STATS, 0), CellError, "heartbeat");
    while (cell.alive) {
      cell.check(20);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await lost;
    assertStringIncludes(told.died!, "heartbeat");
    assert(cell.abandoned);
  }));

Deno.test("a cell that writes nonsense into a ring is given up", () =>
  withCell(async (cell, told) => {
    await startVm(cell, 1, "idle");
    const words = new Int32Array(cell.channel.outbox);
    Atomics.add(words, 0, 24);
    const status = new Int32Array(cell.channel.status);
    Atomics.add(status, HOST_BELL, 1);
    Atomics.notify(status, HOST_BELL);
    await told.until(() => told.died !== undefined);
    assert(!cell.alive);
  }));

Deno.test("a cell that was stopped is not reported as dead", async () => {
  const told = new Told();
  const cell = new Cell({ poolBytes: 1 << 24, module: STUB, listener: told.listener });
  await startVm(cell, 1, "idle");
  assert(await cell.stop());
  assertEquals(told.died, undefined);
  assert(!cell.abandoned);
});
