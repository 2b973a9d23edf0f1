/**
 * The audit log: every request that would change something, who sent it from where, and how it went.
 *
 * An entry is written before the request is carried out, into the same batch as what it changes or an
 * earlier one: no change is on stable storage without its entry. How it went is added afterwards.
 */

import type { MiddlewareHandler } from "hono";
import type { RequestError } from "../../request_error.ts";
import type { ControlEnv } from "../route.ts";
import type { StateStore } from "../../state/store.ts";

export interface AuditEntry {
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  /** Name of the token; "" if none was needed, "?" if it was not right. */
  readonly caller: string;
  readonly remote: string;
  readonly method: string;
  readonly path: string;
  /** HTTP status of the answer; null while there is none, and if the server ended before. */
  readonly status: number | null;
  /** What was changed. */
  readonly subject: string | null;
}

const KEPT = 100_000, TRIM_EVERY = 1000, PATH_CHARACTERS = 300;

export class AuditLog {
  readonly #state: StateStore;
  #last: number;

  private constructor(state: StateStore, last: number) {
    this.#state = state;
    this.#last = last;
  }

  static async open(state: StateStore): Promise<AuditLog> {
    const [{ id }] = await state.read("audit.last");
    return new AuditLog(state, id as number);
  }

  begin(caller: string, remote: string, method: string, path: string): number {
    const id = ++this.#last;
    const short = path.slice(0, PATH_CHARACTERS);
    this.#state.note(["audit.add", id, new Date().toISOString(), caller, remote, method, short]);
    if (id % TRIM_EVERY === 0 && id > KEPT) this.#state.note(["audit.trim", id - KEPT]);
    return id;
  }

  end(id: number, status: number, subject: string | null): void {
    this.#state.note(["audit.end", status, subject, id]);
  }

  async read(after: number, limit: number): Promise<AuditEntry[]> {
    return await this.#state.read("audit", after, limit) as unknown as AuditEntry[];
  }
}

/**
 * Writes an entry for what a route is asked. Goes before everything that can refuse it. Whoever sends one
 * wrong token after the other fills no log: see FailureLimit.
 */
export function audited(changes: boolean): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const log = c.get("audit");
    // Who types on a console changes something too.
    if (!changes && c.req.header("upgrade") === undefined) return await next();
    const { pathname, search } = new URL(c.req.url);
    const begin = (caller: string) =>
      log.begin(caller, c.env?.remote ?? "", c.req.method, pathname + search);
    let id: number;
    try {
      const caller = await c.get("identify")();
      c.set("caller", caller);
      id = begin(caller.name);
    } catch (error) {
      const { status } = error as RequestError;
      if (status !== 429) log.end(begin("?"), status, null);
      throw error;
    }
    await next();
    log.end(id, c.res.status, c.get("change") ?? null);
  };
}
