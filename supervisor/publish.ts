/**
 * A published port: a host TCP port whose connections are joined to a port of a VM.
 *
 * The two ends are one stream each way with back-pressure: the host socket is only read when the
 * VM's connection takes more, and the other way round. FIN travels through in either direction
 * without ending the other; an error on one side aborts the other (towards the VM as RST; towards
 * the host the socket is closed, as Deno cannot send RST). A client that hangs up in mid-download
 * costs the VM one connection and nothing else.
 */
import type { Endpoint, Gateway, GatewayConnection } from "./gateway/gateway.ts";

/** Per connection and direction towards the VM, bytes. */
const READ_BUFFER = 16_384;
const CONNECTIONS_MAXIMUM = 10_000;
/** After a failed accept (out of file descriptors, mostly) others get this long to close, ms. */
const ACCEPT_PAUSE_MS = 100;

export interface Published {
  readonly hostname: string;
  /** The port that is listened on, also when 0 was asked for. */
  readonly port: number;
  /** Open connections, those accepted so far, and those that did not reach the VM. */
  readonly stats: { open: number; accepted: number; failed: number };
  /** Stops listening and ends every connection. */
  close(): void;
}

/**
 * Listens on the host and joins each connection to `target`. Throws an Error that says what to do
 * when the port cannot be listened on.
 */
export function publish(
  gateway: Pick<Gateway, "connect">,
  host: { hostname: string; port: number },
  target: Endpoint,
): Published {
  const listener = listen(host);
  const { hostname, port } = listener.addr as Deno.NetAddr;
  const stats = { open: 0, accepted: 0, failed: 0 };
  const ends = new Set<() => void>();
  let closed = false;

  async function serve(client: Deno.TcpConn): Promise<void> {
    const abandon = new AbortController();
    const end = () => {
      abandon.abort();
      closeQuietly(client);
    };
    ends.add(end);
    stats.open++;
    try {
      const connection = await gateway.connect(target.address, target.port, {
        signal: abandon.signal,
      });
      await join(client, connection, abandon.signal);
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
      if (closed) return;
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
    const where = `${hostname}:${port}`;
    let why = `${(error as Error).message}; choose another address or port`;
    if (error instanceof Deno.errors.AddrInUse) {
      why = "the port is in use; stop the program that holds it or publish on another port";
    } else if (error instanceof Deno.errors.PermissionDenied) {
      why = "not permitted; use a port above 1023, or allow listening on this one";
    } else if (error instanceof Deno.errors.NotCapable) {
      why = `not permitted; run with --allow-net=${where}`;
    } else if (error instanceof Deno.errors.AddrNotAvailable) {
      why = "this machine has no such address; use 127.0.0.1 or 0.0.0.0";
    }
    throw new Error(`cannot listen on ${where}: ${why}`, { cause: error });
  }
}

/** Copies both ways until both are through. Never rejects. */
async function join(
  client: Deno.TcpConn,
  connection: GatewayConnection,
  abandoned: AbortSignal,
): Promise<void> {
  const fail = () => {
    connection.abort();
    closeQuietly(client);
  };
  abandoned.addEventListener("abort", fail, { once: true });
  if (abandoned.aborted) fail();
  try {
    client.setNoDelay(true);
  } catch {
    // The client is gone already; the copies below find out and end.
  }
  await Promise.all([
    copyToVm(client, connection).catch(fail),
    copyToHost(connection, client).catch(fail),
  ]);
  abandoned.removeEventListener("abort", fail);
}

async function copyToVm(client: Deno.TcpConn, connection: GatewayConnection): Promise<void> {
  const buffer = new Uint8Array(READ_BUFFER);
  for (let n = await client.read(buffer); n !== null; n = await client.read(buffer)) {
    await connection.write(buffer.subarray(0, n));
  }
  await connection.closeWrite();
}

async function copyToHost(connection: GatewayConnection, client: Deno.TcpConn): Promise<void> {
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    let at = 0;
    while (at < bytes.length) at += await client.write(bytes.subarray(at));
  }
  await client.closeWrite();
}

function closeQuietly(client: Deno.TcpConn): void {
  try {
    client.close();
  } catch {
    // Closed before: that is all we want.
  }
}
