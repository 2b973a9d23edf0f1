/**
 * What a cell does: take what came in, run VMs, hand out what they made, sleep.
 *
 * One synchronous loop; while it runs this thread's event loop does not, so nothing here may be a
 * promise, a timer or a message. The loop is the cell's only entry to the kernel and knows nothing
 * of Deno, so that tests can run it with a kernel that is broken on purpose.
 *
 * Failures: what a guest does wrong stays in the kernel. What a request asks wrongly is answered with
 * a FAILURE. Anything else that is thrown is a bug of ours; `runCell` writes it to the status words,
 * and the cell is over.
 */

import { Doorbell, RingReader, RingWriter } from "../../devices/ring.ts";
import { executeCommand } from "./commands.ts";
import { CellConsoles } from "./consoles.ts";
import { CellImages } from "./images.ts";
import type { CellKernel, CellVm, KernelFactory } from "./kernel.ts";
import { KeyboardQueues } from "./keyboards.ts";
import {
  CAPTURE_HEAD_BYTES,
  CELL_BELL,
  CELL_STATE,
  type CellStart,
  CHUNK_BYTES,
  COMMAND,
  encode,
  FRAME,
  HEARTBEAT,
  HOST_BELL,
  INBOX_WAIT,
  LIFE,
  MESSAGE_BYTE,
  MESSAGE_LENGTH,
  MESSAGE_MAXIMUM,
  NOTICE,
  OUTBOX_WAIT,
  type StateNotice,
  STOP,
} from "./protocol.ts";
import type { Clock } from "../../kernel/clock.ts";

/** Instructions between two looks at the inbox: about a millisecond of guest time. */
const ROUND_BUDGET = 50_000;
/** Records taken per turn, and for how long commands are, so that a flood of them does not keep VMs from running. */
const RECORDS_PER_TURN = 512, COMMANDS_US = 2000;
/** Longest sleep: the heartbeat must be seen to move. */
const HEARTBEAT_MS = 1000;

/** Thrown through the kernel to leave a cell that waits for room in its outbox. Not a failure. */
class Stopped extends Error {}

interface Command {
  readonly kind: number;
  readonly subject: number;
  readonly sequence: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Runs a cell until it is told to stop or dies; never throws. */
export function runCell(start: CellStart, clock: Clock, factory: KernelFactory): void {
  const words = new Int32Array(start.channel.status);
  let life: number = CELL_STATE.STOPPED;
  try {
    new CellLoop(start, clock, factory).run();
  } catch (error) {
    if (!(error instanceof Stopped)) {
      life = CELL_STATE.DIED;
      writeMessage(start.channel.status, error);
    }
  }
  Atomics.store(words, LIFE, life);
  new Doorbell(words, HOST_BELL).ring();
}

function writeMessage(status: SharedArrayBuffer, error: unknown): void {
  const text = error instanceof Error ? error.stack ?? String(error) : String(error);
  const bytes = new TextEncoder().encode(text).subarray(0, MESSAGE_MAXIMUM);
  new Uint8Array(status, MESSAGE_BYTE).set(bytes);
  Atomics.store(new Int32Array(status), MESSAGE_LENGTH, bytes.length);
}

class CellLoop {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bell: Doorbell;
  readonly #hostBell: Doorbell;
  readonly #inbox: RingReader;
  readonly #framesIn: RingReader;
  readonly #outbox: RingWriter;
  readonly #framesOut: RingWriter;
  readonly #clock: Clock;
  readonly #deterministic: boolean;
  readonly #factory: KernelFactory;
  readonly #kernel: CellKernel;
  readonly #images = new CellImages();
  readonly #keyboards: KeyboardQueues;
  readonly #consoles: CellConsoles;
  /** Commands that came while a deterministic VM waited for its console. */
  readonly #deferred: Command[] = [];
  /** State last told per VM, to tell changes only and never idle <-> running. */
  readonly #told = new WeakMap<CellVm, string>();
  /** Something was written for the supervisor since its bell was last rung. */
  #news = false;

