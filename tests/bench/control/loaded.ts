/**
 * A control request while all cells are at full load: few VMs that never wait, very many of them, and
 * web servers that are asked all the time, which loads the thread that answers as well.
 *
 * An open loop: a request every 20 ms, whatever became of the one before, so that one that is slow does
 * not put off the next. Beside it stands how late a timer of the client comes at the same time, which
 * is what the host's scheduler takes of each of the two processes.
 */

import { buildGuests } from "../../../guests/build.ts";
import { bootFleet, hostOf } from "../../load/fleet.ts";
import { load } from "../../load/load.ts";
import type { TestServer } from "../../load/server.ts";
import { type Row, row, withServer } from "./rows.ts";

const EVERY_MS = 20, SECONDS = 5;
/** Until the web servers' code is translated. */
const WARM_SECONDS = 8;
const WEB_SERVERS = 20, CONNECTIONS = 16;

export async function loaded(): Promise<Row[]> {
  await buildGuests(["httpd"]);
  return [
    ...await withServer((server) => computing(server, 2)),
    ...await withServer((server) => computing(server, 200)),
    ...await withServer(serving),
  ];
}

async function computing(server: TestServer, perCell: number): Promise<Row[]> {
  const { capacity } = await server.request("GET", "/v1/system");
  const count = capacity.cells * perCell;
  const names = Array.from({ length: count }, (_, index) => `spin${index}`);
  for (const name of names) await server.create({ name, image: "spin", memory: "1M" });
  return await ask(server, names, "computing");
}

async function serving(server: TestServer): Promise<Row[]> {
  const { names } = await bootFleet(server, WEB_SERVERS);
  const clients = load({
    address: server.address,
    hosts: names.map(hostOf),
    path: "/",
    connections: CONNECTIONS,
    seconds: WARM_SECONDS + 3 * SECONDS + 1,
  });
  await new Promise((resolve) => setTimeout(resolve, WARM_SECONDS * 1000));
  const rows = await ask(server, names, "serving");
  const { answered, seconds, latencies, failures } = await clients;
  if (answered === 0) throw new Error(`no page was answered: ${JSON.stringify(failures)}`);
  return [...rows, row("... their pages then", names.length, [...latencies], seconds * 1000)];
}

/** Looks at VMs, lists them, and makes some. */
async function ask(server: TestServer, names: readonly string[], what: string): Promise<Row[]> {
  const lateness: number[] = [];
  const timed = async (verb: string, request: (n: number) => Promise<unknown>) => {
    const latencies: number[] = [];
    const waiting: Promise<void>[] = [];
    const start = performance.now();
    for (let n = 0; performance.now() < start + SECONDS * 1000; n++) {
      const due = start + n * EVERY_MS;
      const early = due - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      const sent = performance.now();
      if (early > 0) lateness.push(sent - due);
      waiting.push(request(n).then(() => void latencies.push(performance.now() - sent)));
    }
    await Promise.all(waiting);
    return row(`${verb}, ${what}`, names.length, latencies, performance.now() - start);
  };
  const rows = [
    await timed("inspect", (n) => server.request("GET", `/v1/vms/${names[n % names.length]}`)),
    await timed("list", () => server.request("GET", "/v1/vms?limit=100")),
    await timed("create and start", (n) => server.create({ name: `new${n}`, image: "idle" })),
  ];
  const milliseconds = rows.length * SECONDS * 1000;
  return [...rows, row("... a timer of the client then", names.length, lateness, milliseconds)];
}
