/**
 * Reads what a cell has to tell and checks it before anybody believes it.
 *
 * A handler of console output may return a promise; nothing more is read until it is fulfilled, so
 * the ring fills and the cell waits: back-pressure from a slow terminal to the guest.
 */

import type { RingReader } from "../devices/ring.ts";
import { decode, NOTICE, type Refusal, type StateNotice, VM_STATES } from "./protocol.ts";

export interface OutboxHandlers {
  console(vm: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  state(vm: number, notice: StateNotice): void;
  reply(sequence: number, value: unknown): void;
  failure(sequence: number, refusal: Refusal): void;
}

export class CellOutbox {
  readonly #ring: RingReader;
  readonly #handlers: OutboxHandlers;
  #held = false;

  constructor(ring: RingReader, handlers: OutboxHandlers) {
    this.#ring = ring;
    this.#handlers = handlers;
  }

  /** A record waits. */
  get waiting(): boolean {
    return !this.#held && !this.#ring.empty;
  }

  /**
   * Takes at most `records`; true if it made room. `resume` is called when a handler that held the
   * reading back is done. Throws for what a cell of ours never writes.
   */
  drain(records: number, resume: () => void): boolean {
    let taken = 0;
    while (!this.#held && taken < records && this.#ring.next()) {
      const { kind, subject, sequence } = this.#ring;
      const payload = this.#ring.copy();
      this.#ring.release();
      taken++;
      const pending = this.#dispatch(kind, subject, sequence, payload);
      if (pending instanceof Promise) {
        this.#held = true;
        pending.finally(() => {
          this.#held = false;
          resume();
        });
      }
    }
    return taken > 0;
  }

  #dispatch(
    kind: number,
    subject: number,
    sequence: number,
    payload: Uint8Array<ArrayBuffer>,
  ): void | Promise<void> {
    switch (kind) {
      case NOTICE.CONSOLE:
        return this.#handlers.console(subject, payload);
      case NOTICE.REPLY:
        return this.#handlers.reply(sequence, decode(payload));
      case NOTICE.FAILURE:
        return this.#handlers.failure(sequence, checkRefusal(decode(payload)));
      case NOTICE.STATE:
        return this.#handlers.state(subject, checkState(decode(payload)));
      default:
        throw new TypeError(`expected a notice, got a record of kind ${kind}`);
    }
  }
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
