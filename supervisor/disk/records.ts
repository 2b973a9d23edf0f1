/** What is known of each disk besides its bytes. */

import type { StateStore } from "../state/store.ts";

export interface DiskRecord {
  readonly name: string;
  /** Of BLOCK_BYTES. */
  readonly blocks: number;
  /** ISO 8601. */
  readonly created: string;
}

/** A change counts, and is on stable storage if anything is, when its promise is fulfilled. */
export interface DiskRecords {
  list(): readonly DiskRecord[];
  get(name: string): DiskRecord | undefined;
  put(record: DiskRecord): Promise<void>;
  delete(name: string): Promise<void>;
}

/** In the state database. */
export async function openDiskRecords(state: StateStore): Promise<DiskRecords> {
  const records = new Map<string, DiskRecord>();
  for (const { record } of await state.read("disks")) {
    const read = JSON.parse(String(record)) as DiskRecord;
    records.set(read.name, read);
  }
  return {
    list: () => [...records.values()].sort((a, b) => a.name < b.name ? -1 : 1),
    get: (name) => records.get(name),
    async put(record) {
      await state.write(["disk.put", record.name, JSON.stringify(record)]);
      records.set(record.name, record);
    },
    async delete(name) {
      await state.write(["disk.delete", name]);
      records.delete(name);
    },
  };
}
