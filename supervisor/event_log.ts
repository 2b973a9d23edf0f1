/** The last things that happened, oldest first, for operators. Bounded. */

const EVENTS = 1000;

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

export class EventLog {
  readonly #events: SupervisorEvent[] = [];
  #last = 0;

  add(type: string, vm?: number, message?: string): void {
    this.#events.push({ id: ++this.#last, time: new Date().toISOString(), type, vm, message });
    // In lumps: taking one off the front of an array for each event would cost more.
    if (this.#events.length >= 2 * EVENTS) this.#events.splice(0, EVENTS);
  }

  /** Events with a greater id, oldest first, at most EVENTS. */
  after(id = 0): SupervisorEvent[] {
    return this.#events.slice(-EVENTS).filter((event) => event.id > id);
  }
}
