/**
 * Links on which a server is measured with the same client: a VM on a TAP device, the same sources as a
 * Linux program behind the same kind of link, or over a veth pair, and a VM through the gateway.
 *
 * Clients are programs in a network namespace, or on loopback for the gateway.
 */

import { parsePool } from "../../../supervisor/address_plan.ts";
import { TapWire } from "../../../supervisor/uplink/tap_wire.ts";
import { withBed } from "../../network/bed.ts";
import { Namespace, run, uniqueName } from "../../network/namespace.ts";
import { GuestHost } from "../../support/guest_host.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface Link {
  /** Starts so many servers of a guest of the catalog, which listen on `port`. */
  serve(guest: string, count: number, port: number, args?: string[]): Promise<Target[]>;
  /** Runs a client to its end; what it wrote. */
  client(command: string, ...args: string[]): Promise<string>;
}

export type LinkName = "VM, TAP" | "Linux, TAP" | "Linux, veth" | "VM, gateway";

const MEMORY = 8 << 20;
const [CLIENT_ADDRESS, SERVER_ADDRESS] = ["10.81.0.1", "10.81.0.2"];

/** Programs made of the guests' sources, by name. */
export type Natives = Readonly<Record<string, string>>;

export async function withLink(
  name: LinkName,
  natives: Natives,
  test: (link: Link) => Promise<void>,
): Promise<void> {
  switch (name) {
    case "VM, TAP":
      return await withBed({ offload: true }, ({ host, space }) =>
        test({
          serve: (guest, count, port, args) => boot(host, guest, count, port, args),
          client: (command, ...args) => space.run(command, ...args),
        }));
    case "VM, gateway":
      return await GuestHost.use((host) =>
        test({
          serve: (guest, count, port, args) => boot(host, guest, count, port, args, [port]),
          client: (command, ...args) => run(command, ...args),
        })
      );
    default:
      return await withLinux(name, natives, test);
  }
}

async function boot(
  host: GuestHost,
  guest: string,
  count: number,
  port: number,
  args: string[] = [],
  publish: number[] = [],
): Promise<Target[]> {
  const targets: Target[] = [];
  for (let n = 0; n < count; n++) {
    const vm = await host.boot(guest, { args, memory: MEMORY, publish });
    await vm.says("listening");
    targets.push(
      publish.length > 0 ? { host: "127.0.0.1", port: vm.port } : { host: vm.address, port },
    );
  }
  return targets;
}

/** Two namespaces of Linux, joined by the uplink's own code or by a veth pair. */
async function withLinux(
  name: LinkName,
  natives: Natives,
  test: (link: Link) => Promise<void>,
): Promise<void> {
  await using client = await Namespace.create();
  await using server = await Namespace.create();
  const close = name === "Linux, TAP"
    ? await joinByTaps(client, server)
    : await joinByVeth(client, server);
  const processes: Deno.ChildProcess[] = [];
  try {
    await test({
      serve: async (guest, _count, port, args = []) => {
        const process = server.spawn("env", `port=${port}`, natives[guest], ...args);
        processes.push(process);
        const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
        for (let text = ""; !text.includes("listening");) {
          const { value, done } = await reader.read();
          if (done) throw new Error(`${guest} ended before it listened: ${text}`);
          text += value;
        }
        // What else it writes is read, so that it does not wait for a reader.
        (async () => {
          while (!(await reader.read()).done);
        })();
        return [{ host: SERVER_ADDRESS, port }];
      },
      client: (command, ...args) => client.run(command, ...args),
    });
  } finally {
    for (const process of processes) {
      process.kill("SIGKILL");
      await process.status;
    }
    await close();
  }
}

async function joinByVeth(a: Namespace, b: Namespace): Promise<() => Promise<void>> {
  const [near, far] = [uniqueName("va"), uniqueName("vb")];
  await run("ip", "link", "add", near, "type", "veth", "peer", "name", far);
  await a.take(near, `${CLIENT_ADDRESS}/16`);
  await b.take(far, `${SERVER_ADDRESS}/16`);
  return () => Promise.resolve();
}

async function joinByTaps(a: Namespace, b: Namespace): Promise<() => Promise<void>> {
  const wires: TapWire[] = [];
  for (const [space, address] of [[a, CLIENT_ADDRESS], [b, SERVER_ADDRESS]] as const) {
    const device = uniqueName("tap");
    const pool = parsePool(`${address}/16`)!;
    await run("ip", "tuntap", "add", "dev", device, "mode", "tap");
    wires.push(await TapWire.open({ kind: "tap", device, pool }));
    await space.take(device, `${address}/16`);
  }
  const [x, y] = wires;
  x.receive((frame, offload) => y.send(frame, offload));
  y.receive((frame, offload) => x.send(frame, offload));
  return async () => {
    await x.close();
    await y.close();
  };
}