  constructor({ channel, options }: CellStart, clock: Clock, factory: KernelFactory) {
    this.#words = new Int32Array(channel.status);
    this.#bell = new Doorbell(this.#words, CELL_BELL);
    this.#hostBell = new Doorbell(this.#words, HOST_BELL);
    this.#inbox = new RingReader(channel.inbox);
    this.#framesIn = new RingReader(channel.framesIn);
    this.#outbox = new RingWriter(channel.outbox);
    this.#framesOut = new RingWriter(channel.framesOut);
    this.#clock = clock;
    this.#deterministic = options.deterministic ?? false;
    this.#factory = factory;
    this.#consoles = new CellConsoles(this.#outbox);
    this.#kernel = factory.create({
      console: (vm, bytes) => this.#console(vm, bytes),
      // When a VM may go on must not depend on the supervisor's speed if the run is to be repeated.
      consoleRoom: this.#deterministic ? undefined : (vm) => this.#consoles.room(vm),
      state: (vm) => this.#state(vm),
      uplink: (frame, offload) => this.#uplink(frame, offload),
    });
    this.#keyboards = new KeyboardQueues(
      this.#kernel,
      (vm, sequence) => this.#send(NOTICE.REPLY, vm, sequence, encode(undefined)),
    );
  }

  run(): void {
    Atomics.store(this.#words, LIFE, CELL_STATE.RUNNING);
    this.#news = true;
    for (;;) {
      const seen = this.#bell.value;
      Atomics.add(this.#words, HEARTBEAT, 1);
      if (Atomics.load(this.#words, STOP) !== 0) return;
      this.#takeCommands();
      this.#ringHost();
      this.#takeFrames();
      this.#kernel.run(ROUND_BUDGET);
      this.#resumeConsoles();
      if (this.#keyboards.waiting && (!this.#deterministic || this.#quiet())) {
        this.#keyboards.feed();
      }
      this.#ringHost();
      const sleep = this.#sleepMilliseconds();
      if (sleep > 0) this.#bell.wait(seen, sleep);
    }
  }

  #takeCommands(): void {
    for (let command; (command = this.#deferred.shift()) !== undefined;) this.#execute(command);
    const end = this.#clock.monotonic() + COMMANDS_US;
    for (let n = 0; n < RECORDS_PER_TURN && this.#inbox.next(); n++) {
      this.#execute(this.#readCommand());
      if (this.#clock.monotonic() > end) break;
    }
    if (Atomics.exchange(this.#words, INBOX_WAIT, 0) !== 0) this.#news = true;
  }

  #readCommand(): Command {
    const { kind, subject, sequence } = this.#inbox;
    const payload = this.#inbox.copy();
    this.#inbox.release();
    return { kind, subject, sequence, payload };
  }

  #execute({ kind, subject, sequence, payload }: Command): void {
    const answer = executeCommand(
      {
        kernel: this.#kernel,
        images: this.#images,
        keyboards: this.#keyboards,
        consoles: this.#consoles,
        capture: (vm, snap) => this.#capture(vm, snap),
      },
      kind,
      subject,
      sequence,
      payload,
    );
    if (answer !== undefined) this.#send(answer.kind, subject, sequence, encode(answer.value));
  }

  #capture(vm: CellVm, snap: number): void {
    if (snap === 0) return this.#kernel.capture(vm, null);
    const record = new Uint8Array(CAPTURE_HEAD_BYTES + snap);
    const time = new Float64Array(record.buffer, 0, 1);
    this.#kernel.capture(vm, (frame) => {
      // Commands and consoles come first: who looks on must not slow down what is looked at.
      if (this.#outbox.used > this.#outbox.capacity / 2) return;
      const bytes = Math.min(snap, frame.length);
      time[0] = this.#clock.wall();
      record.set(frame.subarray(0, bytes), CAPTURE_HEAD_BYTES);
      const end = CAPTURE_HEAD_BYTES + bytes;
      this.#outbox.write(NOTICE.CAPTURE, vm.id, frame.length, record, 0, end);
      this.#news = true;
    });
  }

  #takeFrames(): void {
    for (let n = 0; n < RECORDS_PER_TURN && this.#framesIn.next(); n++) {
      this.#kernel.receive(this.#framesIn.payload(), this.#framesIn.subject);
      this.#framesIn.release();
    }
  }

  #quiet(): boolean {
    return !this.#kernel.runnable && this.#kernel.nextDeadline() === Infinity;
  }

  #sleepMilliseconds(): number {
    if (this.#kernel.runnable || !this.#inbox.empty || !this.#framesIn.empty) return 0;
    const deadline = this.#kernel.nextDeadline();
    if (deadline === Infinity) return HEARTBEAT_MS;
    if (this.#deterministic) return 0;
    return Math.min(HEARTBEAT_MS, (deadline - this.#clock.monotonic()) / 1000);
  }

  #ringHost(): void {
    if (!this.#news) return;
    this.#news = false;
    this.#hostBell.ring();
  }

  #console(vm: CellVm, bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
      const end = Math.min(bytes.length, start + CHUNK_BYTES);
      while (this.#consoles.window(vm) < end - start) this.#waitForConsole();
      this.#send(NOTICE.CONSOLE, vm.id, 0, bytes, start, end);
      this.#consoles.sent(vm, end - start);
    }
  }

  /** Only in a deterministic cell: blocks it until the supervisor has consumed output. */
  #waitForConsole(): void {
    const seen = this.#bell.value;
    if (Atomics.load(this.#words, STOP) !== 0) throw new Stopped();
    Atomics.add(this.#words, HEARTBEAT, 1);
    let consumed = false;
    while (this.#inbox.next()) {
      const command = this.#readCommand();
      // Whatever else it is, the kernel runs now and must not be called.
      if (command.kind !== COMMAND.CONSOLE_CONSUMED) this.#deferred.push(command);
      else {
        this.#execute(command);
        consumed = true;
      }
    }
    if (Atomics.exchange(this.#words, INBOX_WAIT, 0) !== 0) this.#news = true;
    this.#ringHost();
    if (!consumed) this.#bell.wait(seen, HEARTBEAT_MS);
  }

  #resumeConsoles(): void {
    if (!this.#consoles.waiting) return;
    // The flag goes up before the look, so that room made in between is not missed.
    Atomics.store(this.#words, OUTBOX_WAIT, 1);
    this.#consoles.resume(this.#kernel);
  }

  #state(vm: CellVm): void {
    const state = vm.state === "idle" ? "running" : vm.state;
    if (this.#told.get(vm) === state) return;
    this.#told.set(vm, state);
    const notice: StateNotice = {
      state: state as StateNotice["state"],
      exitCode: vm.exitCode ?? undefined,
      reason: vm.crash?.reason ?? (vm.pauseReason || undefined),
      crash: vm.crash ? this.#factory.crashText(vm) : undefined,
    };
    this.#send(NOTICE.STATE, vm.id, 0, encode(notice));
  }

  #uplink(frame: Uint8Array, offload: number): boolean {
    this.#news = true;
    return this.#framesOut.write(FRAME, offload, 0, frame);
  }

  /** Waits for room, which the supervisor makes at every turn of its own. */
  #send(
    kind: number,
    subject: number,
    sequence: number,
    payload: Uint8Array,
    start = 0,
    end = payload.length,
  ): void {
    this.#news = true;
    while (!this.#outbox.write(kind, subject, sequence, payload, start, end)) {
      Atomics.store(this.#words, OUTBOX_WAIT, 1);
      const seen = this.#bell.value;
      if (this.#outbox.write(kind, subject, sequence, payload, start, end)) break;
      if (Atomics.load(this.#words, STOP) !== 0) throw new Stopped();
      Atomics.add(this.#words, HEARTBEAT, 1);
      this.#hostBell.ring();
      this.#bell.wait(seen, HEARTBEAT_MS);
    }
  }
}
