/** What is known of each disk besides its bytes, kept where it survives the process. */

export interface DiskRecord {
  readonly name: string;
  /** Of BLOCK_BYTES. */
  readonly blocks: number;
  /** ISO 8601. */
  readonly created: string;
}

/** Every change is on stable storage when the call returns. */
export interface DiskRecords {
  list(): readonly DiskRecord[];
  get(name: string): DiskRecord | undefined;
  put(record: DiskRecord): void;
  delete(name: string): void;
}

/** Kept in memory, for disks that do not outlive the process. */
export class MemoryDiskRecords implements DiskRecords {
  protected readonly records = new Map<string, DiskRecord>();

  list(): readonly DiskRecord[] {
    return [...this.records.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  get(name: string): DiskRecord | undefined {
    return this.records.get(name);
  }

  put(record: DiskRecord): void {
    this.records.set(record.name, record);
  }

  delete(name: string): void {
    this.records.delete(name);
  }
}

/** Kept in a JSON file: a crash leaves the old or the new one. */
export class FileDiskRecords extends MemoryDiskRecords {
  /** Throws if there is a file that is none of these. */
  constructor(readonly path: string) {
    super();
    for (const record of readRecords(path)) this.records.set(record.name, record);
  }

  override put(record: DiskRecord): void {
    super.put(record);
    this.#save();
  }

  override delete(name: string): void {
    super.delete(name);
    this.#save();
  }

  #save(): void {
    const temporary = `${this.path}.${crypto.randomUUID()}.tmp`;
    const bytes = new TextEncoder().encode(JSON.stringify(this.list(), null, 2) + "\n");
    {
      using file = Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 });
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      file.syncSync();
    }
    Deno.renameSync(temporary, this.path);
    syncFolder(this.path.slice(0, this.path.lastIndexOf("/")));
  }
}

function readRecords(path: string): DiskRecord[] {
  try {
    const value = JSON.parse(Deno.readTextFileSync(path));
    if (Array.isArray(value)) return value;
    throw new Error("it holds no list");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new Error(`${path}: expected the list of disks: ${(error as Error).message}`);
  }
}

/** Makes names that were added to a folder, or changed in it, survive a loss of power. */
export function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}
