/**
 * A published port: a host TCP port whose connections are joined to a port of a VM.
 *
 * The two ends are one stream each way with back-pressure (host_stream.ts). A client that hangs up in
 * mid-download costs the VM one connection and nothing else. A VM that was started a moment ago and does
 * not listen yet is asked again until it does.
 */
import { bootPause } from "./booting.ts";
import { type Endpoint, type Gateway, GatewayError } from "./gateway/gateway.ts";
import { closeQuietly, joinStreams } from "./host_stream.ts";

const CONNECTIONS_MAXIMUM = 10_000;
/** As long as most clients wait: of thousands at once the last have to wait for their turn. */
const CONNECT_TIMEOUT_MS = 30_000;
/** After a failed accept (out of file descriptors, mostly) others get this long to close, ms. */
const ACCEPT_PAUSE_MS = 100;

export interface Published {
  readonly hostname: string;
  /** The port that is listened on, also when 0 was asked for. */
  readonly port: number;
  /** Open connections, those accepted so far, and those that did not reach the VM. */
  readonly stats: { open: number; accepted: number; failed: number };
  /** Stops listening and ends every connection. To be called once. */
  close(): void;
}

/** Where connections lead. */
export interface PublishTarget extends Endpoint {
  /** It was started so lately that its server may not listen yet: what it refuses is tried again. */
  readonly booting?: boolean;
}

/**
 * Listens on the host and joins each connection to `target`. Throws an Error that says what to do
 * when the port cannot be listened on.
 */
export function publish(
  gateway: Pick<Gateway, "connect">,
  host: { hostname: string; port: number },
  target: PublishTarget,
): Published {
  const listener = listen(host);
  const { hostname, port } = listener.addr as Deno.NetAddr;
  const stats = { open: 0, accepted: 0, failed: 0 };
  const ends = new Set<() => void>();
  let closed = false;

  async function connect(signal: AbortSignal) {
    for (let attempts = 1;; attempts++) {
      try {
        const options = { signal, timeoutMs: CONNECT_TIMEOUT_MS };
        return await gateway.connect(target.address, target.port, options);
      } catch (error) {
        const refused = error instanceof GatewayError && error.code === "refused";
        if (!refused || !target.booting) throw error;
        await bootPause(attempts);
      }
    }
  }

  async function serve(client: Deno.TcpConn): Promise<void> {
    const abandon = new AbortController();
    const end = () => {
      abandon.abort();
      closeQuietly(client);
    };
    ends.add(end);
    stats.open++;
    try {
      const connection = await connect(abandon.signal);
      await joinStreams(client, connection, abandon.signal);
    } catch {
      stats.failed++;
    } finally {
      closeQuietly(client);
      ends.delete(end);
      stats.open--;
    }
  }

  async function accept(): Promise<void> {
    while (!closed) {
      try {
        const client = await listener.accept();
        stats.accepted++;
        if (stats.open >= CONNECTIONS_MAXIMUM) closeQuietly(client);
        else void serve(client);
      } catch {
        if (closed) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  void accept();
  return {
    hostname,
    port,
    stats,
    close() {
      closed = true;
      listener.close();
      for (const end of [...ends]) end();
    },
  };
}

function listen({ hostname, port }: { hostname: string; port: number }): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw listenError(`${hostname}:${port}`, error as Error);
  }
}

/** Says what to do when a port of the host cannot be listened on. */
export function listenError(where: string, error: Error): Error {
  const { code } = error as { code?: string };
  let why = `${error.message}; choose another address or port`;
  if (error instanceof Deno.errors.AddrInUse || code === "EADDRINUSE") {
    why = "the port is in use; stop the program that holds it or publish on another port";
  } else if (error instanceof Deno.errors.PermissionDenied || code === "EACCES") {
    why = "not permitted; use a port above 1023, or allow listening on this one";
  } else if (error instanceof Deno.errors.NotCapable) {
    why = `not permitted; run with --allow-net=${where}`;
  } else if (code === "EMFILE" || code === "ENFILE") {
    why = "too many files and ports are open; close some, or allow more (ulimit -n)";
  } else if (error instanceof Deno.errors.AddrNotAvailable || code === "EADDRNOTAVAIL") {
    why = "this machine has no such address; use 127.0.0.1 or 0.0.0.0";
  }
  return new Error(`cannot listen on ${where}: ${why}`, { cause: error });
}
