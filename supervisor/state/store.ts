/**
 * What outlives the process, and how writes get there: one commit for many.
 *
 * SQLite is synchronous and waits for the disk, so with a data folder it has a thread of its own; frames
 * and requests do not wait with it. While one commit is under way all further writes gather for the
 * next, in their order: a thousand VMs that are made at once cost a few commits.
 *
 * Rules for callers: what is acknowledged must be awaited (`write`); what nobody waits for is noted
 * (`note`) and goes with the next commit, after at most NOTE_MS. A batch that fails is lost as a whole;
 * its writers are told, and `failure` says why until a later one succeeds.
 */

import { RequestError } from "../request_error.ts";
import { type Database, openDatabase } from "./database.ts";
import type { ReadName, Row, Value, Write } from "./statements.ts";
import { openThread } from "./thread.ts";

const NOTE_MS = 100;

/** Where batches go. */
export interface Backend {
  write(writes: readonly Write[]): Promise<void>;
  read(name: ReadName, values: readonly Value[]): Promise<Row[]>;
  close(): Promise<void>;
}

export class StateStore {
  /** False: it is gone with the process. */
  readonly durable: boolean;
  readonly #backend: Backend;
  #batch: Write[] = [];
  /** Those who wait for the batch that gathers. */
  #next = Promise.withResolvers<void>();
  #busy: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failure: string | undefined;
  #commits = 0;
  #closed = false;

  constructor(backend: Backend, durable: boolean) {
    this.#backend = backend;
    this.durable = durable;
    this.#next.promise.catch(() => {});
  }

  /** In `state.db` of a data folder, or in memory. Throws an Error that says what to do. */
  static async open(dataFolder?: string): Promise<StateStore> {
    if (dataFolder === undefined) return new StateStore(inMemory(openDatabase(":memory:")), false);
    await Deno.mkdir(dataFolder, { recursive: true, mode: 0o700 });
    return new StateStore(await openThread(await Deno.realPath(dataFolder)), true);
  }

  /** Why the last batch was lost. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Commits so far. */
  get commits(): number {
    return this.#commits;
  }

  /** Resolves when these, and all before them, are on stable storage. */
  write(...writes: Write[]): Promise<void> {
    if (this.#closed) {
      const ended = new RequestError("server", "it has ended", "a running server", 503);
      return Promise.reject(ended);
    }
    this.#batch.push(...writes);
    const { promise } = this.#next;
    this.#start();
    return promise;
  }

  /** As `write`, for what nobody waits for. */
  note(...writes: Write[]): void {
    this.#batch.push(...writes);
    if (this.#busy === undefined) this.#timer ??= setTimeout(() => this.#start(), NOTE_MS);
  }

  /** Sees all writes before it. */
  async read(name: ReadName, ...values: Value[]): Promise<Row[]> {
    if (this.#batch.length > 0) await this.write().catch(() => {});
    return await this.#backend.read(name, values);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#batch.length > 0) this.#start();
    while (this.#busy !== undefined) await this.#busy;
    clearTimeout(this.#timer);
    await this.#backend.close();
  }

  #start(): void {
    this.#busy ??= this.#commit().finally(() => {
      this.#busy = undefined;
      if (this.#batch.length > 0) this.#start();
    });
  }

  async #commit(): Promise<void> {
    // What is asked in the same turn of the event loop goes into the same commit.
    await Promise.resolve();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { resolve, reject } = this.#next;
    const writes = this.#batch;
    this.#batch = [];
    this.#next = Promise.withResolvers();
    this.#next.promise.catch(() => {});
    try {
      if (writes.length > 0) await this.#backend.write(writes);
      this.#commits++;
      this.#failure = undefined;
      resolve();
    } catch (error) {
      this.#failure = (error as Error).message;
      reject(new StateError(this.#failure));
    }
  }
}

/** A write that is not kept: whoever asked for the change is refused. */
export class StateError extends RequestError {
  constructor(message: string) {
    super("state", message, "room in the data folder, which can be written", 507);
  }
}

function inMemory(database: Database): Backend {
  return {
    write: (writes) => Promise.try(() => database.write(writes)),
    read: (name, values) => Promise.try(() => database.read(name, values)),
    close: () => Promise.try(() => database.close()),
  };
}
