/**
 * Where a server is reached: a TCP address, with TLS or without, or a unix socket.
 *
 * An address that others reach is refused unless a token is set, and unless there is TLS or the operator
 * has said that he does without. On such an address nobody reaches the web servers of VMs by their
 * names: what is to be public is published.
 */

import type { ServerHandler } from "./server.ts";

export type Place =
  | {
    readonly hostname: string;
    /** 0: any free one. */
    readonly port: number;
    /** Paths of PEM files. */
    readonly tls?: { readonly cert: string; readonly key: string };
    /** No TLS is wanted, on an address that others reach. */
    readonly plain?: boolean;
  }
  | { readonly path: string };

/** Why a place is not listened at. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Throws a ListenError that says what to do. `tokens`: how many are set. */
export function checkPlace(place: Place, tokens: number): void {
  if ("path" in place || isLoopback(place.hostname)) return;
  if (tokens === 0) {
    throw new ListenError(
      `${place.hostname} is reached by others, and no token is set: make one with ` +
        "`denali token create` on this machine, or give --admin-token FILE",
    );
  }
  if (place.tls === undefined && !place.plain) {
    throw new ListenError(
      `${place.hostname} is reached by others, and tokens would be sent in the clear: give --cert ` +
        "and --key, or --plain if something else keeps the network private",
    );
  }
}

/** Begins to listen. `told` gets the URL. Throws a ListenError. */
export async function listen(
  place: Place,
  handler: ServerHandler,
  told: (url: string) => void,
): Promise<Deno.HttpServer> {
  try {
    if ("path" in place) return await listenUnix(place.path, handler, told);
    const { hostname, port, tls } = place;
    const open = isLoopback(hostname);
    return Deno.serve(
      {
        hostname,
        port,
        ...tls &&
          { cert: await Deno.readTextFile(tls.cert), key: await Deno.readTextFile(tls.key) },
        onListen: ({ hostname, port }) => {
          const host = hostname.includes(":") ? `[${hostname}]` : hostname;
          told(`${tls ? "https" : "http"}://${host}:${port}`);
        },
      },
      (request, { remoteAddr }) =>
        handler(request, { remoteAddr: remoteAddr as Deno.NetAddr, open }),
    );
  } catch (error) {
    const where = "path" in place ? place.path : `${place.hostname}:${place.port}`;
    throw new ListenError(`cannot listen on ${where}: ${(error as Error).message}`);
  }
}

/** 127.0.0.0/8, ::1 and localhost: only this machine gets there. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** For its owner only. What a process left there that was killed is removed. */
async function listenUnix(
  path: string,
  handler: ServerHandler,
  told: (url: string) => void,
): Promise<Deno.HttpServer> {
  await removeStale(path);
  const listening = Promise.withResolvers<void>();
  const server = Deno.serve(
    { path, onListen: () => listening.resolve() },
    (request) => handler(request, { remoteAddr: { hostname: "unix" }, open: true }),
  );
  await listening.promise;
  await Deno.chmod(path, 0o600);
  told(`unix:${path}`);
  return server;
}

async function removeStale(path: string): Promise<void> {
  const { isSocket } = await Deno.lstat(path).catch(() => ({ isSocket: false }));
  if (!isSocket) return;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    return await Deno.remove(path);
  }
  throw new Error("another server listens there");
}
