/**
 * What the gateway itself costs: two gateways back to back in one thread, each frame copied once by
 * the link, real time. `deno run supervisor/gateway/loopback_bench.ts` prints MB/s of one bulk
 * stream and requests/s, both ends included, so the gateway alone does about twice that.
 */
import type { Gateway, GatewayConnection } from "./gateway.ts";
import { loopback } from "./loopback.ts";
import { ADDRESS_B } from "./simulation.ts";

const BULK_BYTES = 400_000_000;
const ROUNDS = 3;

async function drain(connection: GatewayConnection): Promise<number> {
  let length = 0;
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    length += bytes.length;
  }
  return length;
}

async function bulk(a: Gateway, b: Gateway): Promise<number> {
  const accepted = Promise.withResolvers<GatewayConnection>();
  const stop = b.listen(80, accepted.resolve);
  const client = await a.connect(ADDRESS_B, 80);
  const received = drain(await accepted.promise);
  stop();
  const piece = new Uint8Array(65_536);
  const start = performance.now();
  for (let sent = 0; sent < BULK_BYTES; sent += piece.length) await client.write(piece);
  await client.closeWrite();
  return await received / (performance.now() - start) / 1000;
}

/** `reuse`: many requests on one connection, otherwise a connection for each. */
async function requests(a: Gateway, b: Gateway, count: number, reuse: boolean): Promise<number> {
  const answer = new Uint8Array(300);
  const stop = b.listen(81, async (connection) => {
    while (await connection.read() !== null) await connection.write(answer);
    await connection.closeWrite();
  });
  const request = new Uint8Array(100);
  let started = 0;
  const start = performance.now();
  await Promise.all(Array.from({ length: 64 }, async () => {
    let connection: GatewayConnection | null = null;
    while (started++ < count) {
      connection ??= await a.connect(ADDRESS_B, 81);
      await connection.write(request);
      await connection.read();
      if (reuse) continue;
      await connection.closeWrite();
      await connection.read();
      connection = null;
    }
    await connection?.closeWrite();
    await connection?.read();
  }));
  stop();
  return count / (performance.now() - start) * 1000;
}

for (let round = 1; round <= ROUNDS; round++) {
  const { a, b, close } = loopback();
  const megabytes = await bulk(a, b);
  const kept = await requests(a, b, 100_000, true);
  const fresh = await requests(a, b, 30_000, false);
  console.log(
    `round ${round}: bulk ${megabytes.toFixed(0)} MB/s, ${
      kept.toFixed(0)
    } requests/s kept alive, ` +
      `${fresh.toFixed(0)} connection+request/s`,
  );
  close();
}
