/** Events as the state store keeps them: many more than in memory, and a bounded number. */

import type { EventStore, SupervisorEvent } from "../event_log.ts";
import type { StateStore } from "./store.ts";

const KEPT = 100_000, TRIM_EVERY = 1000;

export async function openEventStore(state: StateStore): Promise<EventStore> {
  const [{ id }] = await state.read("events.last");
  return {
    last: id as number,
    keep({ id, time, type, vm = null, message = null }) {
      state.note(["event.add", id, time, type, vm, message]);
      if (id % TRIM_EVERY === 0 && id > KEPT) state.note(["event.trim", id - KEPT]);
    },
    async read(after, limit) {
      const rows = await state.read("events", after, limit);
      return rows.map(({ id, time, type, vm, message }) => ({
        id,
        time,
        type,
        ...vm !== null && { vm },
        ...message !== null && { message },
      })) as unknown as SupervisorEvent[];
    },
  };
}
