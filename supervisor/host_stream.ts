/**
 * Joins a socket of the host with a connection to a VM: two streams, each with back-pressure.
 *
 * A side is only read when the other one takes more: a reader that is slow stops the writer at the other
 * end, and costs one buffer on the way. FIN travels through in either direction without ending the other;
 * an error on one side aborts the other (towards the VM as RST; towards the host the socket is closed, as
 * Deno cannot send RST).
 */

import type { GatewayConnection } from "./gateway/gateway.ts";

/** Bytes per connection towards the VM while little comes, and while much does. */
const BUFFER_MINIMUM = 2048, BUFFER_MAXIMUM = 65_536;

export interface Carried {
  /** Bytes from the VM to the host, and from the host to the VM. */
  fromVm: number;
  toVm: number;
}

/** Copies both ways until both are through, or `abandoned`; the socket is then closed. Never rejects. */
export async function joinStreams(
  socket: Deno.Conn,
  connection: GatewayConnection,
  abandoned: AbortSignal,
  carried: Carried = { fromVm: 0, toVm: 0 },
): Promise<void> {
  const fail = () => {
    connection.abort();
    closeQuietly(socket);
  };
  abandoned.addEventListener("abort", fail, { once: true });
  if (abandoned.aborted) fail();
  try {
    if ("setNoDelay" in socket) (socket as Deno.TcpConn).setNoDelay(true);
  } catch {
    // It is gone already; the copies below find out and end.
  }
  await Promise.all([
    copyToVm(socket, connection, carried).catch(fail),
    copyToHost(connection, socket, carried).catch(fail),
  ]);
  abandoned.removeEventListener("abort", fail);
  closeQuietly(socket);
}

async function copyToVm(
  socket: Deno.Conn,
  connection: GatewayConnection,
  carried: Carried,
): Promise<void> {
  let buffer = new Uint8Array(BUFFER_MINIMUM);
  for (let n = await socket.read(buffer); n !== null; n = await socket.read(buffer)) {
    carried.toVm += n;
    // A VM that has ended the connection may have said why: the other copy brings that, and then the end.
    if (!await connection.write(buffer.subarray(0, n)).then(() => true, () => false)) return;
    const { length } = buffer;
    if (n === length && length < BUFFER_MAXIMUM) buffer = new Uint8Array(2 * length);
    else if (4 * n < length && length > BUFFER_MINIMUM) buffer = new Uint8Array(length / 2);
  }
  await connection.closeWrite().catch(() => {});
}

async function copyToHost(
  connection: GatewayConnection,
  socket: Deno.Conn,
  carried: Carried,
): Promise<void> {
  for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
    carried.fromVm += bytes.length;
    for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
  }
  await socket.closeWrite();
}

export function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // Closed before: that is all we want.
  }
}
