/** For tests: whole-stream operations over a GatewayConnection. */
import { assertEquals } from "@std/assert";
import type { Gateway, GatewayConnection } from "./gateway.ts";
import { ADDRESS_B, seededRandom, type Simulation } from "./simulation.ts";

/** Reads to the end. */
export async function collect(connection: GatewayConnection): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    parts.push(bytes);
    length += bytes.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Writes in pieces of uneven size, then closes. */
export async function transmit(connection: GatewayConnection, bytes: Uint8Array): Promise<void> {
  for (let at = 0, piece = 1; at < bytes.length; piece = (piece * 7 + 13) % 50_021) {
    await connection.write(bytes.subarray(at, at + piece));
    at += piece;
  }
  await connection.closeWrite();
}

export async function connectPair(
  world: Simulation,
  a: Gateway,
  b: Gateway,
  port = 80,
): Promise<{ client: GatewayConnection; server: GatewayConnection }> {
  const accepted = Promise.withResolvers<GatewayConnection>();
  const stop = b.listen(port, accepted.resolve);
  const client = await world.run(a.connect(ADDRESS_B, port, { timeoutMs: 60_000 }));
  const server = await world.run(accepted.promise);
  stop();
  return { client, server };
}

export function randomBytes(length: number, seed = 7): Uint8Array<ArrayBuffer> {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random();
  return bytes;
}

/** assertEquals on megabytes prints megabytes; this names the first difference. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length, "length");
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  assertEquals(at, -1, `first difference at byte ${at}`);
}
