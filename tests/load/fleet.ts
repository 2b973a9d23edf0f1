/** A fleet of identical web servers on one TestServer, and what the demo and tests ask of it. */

import { HttpConnection, type ServerAddress } from "./http_connection.ts";
import type { TestServer } from "./server.ts";

export interface Fleet {
  /** Names of the VMs, `vm-1` ... */
  readonly names: readonly string[];
  /** Milliseconds from the request to create a VM to the first byte it served; sorted. */
  readonly firstByte: Float64Array;
  /** Seconds to boot them all. */
  readonly seconds: number;
}

export function hostOf(name: string): string {
  return `${name}.localhost`;
}

/**
 * Creates `count` web servers one after the other, each when the one before has served its first page:
 * with several at a time the fleet is not up any sooner, and each waits for the others.
 */
export async function bootFleet(
  server: TestServer,
  count: number,
  onBooted: (booted: number) => void | Promise<void> = () => {},
): Promise<Fleet> {
  const names = Array.from({ length: count }, (_, i) => `vm-${i + 1}`);
  const firstByte = new Float64Array(count);
  let milliseconds = 0;
  for (const [index, name] of names.entries()) {
    const begun = performance.now();
    await server.create({ name, image: "httpd", memory: "16M" });
    await fetchPage(server.address, name);
    milliseconds += firstByte[index] = performance.now() - begun;
    await onBooted(index + 1);
  }
  return { names, firstByte: firstByte.sort(), seconds: milliseconds / 1000 };
}

/** Fetches the page of one VM over a host socket; throws unless it answers with status 200. */
export async function fetchPage(address: ServerAddress, name: string, path = "/"): Promise<string> {
  const connection = await HttpConnection.open(address);
  try {
    const reply = await connection.get(path, hostOf(name));
    const text = new TextDecoder().decode(reply.body);
    if (reply.status !== 200) throw new Error(`${name} answered ${reply.status}: ${text}`);
    return text;
  } finally {
    connection.close();
  }
}

/**
 * Returns the names of the VMs that did not answer as themselves, with the reason; `parallel` are asked
 * at a time.
 */
export async function strangers(
  server: TestServer,
  names: readonly string[],
  parallel = 1,
): Promise<string[]> {
  const wrong: string[] = [];
  await inParallel(names, parallel, async (name) => {
    try {
      const page = await fetchPage(server.address, name);
      if (!new RegExp(`\\bname: ${name}\\b(?!-)`).test(page)) {
        wrong.push(`${name} answered as somebody else: ${page.slice(0, 200)}`);
      }
    } catch (error) {
      wrong.push(`${name}: ${(error as Error).message}`);
    }
  });
  return wrong;
}

/** Does something with each item, with at most `parallel` of them at a time. */
export async function inParallel<T>(
  items: readonly T[],
  parallel: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  await Promise.all(Array.from({ length: parallel }, async () => {
    for (const item of waiting) await act(item);
  }));
}
