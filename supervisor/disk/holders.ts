/**
 * Which VMs have which disks: one to write to it, or any number to read. A VM has its disks from its
 * creation until it is removed, also while it is stopped; its file is in use only while it is not.
 */

import { RequestError } from "../request_error.ts";

interface Holder {
  readonly readOnly: boolean;
  running: boolean;
}

export class DiskHolders {
  readonly #disks = new Map<string, Map<number, Holder>>();

  of(name: string): { id: number; readOnly: boolean }[] {
    return [...this.#disks.get(name) ?? []].map(([id, { readOnly }]) => ({ id, readOnly }));
  }

  /** Throws a RequestError if others have the disk in a way that does not go together with this. */
  attach(name: string, vm: number, readOnly: boolean): void {
    const holders = this.#disks.get(name) ?? new Map<number, Holder>();
    for (const [id, other] of holders) {
      if (readOnly && other.readOnly) continue;
      const how = other.readOnly ? "to read" : "to write to it";
      throw new RequestError(
        "disks",
        `disk ${name} is attached to VM ${id} ${how}`,
        other.readOnly
          ? `${name}:ro, or that those who read it are removed first`
          : "a disk that no other VM has: one may write, or many may read",
        409,
      );
    }
    holders.set(vm, { readOnly, running: false });
    this.#disks.set(name, holders);
  }

  /** The VM has none of these any more. */
  detach(vm: number, names: Iterable<string>): void {
    for (const name of names) {
      const holders = this.#disks.get(name);
      holders?.delete(vm);
      if (holders?.size === 0) this.#disks.delete(name);
    }
  }

  /** The VM's file is open, or is not any more. */
  setRunning(name: string, vm: number, running: boolean): void {
    const holder = this.#disks.get(name)?.get(vm);
    if (holder !== undefined) holder.running = running;
  }

  /** Throws while a VM has the disk. */
  requireFree(name: string): void {
    this.#refuse(name, () => true, "removed", "that these VMs are removed first");
  }

  /** Throws while a VM that has the disk runs. */
  requireUnused(name: string, verb: string): void {
    this.#refuse(name, ({ running }) => running, verb, "that these VMs are stopped first");
  }

  /** Throws while a VM that may write to the disk runs. */
  requireStill(name: string): void {
    const writes = ({ running, readOnly }: Holder) => running && !readOnly;
    this.#refuse(name, writes, "copied", "that the VM that writes to it is stopped first");
  }

  #refuse(name: string, hinders: (holder: Holder) => boolean, verb: string, then: string): void {
    const ids = [...this.#disks.get(name) ?? []].filter(([, holder]) => hinders(holder))
      .map(([id]) => id);
    if (ids.length === 0) return;
    const shown = ids.slice(0, 5).join(", ") + (ids.length > 5 ? " ..." : "");
    const message = `disk ${name} cannot be ${verb}: it is attached to VM ${shown}`;
    throw new RequestError("disk", message, then, 409);
  }
}
