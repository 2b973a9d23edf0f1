/** UDP ports of VMs that are published on the host: python3's sockets on this machine are the clients. */

import { assertEquals } from "@std/assert";
import { fromRoot } from "../../guests/paths.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import { GuestHost, prepare, runTool } from "../support/guest_host.ts";
import { until } from "../support/until.ts";
import { hasTool } from "../tools.ts";

const ignore = !await hasTool("gcc", "guests are compiled") ||
  !await hasTool("python3", "it is the client");
const SCRIPT = fromRoot("tests/gateway/datagrams.py");

if (!ignore) await prepare("echo");

async function ask(port: number, clients: number, bytes: number): Promise<string> {
  const { stdout, stderr } = await runTool(
    "python3",
    [SCRIPT, ...[port, clients, bytes].map(String)],
  );
  return stdout.trim() + stderr;
}

Deno.test({
  name: "a published UDP port carries datagrams of many clients to a VM, and its answers to each",
  ignore,
  fn: async () => {
    const supervisor = await Supervisor.start({ cells: 1, poolBytes: 64 * 2 ** 20 });
    try {
      const { name, says } = await new GuestHost(supervisor).boot("echo");
      await says("listening");
      const address = { hostname: "127.0.0.1", host: 0, protocol: "udp" } as const;
      const port = await supervisor.publish(name, { ...address, guest: 7 });
      // No more at once than fit into the receive buffer of a socket of this machine.
      assertEquals(await ask(port.host, 100, 300), "300 0");
      assertEquals({ ...port.stats }, { open: 100, accepted: 100, failed: 0 });
      assertEquals(await ask(port.host, 3, 60_000), "9 0", "in fragments");
      const closed = await supervisor.publish(name, { ...address, guest: 8 });
      const client = await runTool("python3", [
        "-c",
        "import socket,sys\ns=socket.socket(2,2)\ns.settimeout(0.5)\n" +
        "s.sendto(b'x',('127.0.0.1',int(sys.argv[1])))\ntry: print(s.recv(9))\n" +
        "except TimeoutError: print('silence')",
        String(closed.host),
      ]);
      assertEquals(client.stdout, "silence\n");
      await until(() => closed.stats.failed > 0, "the VM's refusal");
      assertEquals({ ...closed.stats }, { open: 1, accepted: 1, failed: 1 });
    } finally {
      await supervisor.close();
    }
  },
});
