/**
 * Requests per second by the size of the document (2002: figure 3), with wrk as the client.
 *
 * Warm-up: a fresh cell translates for some ten seconds of load before a request costs what it costs ever
 * after, and the code for long documents is other code. So there is load before the first size, and before each.
 */

import { type LinkName, type Natives, type Target, withLink } from "./links.ts";

/** Bytes; 2,258 and 134,007 are the paper's small and large document. */
export const DOCUMENTS = [200, 1000, 2258, 10_000, 30_000, 134_007, 300_000];
const PORT = 80, CONNECTIONS = 16;
/** Of load before the first size, and before each. */
export const WARM_SECONDS = 10, WARM_SECONDS_EACH = 2;

export interface Requests {
  readonly link: LinkName;
  readonly servers: number;
  readonly bytes: number;
  readonly perSecond: number;
  readonly failed: number;
}

export async function measureDocuments(
  link: LinkName,
  servers: number,
  natives: Natives,
  seconds: number,
  sizes = DOCUMENTS,
): Promise<Requests[]> {
  const rows: Requests[] = [];
  await withLink(link, natives, async (place) => {
    const targets = await place.serve("httpd", servers, PORT);
    const script = await Deno.makeTempFile({ suffix: ".lua" });
    try {
      await Deno.writeTextFile(script, luaFor(targets));
      const threads = servers > 1 ? servers : 1, connections = Math.max(servers, CONNECTIONS);
      const { host, port } = targets[0];
      const wrk = (bytes: number, seconds: number) =>
        place.client(
          ...[
            "wrk",
            `-t${threads}`,
            `-c${connections}`,
            `-d${seconds}s`,
            "--timeout",
            "10s",
          ] as const,
          ...["-s", script, `http://${host}:${port}/doc?bytes=${bytes}`],
        );
      const isVm = link.startsWith("VM");
      if (isVm) await wrk(2258, WARM_SECONDS);
      for (const bytes of sizes) {
        if (isVm) await wrk(bytes, WARM_SECONDS_EACH);
        rows.push({ link, servers, bytes, ...parse(await wrk(bytes, seconds)) });
      }
    } finally {
      await Deno.remove(script);
    }
  });
  return rows;
}

/** wrk knows one address; a thread of it can be given another before it starts. */
function luaFor(targets: readonly Target[]): string {
  const table = targets.map(({ host }) => `"${host}"`).join(", ");
  return `local hosts, next = { ${table} }, 0
function setup(thread)
  next = next % #hosts + 1
  thread.addr = wrk.lookup(hosts[next], "${targets[0].port}")[1]
end
`;
}

function parse(text: string): { perSecond: number; failed: number } {
  const perSecond = Number(/Requests\/sec:\s*([\d.]+)/.exec(text)?.[1]);
  if (!(perSecond >= 0)) throw new Error(`expected wrk's summary, got: ${text}`);
  const wrong = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const failed = wrong + (errors ?? []).slice(1).reduce((sum, n) => sum + Number(n), 0);
  return { perSecond, failed };
}
