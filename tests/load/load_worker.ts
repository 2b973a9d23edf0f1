/** The worker side of `load.ts`: keeps `connections` closed-loop clients busy for `seconds`. */

import { HttpConnection, type ServerAddress } from "./http_connection.ts";
import { zipf } from "./zipf.ts";

export interface LoadOrder {
  readonly address: ServerAddress;
  /** Host headers; connection k walks through them from k on, unless `alpha` is given. */
  readonly hosts: readonly string[];
  /** Hosts are chosen at random by Zipf's law with this exponent (zipf.ts). */
  readonly alpha?: number;
  /** Where the choice begins; default 1. */
  readonly seed?: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** How long a client waits after an answer before it asks again; default: not at all. */
  readonly thinkMs?: number;
}

export interface LoadResult {
  /** Requests answered with status 200. */
  readonly answered: number;
  /** What went wrong, message to count. */
  readonly failures: Record<string, number>;
  /** Seconds from the first request to the last answer. */
  readonly seconds: number;
  /** Milliseconds per answered request, sorted. */
  readonly latencies: Float64Array;
}

async function client(
  order: LoadOrder,
  next: () => number,
  end: number,
  latencies: number[],
  failures: Record<string, number>,
): Promise<void> {
  let connection: HttpConnection | undefined;
  while (performance.now() < end) {
    const start = performance.now();
    try {
      connection ??= await HttpConnection.open(order.address);
      const reply = await connection.get(order.path, order.hosts[next()]);
      if (reply.status !== 200) throw new Error(`status ${reply.status}`);
      latencies.push(performance.now() - start);
      if (order.thinkMs) await new Promise((resolve) => setTimeout(resolve, order.thinkMs));
    } catch (error) {
      const message = (error as Error).message;
      failures[message] = (failures[message] ?? 0) + 1;
      connection?.close();
      connection = undefined;
    }
  }
  connection?.close();
}

/** Chooses the host for each request of each connection. */
function chooser({ hosts, alpha, seed = 1 }: LoadOrder): (connection: number) => () => number {
  if (alpha !== undefined) {
    const choose = zipf(hosts.length, alpha, seed);
    return () => choose;
  }
  return (connection) => {
    let index = connection - 1;
    return () => index = (index + 1) % hosts.length;
  };
}

async function drive(order: LoadOrder): Promise<LoadResult> {
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const chosenBy = chooser(order);
  const start = performance.now();
  const end = start + order.seconds * 1000;
  await Promise.all(
    Array.from(
      { length: order.connections },
      (_, i) => client(order, chosenBy(i), end, latencies, failures),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  return {
    answered: latencies.length,
    failures,
    seconds,
    latencies: Float64Array.from(latencies).sort(),
  };
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<LoadOrder>) => void;
  postMessage(result: LoadResult): void;
};
scope.onmessage = async (event) => scope.postMessage(await drive(event.data));
