/**
 * A published UDP port: each client that sends to a port of the host has a flow to a port of a VM
 * (gateway/udp_flows.ts), and gets the VM's answers.
 *
 * Clients are bounded for each published port: the one that was silent for longest makes room, so that a
 * flood with forged senders costs what is bounded. Datagrams are never held: what cannot be sent at once
 * is lost, as UDP may be.
 */

import { createSocket, type Socket } from "node:dgram";
import type { DatagramFlow, Endpoint, Gateway } from "./gateway/gateway.ts";
import { listenError, type Published } from "./publish.ts";

const CLIENTS_MAXIMUM = 1024;
/** Answers that the host has not taken yet. */
const PENDING_MAXIMUM = 1024;

interface Client {
  readonly flow: DatagramFlow | undefined;
  failed: boolean;
}

/**
 * Listens on the host and lets datagrams flow to `target` and back. Its stats count clients: those that
 * have a flow, those so far, and among them those whose datagrams the VM refused. Rejects with an Error
 * that says what to do when the port cannot be listened on.
 */
export async function publishDatagrams(
  gateway: Pick<Gateway, "openFlow">,
  host: { hostname: string; port: number },
  target: Endpoint,
  open: (host: { hostname: string; port: number }) => Promise<Socket> = bind,
): Promise<Published> {
  const socket = await open(host);
  const { address: hostname, port } = socket.address();
  const stats = { open: 0, accepted: 0, failed: 0 };
  /** By "address:port", in order of use. */
  const clients = new Map<string, Client>();
  let pending = 0;

  function admit(key: string, sender: { address: string; port: number }): Client {
    if (clients.size >= CLIENTS_MAXIMUM) forget(clients.keys().next().value!);
    const flow = gateway.openFlow(target, {
      received(payload) {
        if (pending >= PENDING_MAXIMUM) return;
        pending++;
        socket.send(payload, sender.port, sender.address, () => pending--);
      },
      failed() {
        if (client.failed) return;
        client.failed = true;
        stats.failed++;
      },
      ended: () => forget(key),
    });
    const client: Client = { flow, failed: false };
    stats.open++;
    stats.accepted++;
    return client;
  }

  function forget(key: string): void {
    const client = clients.get(key);
    if (client === undefined) return;
    clients.delete(key);
    client.flow?.close();
    stats.open--;
  }

  socket.on("message", (payload, sender) => {
    // A sender may leave its port out (RFC 768). It cannot be answered, and to try throws.
    if (sender.port === 0) return;
    const key = `${sender.address}:${sender.port}`;
    const client = clients.get(key) ?? admit(key, sender);
    clients.delete(key);
    clients.set(key, client);
    client.flow?.send(payload);
  });
  return {
    hostname,
    port,
    stats,
    close() {
      socket.close();
      for (const key of [...clients.keys()]) forget(key);
    },
  };
}

async function bind({ hostname, port }: { hostname: string; port: number }): Promise<Socket> {
  const where = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  // Without it the socket would throw where nobody can catch it.
  const { state } = await Deno.permissions.query({ name: "net", host: where });
  if (state !== "granted") throw listenError(where, new Deno.errors.NotCapable());
  const socket = createSocket(hostname.includes(":") ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ address: hostname, port }, resolve);
    });
  } catch (error) {
    socket.close();
    throw listenError(where, error as Error);
  }
  // What befalls it later loses datagrams.
  socket.on("error", () => {});
  return socket;
}
