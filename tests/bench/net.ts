/**
 * The network: bulk TCP, HTTP by document size, UDP dispatch by stage, and game servers, between VMs and Linux.
 *
 *     deno task bench net [--only throughput,documents,dispatch,arena] [--seconds N] [--servers N]
 *
 * Needs root for namespaces and TAP devices, wrk and gcc. Linux is the client. A server is a guest in a
 * VM on a TAP device, or one through the gateway, or the same sources as a Linux program, behind the
 * same kind of link (two TAP devices, joined by the uplink's own code) and over a veth pair. Client,
 * supervisor and servers share the machine's processors.
 *
 * VMs are under load before each measurement, until their cell has translated what is hot: 3 s each way
 * (throughput), 10 s and 2 s for each size (documents), 45 s for each number of game servers (arena), which ask for
 * little each and so are translated late. All parts take about eight minutes.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { hasNamespaces } from "../network/namespace.ts";
import { nativeGuest } from "../support/guest_host.ts";
import { hasTool } from "../tools.ts";
import { type Arena, LATE_MAXIMUM_US, measureArena } from "./net/arena.ts";
import { type Dispatch, measureDispatch } from "./net/dispatch.ts";
import { measureDocuments, type Requests } from "./net/documents.ts";
import type { LinkName, Natives } from "./net/links.ts";
import { measureThroughput, type Throughput, THROUGHPUT_LINKS } from "./net/throughput.ts";
import { printTable, save } from "./report/report.ts";

const PARTS = ["throughput", "documents", "dispatch", "arena"];
const DATAGRAMS = [100, 1400], FLEET = 100;
/**
 * The paper's number; doubled until updates come late, or halved until they do not, and then between the two so
 * many times.
 */
const SERVERS = 32, SERVERS_MAXIMUM = 512, BISECTIONS = 2;
const SMALL = 2258;
/** To be reached: Mb/s from one VM, and requests per second of SMALL bytes from one cell. */
const GOAL_MEGABITS = 1000, GOAL_REQUESTS = 5000;

function ratio(value: number, native: number | undefined): string {
  return native ? (value / native).toFixed(2) : "";
}

async function throughput(natives: Natives, seconds: number): Promise<Throughput[]> {
  const rows: Throughput[] = [];
  for (const link of THROUGHPUT_LINKS) rows.push(await measureThroughput(link, natives, seconds));
  const native = rows.find(({ link }) => link === "Linux, TAP");
  const header = ["TCP to a server", "to it, Mb/s", "/ native", "from it, Mb/s", "/ native"];
  printTable(
    [...header, "round trip, us"],
    rows.map(({ link, to, from, roundTrip }) => [
      link,
      to.toFixed(0),
      ratio(to, native?.to),
      from.toFixed(0),
      ratio(from, native?.from),
      roundTrip.toFixed(0),
    ]),
  );
  return rows;
}

const DOCUMENT_SETTINGS: readonly (readonly [LinkName, number])[] = [
  ["VM, TAP", 1],
  ["VM, TAP", FLEET],
  ["VM, gateway", 1],
  ["Linux, TAP", 1],
];

function nameOf(link: string, servers: number): string {
  return servers === 1 ? link : `${servers} ${link.replace("VM", "VMs")}`;
}

async function documents(natives: Natives, seconds: number): Promise<Requests[]> {
  const rows: Requests[] = [];
  for (const [link, servers] of DOCUMENT_SETTINGS) {
    rows.push(...await measureDocuments(link, servers, natives, seconds));
  }
  const find = (link: LinkName, servers: number, bytes: number) =>
    rows.find((row) => row.link === link && row.servers === servers && row.bytes === bytes)!;
  const sizes = [...new Set(rows.map(({ bytes }) => bytes))];
  printTable(
    [
      "requests/s, bytes",
      ...DOCUMENT_SETTINGS.map(([link, n]) => nameOf(link, n)),
      "VM / Linux",
      "failed",
    ],
    sizes.map((bytes) => [
      String(bytes),
      ...DOCUMENT_SETTINGS.map(([link, n]) => find(link, n, bytes).perSecond.toFixed(0)),
      ratio(find("VM, TAP", 1, bytes).perSecond, find("Linux, TAP", 1, bytes).perSecond),
      String(
        rows.filter((row) => row.bytes === bytes).reduce((sum, { failed }) => sum + failed, 0),
      ),
    ]),
  );
  return rows;
}

async function dispatch(): Promise<Dispatch[]> {
  const rows: Dispatch[] = [];
  for (const bytes of DATAGRAMS) rows.push(await measureDispatch(bytes));
  printTable(
    ["UDP packet, us", "uplink", "kernel", "driver", "TCP/IP", "together"],
    rows.map(({ bytes, uplink, kernel, driver, stack }) => [
      `${bytes} bytes`,
      ...[uplink, kernel, driver, stack, uplink + kernel + driver + stack].map((us) =>
        us.toFixed(2)
      ),
    ]),
  );
  return rows;
}

