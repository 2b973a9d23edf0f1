/**
 * What happened, oldest first, for operators. The last are in memory; a store keeps more of them and
 * keeps them beyond the process.
 */

const EVENTS = 1000;
/** Events that one step of `follow` hands out at most. */
const PAGE = 500;

export interface SupervisorEvent {
  /** Rises by one with each event. */
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  /** `vm.created`, `vm.running`, `vm.crashed`, `cell.died` ... */
  readonly type: string;
  /** Number of the VM it is about. */
  readonly vm?: number;
  readonly message?: string;
}

/** Where events are kept that are no longer in memory. */
export interface EventStore {
  /** Number of the last event of an earlier process. */
  readonly last: number;
  keep(event: SupervisorEvent): void;
  /** The oldest with greater ids, at most `limit`. */
  read(after: number, limit: number): Promise<SupervisorEvent[]>;
}

export class EventLog {
  readonly #store: EventStore | undefined;
  readonly #events: SupervisorEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #last: number;
  #closed = false;

  constructor(store?: EventStore) {
    this.#store = store;
    this.#last = store?.last ?? 0;
  }

  /** Number of the last event. */
  get last(): number {
    return this.#last;
  }

  add(type: string, vm?: number, message?: string): void {
    const event = { id: ++this.#last, time: new Date().toISOString(), type, vm, message };
    this.#events.push(event);
    // In lumps: taking one off the front of an array for each event would cost more.
    if (this.#events.length >= 2 * EVENTS) this.#events.splice(0, EVENTS);
    this.#store?.keep(event);
    for (const wake of [...this.#waiting]) wake();
  }

  /** Events with a greater id that are in memory, oldest first, at most EVENTS. */
  after(id = 0): SupervisorEvent[] {
    return this.#events.slice(-EVENTS).filter((event) => event.id > id);
  }

  /** Events with a greater id, the oldest that are kept first, at most `limit`. */
  async since(id: number, limit: number): Promise<SupervisorEvent[]> {
    if (id >= this.#last) return [];
    const first = this.#events[0]?.id ?? Infinity;
    if (id + 1 >= first || this.#store === undefined) {
      const start = Math.max(0, id + 1 - first);
      return this.#events.slice(start, start + limit);
    }
    return await this.#store.read(id, limit);
  }

  /**
   * Pages of events with greater ids, and those that come; without `after` only those that come. An
   * empty page after so many milliseconds without any. A reader that is slow costs nothing. An id that
   * is yet to come is of another log, or of this one's past life: then those that come, too.
   */
  follow(after = this.#last, quietMs = Infinity): AsyncGenerator<SupervisorEvent[], void> {
    return this.#pages(Math.min(after, this.#last), quietMs);
  }

  async *#pages(at: number, quietMs: number): AsyncGenerator<SupervisorEvent[], void> {
    while (!this.#closed) {
      const page = await this.since(at, PAGE);
      if (page.length > 0) at = page[page.length - 1].id;
      yield page;
      if (at >= this.#last && !this.#closed) await this.#next(quietMs);
    }
  }

  /** Ends every `follow`. */
  close(): void {
    this.#closed = true;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves with the next event, or after so many milliseconds. */
  #next(quietMs: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      if (quietMs !== Infinity) timer = setTimeout(wake, quietMs);
      this.#waiting.add(wake);
    });
  }
}
