/**
 * VMs as clients of the world through the gateway: real sockets of this machine at the other end.
 *
 * DENALI_NETWORK_TEST=full: 100 MB each way instead of 4.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createControl } from "../../supervisor/control.ts";
import { readEgress } from "../../supervisor/egress/request.ts";
import type { EgressSettings, EgressStats } from "../../supervisor/egress/egress.ts";
import { RequestError } from "../../supervisor/request_error.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import { GuestHost, nativeGuest, prepare, startNative } from "../support/guest_host.ts";
import { attempts, until } from "../support/until.ts";
import { hasTool } from "../tools.ts";
import { stubResolver } from "./stub_resolver.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
const FULL = Deno.env.get("DENALI_NETWORK_TEST") === "full";
const BYTES = FULL ? 100_000_000 : 4_000_000;
const GATEWAY = "10.0.0.1";

if (!ignore) await prepare("ttcp");
const native = ignore ? "" : await nativeGuest("ttcp");
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));

interface Line {
  readonly bytes: number;
  readonly wrong_bytes: number;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly answered: number;
}

function lineOf(text: string): Line {
  return JSON.parse(text.split("\n").find((line) => line.startsWith("{")) ?? JSON.stringify(text));
}

type Settings = Omit<EgressSettings, "rules"> & { readonly rules?: readonly string[] };

async function withHost(
  { rules = [], dns = "none" }: Settings,
  test: (host: GuestHost, stats: () => Promise<EgressStats>) => Promise<void>,
): Promise<void> {
  const supervisor = await Supervisor.start({
    cells: 1,
    poolBytes: 128 * 2 ** 20,
    egress: { rules: readEgress(rules), dns },
  });
  try {
    await test(
      new GuestHost(supervisor),
      async () => (await supervisor.stats() as unknown as { egress: EgressStats }).egress,
    );
  } finally {
    await supervisor.close();
  }
}

/** Runs ttcp in a VM to its end. */
async function ttcp(host: GuestHost, args: string[], egress?: readonly string[]) {
  const options = egress === undefined ? {} : { egress };
  const vm = await host.boot("ttcp", { args, ...options });
  return await vm.ended();
}

