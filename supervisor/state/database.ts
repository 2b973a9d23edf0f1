/**
 * The database itself: SQLite with a write-ahead log whose end is on stable storage when `write`
 * returns. One process has it to itself: a second one is told so.
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { isFull } from "../host_error.ts";
import { MIGRATIONS } from "./migrations.ts";
import { Reserve } from "./reserve.ts";
import { type ReadName, READS, type Row, type Value, type Write, WRITES } from "./statements.ts";

/** Of SQLite's file header: it is ours ("Dena"). */
export const APPLICATION_ID = 0x44656e61;
/** Prepared when they are used first, by their name. */
type Statements = Map<string, StatementSync>;

export interface Database {
  /** All of them or none, on stable storage. Throws an Error that says why not. */
  write(writes: readonly Write[]): void;
  read(name: ReadName, values: readonly Value[]): Row[];
  close(): void;
}

/** `path`: of a file that is made if there is none, or `:memory:`. */
export function openDatabase(path: string): Database {
  if (path !== ":memory:") makePrivate(path);
  const db = new DatabaseSync(path);
  try {
    configure(db, path);
    migrate(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  const reserve = path === ":memory:" ? undefined : new Reserve(`${path}-reserve`);
  const statements: Statements = new Map();
  const prepare = (name: string, sql: string) => {
    let statement = statements.get(name);
    if (statement === undefined) statements.set(name, statement = db.prepare(sql));
    return statement;
  };
  const commit = (writes: readonly Write[]) => {
    db.exec("BEGIN IMMEDIATE");
    try {
      for (const [name, ...values] of writes) prepare(name, WRITES[name]).run(...values);
      db.exec("COMMIT");
    } catch (error) {
      // A failed COMMIT may have rolled back by itself.
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  };
  return {
    write(writes) {
      try {
        commit(writes);
      } catch (error) {
        const removes = writes.some(([name]) => name.endsWith(".delete"));
        if (!removes || !isFull(error) || !reserve?.release()) throw error;
        commit(writes);
      }
      reserve?.take();
    },
    read: (name, values) => prepare(name, READS[name]).all(...values) as Row[],
    close: () => db.close(),
  };
}

/** Environments of VMs may hold secrets, whoever may look into the folder. SQLite's log takes its mode. */
function makePrivate(path: string): void {
  try {
    Deno.openSync(path, { create: true, append: true, mode: 0o600 }).close();
    Deno.chmodSync(path, 0o600);
  } catch {
    // SQLite will say why not.
  }
}

function configure(db: DatabaseSync, path: string): void {
  try {
    // Exclusive before the log is opened: then SQLite needs no memory shared with other processes.
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
    );
    db.exec("BEGIN EXCLUSIVE; COMMIT");
  } catch (error) {
    if (/locked|busy/i.test((error as Error).message)) {
      throw new Error(`${path}: expected no other server on this folder, but one has it`);
    }
    const { message } = error as Error;
    if (/not a database|malformed/.test(message)) {
      throw new Error(`${path}: expected a database of Denali: ${message}`);
    }
    throw new Error(`${path}: cannot be read and written: ${message}`);
  }
}

function migrate(db: DatabaseSync, path: string): void {
  const pragma = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]);
  const version = pragma("user_version");
  const application = pragma("application_id");
  if (version > MIGRATIONS.length) {
    throw new Error(
      `${path}: its version is ${version}, expected at most ${MIGRATIONS.length}: use a newer Denali`,
    );
  }
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0)) {
    throw new Error(`${path}: expected a database of Denali, got another program's`);
  }
  for (let step = version; step < MIGRATIONS.length; step++) {
    db.exec(`BEGIN; ${MIGRATIONS[step]};
      PRAGMA user_version = ${step + 1}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
  }
}
