/** A fleet of identical web servers on one TestServer, and what the demo and tests ask of it. */

import { HttpConnection, type ServerAddress } from "./http_connection.ts";
import type { TestServer } from "./server.ts";

export interface Fleet {
  /** Names of the VMs, `vm-1` ... */
  readonly names: readonly string[];
  /** Milliseconds from the request to create a VM to the first byte it served; sorted. */
  readonly firstByte: Float64Array;
  /** Seconds to boot them all, several at a time. */
  readonly seconds: number;
}

/** VMs that boot at the same time: the load of an operator's `for` loop with a few in flight. */
const IN_FLIGHT = 4;

export function hostOf(name: string): string {
  return `${name}.localhost`;
}

/** Creates `count` web servers and waits for the first page of each. */
export async function bootFleet(
  server: TestServer,
  count: number,
  onBooted: (booted: number) => void = () => {},
): Promise<Fleet> {
  const names = Array.from({ length: count }, (_, i) => `vm-${i + 1}`);
  const firstByte = new Float64Array(count);
  const start = performance.now();
  let next = 0;
  let booted = 0;
  async function bootSome(): Promise<void> {
    while (next < count) {
      const index = next++;
      const begun = performance.now();
      await server.create({ name: names[index], image: "httpd", memory: "16M" });
      await fetchPage(server.address, names[index]);
      firstByte[index] = performance.now() - begun;
      onBooted(++booted);
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, bootSome));
  return { names, firstByte: firstByte.sort(), seconds: (performance.now() - start) / 1000 };
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

/** Returns the names of the VMs that did not answer as themselves, with the reason. */
export async function strangers(server: TestServer, names: readonly string[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const name of names) {
    try {
      const page = await fetchPage(server.address, name);
      if (!new RegExp(`\\bname: ${name}\\b(?!-)`).test(page)) {
        wrong.push(`${name} answered as somebody else: ${page.slice(0, 200)}`);
      }
    } catch (error) {
      wrong.push(`${name}: ${(error as Error).message}`);
    }
  }
  return wrong;
}