/** Looks for the most servers whose updates come in time, from `first` on. */
async function arena(natives: Natives, seconds: number, first: number): Promise<Arena[]> {
  const rows: Arena[] = [];
  async function inTime(servers: number): Promise<boolean> {
    rows.push(await measureArena(servers, natives, seconds));
    return rows.at(-1)!.p99 <= LATE_MAXIMUM_US;
  }
  let good = 0, bad = SERVERS_MAXIMUM + 1;
  for (let n = first; n >= 1 && n <= SERVERS_MAXIMUM && (good === 0 || bad > SERVERS_MAXIMUM);) {
    if (await inTime(n)) good = n;
    else bad = n;
    n = bad > SERVERS_MAXIMUM ? 2 * n : n >> 1;
  }
  for (let i = 0; i < BISECTIONS && good > 0 && bad <= SERVERS_MAXIMUM; i++) {
    const n = (good + bad) >> 1;
    if (await inTime(n)) good = n;
    else bad = n;
  }
  printTable(
    ["arena servers", "in time", "p99 late, us", "worst p99", "p99 in the VM", "updates", "lost"],
    rows.map(({ servers, good, p99, worst, served, updates, lost }) =>
      [servers, good, p99, worst, served, updates, lost].map(String)
    ),
  );
  return rows;
}

interface Results {
  readonly throughput: readonly Throughput[];
  readonly documents: readonly Requests[];
  readonly arena: readonly Arena[];
}

/** What was to be reached, what was, and the ratio to the same sources as a Linux program. */
function printGoals({ throughput, documents, arena }: Results): void {
  const rows: string[][] = [];
  function add(what: string, goal: number, value: number | undefined, native?: number): void {
    if (value === undefined) return;
    const reached = value >= goal ? "reached" : "missed";
    rows.push([what, String(goal), value.toFixed(0), reached, ratio(value, native)]);
  }
  const bulk = (link: LinkName) => throughput.find((row) => row.link === link)?.from;
  add("TCP from one VM, Mb/s", GOAL_MEGABITS, bulk("VM, TAP"), bulk("Linux, TAP"));
  const requests = (link: LinkName) =>
    documents.find((row) => row.link === link && row.servers === 1 && row.bytes === SMALL)
      ?.perSecond;
  add(`requests/s, ${SMALL} bytes`, GOAL_REQUESTS, requests("VM, TAP"), requests("Linux, TAP"));
  if (arena.length > 0) {
    const inTime = arena.filter(({ p99 }) => p99 <= LATE_MAXIMUM_US);
    const most = Math.max(0, ...inTime.map(({ servers }) => servers));
    add(`arena servers, p99 within ${LATE_MAXIMUM_US / 1000} ms`, SERVERS, most);
  }
  if (rows.length > 0) printTable(["to be reached", "goal", "measured", "", "/ native"], rows);
}

if (!await hasNamespaces() || !await hasTool("wrk", "it is the HTTP client")) Deno.exit(1);
const flags = parseArgs(Deno.args, { string: ["only", "seconds", "servers"] });
const seconds = Number(flags.seconds ?? 3);
const parts = flags.only?.split(",") ?? PARTS;
const servers = Number(flags.servers ?? SERVERS);
const guests = ["ttcp", "httpd", "arena", "arena-bot"];
await buildGuests(guests);
const natives: Record<string, string> = {};
for (const name of guests) natives[name] = await nativeGuest(name, ["-D_GNU_SOURCE"]);
try {
  const has = (part: string) => parts.includes(part);
  const results = {
    seconds,
    throughput: has("throughput") ? await throughput(natives, seconds) : [],
    documents: has("documents") ? await documents(natives, seconds) : [],
    dispatch: has("dispatch") ? await dispatch() : [],
    arena: has("arena") ? await arena(natives, seconds, servers) : [],
  };
  printGoals(results);
  await save(
    "net",
    results,
    DOCUMENT_SETTINGS.map(([link, servers]) => ({
      label: nameOf(link, servers),
      points: results.documents
        .filter((row) => row.link === link && row.servers === servers)
        .map(({ bytes, perSecond }) => [bytes, perSecond] as const),
    })).filter(({ points }) => points.length > 0),
    {
      title: "HTTP requests by size of the document",
      xLabel: "bytes",
      yLabel: "requests per second",
      logarithmicX: true,
    },
  );
} finally {
  for (const path of Object.values(natives)) await Deno.remove(path);
}
