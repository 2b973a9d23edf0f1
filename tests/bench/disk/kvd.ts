/** kvd in a VM against redis-server on the host, each with a log on the same disk, under redis-benchmark. */

import { buildGuests } from "../../../guests/build.ts";
import { describeImage } from "../../../supervisor/image/store.ts";
import { Supervisor } from "../../../supervisor/supervisor.ts";
import { RespClient } from "../../support/resp.ts";

export const COMMANDS = ["set", "get", "incr", "lpush", "hset"] as const;

/** Requests per second by command. */
export type Rates = Readonly<Record<string, number>>;

export interface KvdOptions {
  readonly folder: string;
  readonly appendfsync: "always" | "everysec";
  readonly requests: number;
  readonly clients: number;
}

export interface WarmKvdOptions extends KvdOptions {
  /** How long it works before it is measured. */
  readonly warmMilliseconds: number;
}

export async function kvdInVm(
  { folder, appendfsync, warmMilliseconds, ...load }: WarmKvdOptions,
): Promise<Rates> {
  const [path] = await buildGuests(["kvd"]);
  const image = await describeImage("kvd", await Deno.readFile(path));
  const disk = `${folder}/kvd-${appendfsync}.img`;
  await Deno.writeFile(disk, new Uint8Array(0));
  await Deno.truncate(disk, 256 << 20);
  const supervisor = await Supervisor.start({
    cells: 1,
    disks: { files: [{ name: "kvd", path: disk }] },
  });
  try {
    const { publish: [{ host }] } = await supervisor.createFrom(image, {
      memory: 64 << 20,
      disks: [{ name: "kvd", readOnly: false }],
      env: { appendfsync },
      publish: [{ hostname: "127.0.0.1", host: 0, guest: 6379 }],
    });
    const warm = performance.now() + warmMilliseconds;
    while (performance.now() < warm) await benchmark(host, { ...load, requests: 1000 });
    return await benchmark(host, load);
  } finally {
    await supervisor.close();
    await Deno.remove(disk);
  }
}

export async function redisServer({ folder, appendfsync, ...load }: KvdOptions): Promise<Rates> {
  const port = freePort();
  const process = new Deno.Command("redis-server", {
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", appendfsync],
    ],
    stdout: "null",
  }).spawn();
  try {
    return await benchmark(port, load);
  } finally {
    process.kill();
    await process.status;
    await Deno.remove(`${folder}/appendonlydir`, { recursive: true }).catch(() => {});
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function benchmark(
  port: number,
  { requests, clients }: Pick<KvdOptions, "requests" | "clients">,
): Promise<Rates> {
  await answers(port);
  const { success, stdout, stderr } = await new Deno.Command("redis-benchmark", {
    args: [
      ...["-p", String(port), "-t", COMMANDS.join(","), "--csv"],
      ...["-n", String(requests), "-c", String(clients)],
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`redis-benchmark failed: ${new TextDecoder().decode(stderr)}`);
  const rates: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const [name, rate] = line.split(",").map((cell) => cell.replaceAll('"', ""));
    if (Number(rate) > 0) rates[name.toLowerCase()] = Number(rate);
  }
  return rates;
}

async function answers(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    try {
      const client = await RespClient.connect(port);
      const answer = await client.ask("PING");
      client.close();
      if (answer === "PONG") return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody answers on port ${port}`);
}