function promise(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

promise(
  "a VM moves every byte both ways to a server of this machine that the rules allow",
  async () => {
    const server = await startNative(native, ["-s", "-p", "0"]);
    try {
      await withHost({ rules: [`host:${server.port}/tcp`] }, async (host, stats) => {
        for (const way of [[], ["-r"]]) {
          const port = String(server.port);
          const args = ["-v", "-n", String(BYTES), "-p", port, ...way, GATEWAY];
          const { code, console } = await ttcp(host, args);
          const { bytes, wrong_bytes } = lineOf(console);
          assertEquals([code, bytes, wrong_bytes], [0, BYTES, 0], console);
        }
        await until(async () => (await stats()).tcp.open === 0, "no connection is left");
        const { tcp } = await stats();
        assertEquals([tcp.opened, tcp.prohibited, tcp.failed], [2, 0, 0]);
        assert(tcp.fromVm >= BYTES && tcp.toVm >= BYTES);
      });
    } finally {
      await server.stop();
    }
  },
);

promise("datagrams of a VM reach a server of this machine, and its answers the VM", async () => {
  const server = await startNative(native, ["-s", "-p", "0"]);
  try {
    // A measurement with datagrams has a port of its own.
    await withHost({ rules: [`host:${server.port}/tcp`, "host/udp"] }, async (host, stats) => {
      const args = ["-v", "-u", "-e", "100", "-p", String(server.port), GATEWAY];
      // An answer is given up after a second, for which a machine may stand still.
      const { code, console } = await attempts(
        () => ttcp(host, args),
        ({ console }) => lineOf(console).lost === 0,
      );
      const { answered, wrong_bytes } = lineOf(console);
      assertEquals([code, answered, wrong_bytes], [0, 100, 0], console);
      const { udp } = await stats();
      assert(udp.fromVm >= 100 && udp.toVm >= 100, JSON.stringify(udp));
      assertEquals([udp.prohibited, udp.unasked], [0, 0]);
    });
  } finally {
    await server.stop();
  }
});

promise("without rules a VM reaches nothing, and is told that it must not", async () => {
  await withHost({}, async (host, stats) => {
    for (const target of [GATEWAY, "198.51.100.7"]) {
      const { code, console } = await ttcp(host, ["-n", "1", target]);
      assert(code !== 0 && code !== undefined);
      assertMatch(console, /no route|unreachable|prohibited|not permitted|refused/i);
    }
    // Each attempt at least: who is not answered in time asks again.
    const before = (await stats()).tcp.prohibited;
    assert(before >= 2);
    const { code } = await ttcp(host, ["-u", "-e", "1", "198.51.100.7"]);
    assert(code !== 0);
    // As TCP was: the client of datagrams begins with a connection.
    const { tcp, udp } = await stats();
    assert(tcp.prohibited + udp.prohibited > before);
    assertEquals(tcp.opened, 0);
  });
});

promise("a VM that connects where nobody listens is refused as by the world", async () => {
  await withHost({ rules: ["host:9/tcp"] }, async (host, stats) => {
    const { code, console } = await ttcp(host, ["-n", "1", "-p", "9", GATEWAY]);
    assert(code !== 0);
    assertMatch(console, /refused/i);
    assertEquals((await stats()).tcp.failed, 1);
  });
});

promise(
  "rules of its own hold for a VM instead of the server's, and can be changed while it runs",
  async () => {
    const server = await startNative(native, ["-s", "-p", "0"]);
    const rule = `host:${server.port}`;
    try {
      await withHost({ rules: [rule] }, async (host, stats) => {
        const args = ["-n", "1000", "-p", String(server.port), GATEWAY];
        assertEquals((await ttcp(host, args)).code, 0);
        assert((await ttcp(host, args, ["none"])).code !== 0);
        assert((await ttcp(host, args, ["host:1"])).code !== 0);
        const { tcp } = await stats();
        assert(tcp.prohibited >= 2 && tcp.opened === 1, JSON.stringify(tcp));
        // It tries for so long to connect.
        const patient = ["-w", "30000", ...args];
        const vm = await host.boot("ttcp", { args: patient, egress: ["none"] });
        const refused = async () => (await stats()).tcp.prohibited > tcp.prohibited;
        await until(refused, "the rules refuse it");
        const { egress } = await host.supervisor.update(vm.name, { egress: [rule] });
        assertEquals(egress, [rule]);
        assertEquals((await vm.ended()).code, 0);
      });
    } finally {
      await server.stop();
    }
  },
);

promise("the control endpoint counts what VMs reach, and what they must not", async () => {
  await withHost({}, async (host) => {
    await ttcp(host, ["-n", "1", "198.51.100.7"]);
    const control = createControl(host.supervisor);
    const { egress } = await (await control.request("/v1/system")).json();
    const { prohibited, opened } = egress.tcp;
    assert(prohibited >= 1);
    assertEquals(opened, 0);
    const metrics = await (await control.request("/metrics")).text();
    assertMatch(metrics, new RegExp(`^denali_egress_tcp_prohibited ${prohibited}$`, "m"));
  });
});

promise("a rule that is none is refused, and so are rules where there is no gateway", async () => {
  await withHost({}, async ({ supervisor }) => {
    const wrong = { image: "ttcp", egress: ["everywhere"] };
    const error = await assertRejects(() => supervisor.create(wrong), RequestError);
    assertEquals([error.field, error.message], ["egress[0]", `got "everywhere"`]);
    assertMatch(error.expected, /ADDRESS/);
  });
  const alone = await Supervisor.start({ cells: 1, poolBytes: 2 ** 26, uplink: { kind: "none" } });
  try {
    const request = { image: "ttcp", egress: ["host:1"] };
    await assertRejects(() => alone.create(request), RequestError, "gateway");
  } finally {
    await alone.close();
  }
});

promise("a VM finds names by the resolver of the server, if it may reach anything", async () => {
  const server = await startNative(native, ["-s", "-p", "0"]);
  const names = { "measure.test": GATEWAY, "other.test": GATEWAY };
  const resolver = await stubResolver(names, { forge: true });
  try {
    await withHost({ rules: [`host:${server.port}`], dns: resolver }, async (host, stats) => {
      const args = ["-n", "1000", "-p", String(server.port)];
      const { code, console } = await ttcp(host, [...args, "measure.test"]);
      assertEquals(code, 0, console);
      assert((await ttcp(host, [...args, "nobody.test"])).code !== 0);
      assert((await ttcp(host, [...args, "other.test"], ["none"])).code !== 0);
      assertEquals(new Set(resolver.asked), new Set(["measure.test", "nobody.test"]));
      const { dns } = await stats();
      assert(dns!.answers >= 2 && dns!.refused >= 1 && dns!.strange >= 2, JSON.stringify(dns));
    });
  } finally {
    await resolver.close();
    await server.stop();
  }
});
