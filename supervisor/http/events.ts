/**
 * What happened, as a list or as server-sent events (HTML Living Standard, section 9.2).
 *
 * A stream begins behind the event named by the header Last-Event-ID or by `after`, so a client that
 * lost its connection misses nothing that is still kept.
 */

import { z } from "@hono/zod-openapi";
import { hasLabels, type Labels } from "./security/access.ts";
import { addRoute, type ControlApp } from "./route.ts";
import { wholeNumber } from "./schema.ts";
import type { SupervisorEvent } from "../event_log.ts";
import { RequestError } from "../request_error.ts";
import type { Supervisor } from "../supervisor.ts";

const LIST_DEFAULT = 1000, LIST_MAXIMUM = 10_000;
/** Events that are looked at together, at least: who sees few of many must not cost a read for each. */
const PAGE = 1000;
/** Streams of one caller: every event is work for each of them. */
const STREAMS_MAXIMUM = 64;
/** An empty comment so often shows both ends that the other is there. */
const KEEP_ALIVE_MS = 15_000;

const Event = z.object({
  id: z.int().meta({ description: "Rises by one with each event" }),
  time: z.iso.datetime(),
  type: z.string().meta({ description: "vm.created, vm.running, vm.crashed, cell.died ..." }),
  vm: z.int().optional(),
  message: z.string().optional(),
}).openapi("Event");

export function routeEvents(app: ControlApp, supervisor: Supervisor): void {
  /** How many streams callers have open, by the name of the token. */
  const streams = new Map<string, number>();
  const count = (caller: string, change: number) => {
    const open = (streams.get(caller) ?? 0) + change;
    if (open > 0) streams.set(caller, open);
    else streams.delete(caller);
  };
  addRoute(app, {
    method: "get",
    path: "/v1/events",
    tag: "events",
    summary: "What happened",
    description:
      "A JSON array, oldest first, of the latest or of those behind `after`; or, with `Accept: " +
      "text/event-stream`, a stream that goes on.",
    access: { role: "reader" },
    query: z.object({
      after: wholeNumber("after", "Only events with greater ids", undefined),
      limit: wholeNumber("limit", "At most so many", LIST_DEFAULT, 1, LIST_MAXIMUM),
    }),
    answers: { 200: { description: "Events", schema: z.array(Event) } },
  }, async (c, { query }) => {
    const seen = visible(supervisor, c.get("caller").labels);
    if (!(c.req.header("accept") ?? "").includes("text/event-stream")) {
      const after = query.after ?? Math.max(0, supervisor.events.last - query.limit);
      return c.json(await listEvents(supervisor, after, query.limit, seen));
    }
    const after = query.after ?? lastEventId(c.req.header("last-event-id"));
    const { name } = c.get("caller");
    if ((streams.get(name) ?? 0) >= STREAMS_MAXIMUM) {
      const got = `${STREAMS_MAXIMUM} streams of the same token`;
      throw new RequestError("events", got, "one of them to end first", 429);
    }
    count(name, 1);
    return c.body(streamEvents(supervisor, after, seen, () => count(name, -1)), 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
    });
  });
}

/** Whoever sees few of the events still gets a whole page of them. */
export async function listEvents(
  { events }: { readonly events: Pick<Supervisor["events"], "since"> },
  after: number,
  limit: number,
  seen: (event: SupervisorEvent) => boolean,
): Promise<SupervisorEvent[]> {
  const shown: SupervisorEvent[] = [];
  for (let at = after; shown.length < limit;) {
    const page = await events.since(at, Math.max(limit, PAGE));
    if (page.length === 0) break;
    at = page[page.length - 1].id;
    shown.push(...page.filter(seen));
  }
  return shown.slice(0, limit);
}

/** Callers that are limited to labels see the events of the VMs that they see. */
function visible(supervisor: Supervisor, labels: Labels | undefined) {
  return ({ vm }: SupervisorEvent) => {
    if (labels === undefined) return true;
    const record = vm === undefined ? undefined : supervisor.record(vm);
    return record !== undefined && hasLabels(record.labels, labels);
  };
}

function lastEventId(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RequestError("last-event-id", `got ${text.slice(0, 80)}`, "the id of an event");
}

/** Without `after` it begins now. `ended` is called once. */
function streamEvents(
  supervisor: Supervisor,
  after: number | undefined,
  seen: (event: SupervisorEvent) => boolean,
  ended: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const events = supervisor.events.follow(after, KEEP_ALIVE_MS);
  let open = true;
  const end = () => {
    if (open) ended();
    open = false;
  };
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await events.next().catch((error) => {
        end();
        throw error;
      });
      if (!open) return;
      if (done) {
        end();
        return controller.close();
      }
      const shown = value.filter(seen);
      const text = shown.map((event) =>
        `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
      ).join("");
      controller.enqueue(encoder.encode(text === "" ? ":\n\n" : text));
    },
    async cancel() {
      end();
      await events.return(undefined);
    },
  }, { highWaterMark: 0 });
}
