/** A TCP port for a program that cannot choose one itself and say which. */

/** Below the ports that Linux gives to clients (ip_local_port_range): none of them takes it meanwhile. */
const FIRST = 20_000, COUNT = 10_000;

/** A port of 127.0.0.1 on which nobody listens. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
