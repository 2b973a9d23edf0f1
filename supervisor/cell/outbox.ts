/**
 * Reads what a cell has to tell and checks it before anybody believes it.
 *
 * A handler of console output may return a promise: back-pressure from a slow terminal to that VM
 * (console_flow.ts).
 */

import type { RingReader } from "../../devices/ring.ts";
import { ConsoleFlows, type ConsoleTakers } from "./console_flow.ts";
import {
  CAPTURE_HEAD_BYTES,
  decode,
  NOTICE,
  type Refusal,
  type StateNotice,
  VM_STATES,
} from "./protocol.ts";

export interface OutboxHandlers extends ConsoleTakers {
  reply(sequence: number, value: unknown): void;
  failure(sequence: number, refusal: Refusal): void;
  capture(vm: number, record: Uint8Array<ArrayBuffer>, length: number): void;
}

export class CellOutbox {
  readonly #ring: RingReader;
  readonly #handlers: OutboxHandlers;
  readonly #consoles: ConsoleFlows;

  constructor(ring: RingReader, handlers: OutboxHandlers) {
    this.#ring = ring;
    this.#handlers = handlers;
    this.#consoles = new ConsoleFlows(handlers);
  }

  /** A record waits. */
  get waiting(): boolean {
    return !this.#ring.empty;
  }

  /** Takes at most `records`; true if it made room. Throws for what a cell of ours never writes. */
  drain(records: number): boolean {
    let taken = 0;
    while (taken < records && this.#ring.next()) {
      const { kind, subject, sequence } = this.#ring;
      const payload = this.#ring.copy();
      this.#ring.release();
      taken++;
      this.#dispatch(kind, subject, sequence, payload);
    }
    this.#consoles.giveBack();
    return taken > 0;
  }

  /** The cell is over: nothing more is handed out. */
  close(): void {
    this.#consoles.close();
  }

  #dispatch(
    kind: number,
    subject: number,
    sequence: number,
    payload: Uint8Array<ArrayBuffer>,
  ): void {
    switch (kind) {
      case NOTICE.CONSOLE:
        return this.#consoles.console(subject, payload);
      case NOTICE.REPLY:
        return this.#handlers.reply(sequence, decode(payload));
      case NOTICE.FAILURE:
        return this.#handlers.failure(sequence, checkRefusal(decode(payload)));
      case NOTICE.CAPTURE:
        return this.#handlers.capture(subject, checkCapture(payload), sequence);
      case NOTICE.STATE:
        return this.#consoles.state(subject, checkState(decode(payload)));
      default:
        throw new TypeError(`expected a notice, got a record of kind ${kind}`);
    }
  }
}

function checkCapture(record: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (record.length >= CAPTURE_HEAD_BYTES) return record;
  throw new TypeError(`expected a captured frame, got ${record.length} bytes`);
}

function checkRefusal(value: unknown): Refusal {
  const { message, field } = (value ?? {}) as Record<string, unknown>;
  if (typeof message !== "string" || !isOptionalText(field)) {
    throw new TypeError("expected a refusal with a message");
  }
  return { message, field };
}

function checkState(value: unknown): StateNotice {
  const { state, exitCode, reason, crash } = (value ?? {}) as Record<string, unknown>;
  const known = VM_STATES.find((name) => name === state);
  if (
    known === undefined || (exitCode !== undefined && !Number.isInteger(exitCode)) ||
    !isOptionalText(reason) || !isOptionalText(crash)
  ) {
    throw new TypeError(`expected the state of a VM, got ${JSON.stringify(value)?.slice(0, 200)}`);
  }
  return { state: known, exitCode: exitCode as number | undefined, reason, crash };
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
