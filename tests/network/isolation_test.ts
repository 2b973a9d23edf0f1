/**
 * What VMs, and hosts on the link, try with frames that are not theirs to send or to see: each is
 * dropped and counted, and nobody else loses anything.
 */

import { assert, assertEquals } from "@std/assert";
import { buildImage } from "../../guests/build.ts";
import { until } from "../support/until.ts";
import { hasTool } from "../tools.ts";
import { prepare } from "../support/guest_host.ts";
import { type Bed, LINUX, withBed } from "./bed.ts";
import { hasNamespaces } from "./namespace.ts";

const ignore = !await hasNamespaces() || !await hasTool("gcc", "guests are compiled");
const HOSTILE = ["frames", "eavesdrop", "deaf", "flood"];
const CLIENT = new URL("./client.py", import.meta.url).pathname;
const FRAMES = 1000, ECHO = 7;

type Drops = Record<string, number>;

if (!ignore) await prepare("echo");

function isolationTest(name: string, test: (bed: Bed) => Promise<void>, cells = 1): void {
  Deno.test({
    name,
    ignore,
    fn: () =>
      withBed({ cells }, async (bed) => {
        for (const name of HOSTILE) {
          const source = new URL(`../../guests/hostile/${name}.c`, import.meta.url).pathname;
          await bed.supervisor.addImage(name, await Deno.readFile(await buildImage([source])));
        }
        await test(bed);
      }),
  });
}

/** Counters of the cells' switches, in sum. */
async function dropsOfCells({ supervisor }: Bed): Promise<Drops> {
  const { cells } = await supervisor.stats() as { cells: { network: { drops: Drops } }[] };
  const sums: Drops = {};
  for (const { network } of cells) {
    for (const [reason, n] of Object.entries(network.drops)) sums[reason] = (sums[reason] ?? 0) + n;
  }
  return sums;
}

async function uplink({ supervisor }: Bed): Promise<Record<string, number>> {
  return (await supervisor.stats()).uplink as Record<string, number>;
}

async function bootEcho({ host }: Bed) {
  const vm = await host.boot("echo");
  await vm.says("listening");
  return vm;
}

function echoes({ space }: Bed, address: string, count = 20): Promise<string> {
  return space.run("python3", CLIENT, "sequential", address, String(ECHO), String(count));
}

const REFUSED: Readonly<Record<string, string>> = {
  mac: "spoofed_mac",
  "arp-mac": "spoofed_mac",
  ip: "spoofed_ip",
  "arp-ip": "spoofed_ip",
  vlan: "protocol",
  short: "malformed",
};

for (const [what, reason] of Object.entries(REFUSED)) {
  isolationTest(
    `frames of the kind "${what}" do not leave the VM and count as ${reason}`,
    async (bed) => {
      const victim = await bed.host.boot("eavesdrop");
      await victim.says("listening");
      const args = [what, String(FRAMES), victim.address, LINUX];
      const before = (await uplink(bed)).framesOut;
      const vm = await bed.host.boot("frames", { args });
      assertEquals((await vm.ended()).code, 0);
      assertEquals((await dropsOfCells(bed))[reason], FRAMES);
      assertEquals((await uplink(bed)).framesOut, before);
      assertEquals(await sums(bed, victim), { own: 1, group: 0, foreign: 0 });
    },
  );
}

for (const what of ["runt", "oversize"]) {
  isolationTest(`the NIC refuses a frame that is ${what} by #GP, and others go on`, async (bed) => {
    const echo = await bootEcho(bed);
    const args = [what, "1", echo.address, LINUX];
    const { name } = await bed.host.boot("frames", { args });
    const { state, reason } = await bed.supervisor.ended(name);
    assertEquals(state, "crashed");
    assert(reason?.includes("#GP"), reason);
    await echoes(bed, echo.address);
  });
}

/** Asks an eavesdropper what it has heard. */
async function sums({ wire, supervisor }: Bed, vm: Awaited<ReturnType<Bed["host"]["boot"]>>) {
  const frame = new Uint8Array(60);
  const { id } = supervisor.get(vm.name);
  frame.set([2, 0x44, 0x4e, 0, 0, id, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  wire.inject(frame);
  const text = await vm.says(/own \d+, group \d+, foreign \d+/);
  const [own, group, foreign] = text.match(/own .*/)![0].match(/\d+/g)!.map(Number);
  return { own, group, foreign };
}

for (const cells of [1, 2]) {
  const where = cells === 1 ? "its own cell" : "other cells";
  isolationTest(`a VM that takes all frames hears no word of others in ${where}`, async (bed) => {
    const spies = await Promise.all([1, 2].map(() => bed.host.boot("eavesdrop")));
    const echo = await bootEcho(bed);
    for (const spy of spies) await spy.says("listening");
    await bed.space.run("python3", CLIENT, "half_close", echo.address, String(ECHO), "500000");
    for (const spy of spies) {
      const { own, foreign } = await sums(bed, spy);
      assertEquals({ own, foreign }, { own: 1, foreign: 0 });
    }
    const { delivered } = (await bed.supervisor.stats()).network as { delivered: number };
    assert(delivered > 300, `${delivered} frames were there to hear`);
  }, cells);
}

isolationTest("a VM that floods another is counted, and its victim answers others", async (bed) => {
  const echo = await bootEcho(bed);
  // It derives MAC addresses from those of the default network: VM n is 10.0.0.1 + n.
  const { id } = bed.supervisor.get(echo.name);
  const flood = await bed.host.boot("flood", { args: [`10.0.0.${1 + id}`] });
  const framesOut = async () => {
    const { stats } = await bed.supervisor.report(flood.name) as { stats: { framesOut: number } };
    return stats.framesOut;
  };
  await until(async () => {
    await echoes(bed, echo.address, 1);
    return await framesOut() > FRAMES;
  }, "the flood has begun");
  const before = await framesOut();
  await echoes(bed, echo.address);
  assert(await framesOut() > before + FRAMES, "it went on");
});

isolationTest(
  "a VM's flood of broadcasts is cut off and counted, and others are served",
  async (bed) => {
    const echo = await bootEcho(bed);
    await bed.host.boot("flood", { args: ["broadcast"] });
    await until(async () => {
      await echoes(bed, echo.address);
      const { storm, spoofed_mac } = await dropsOfCells(bed);
      return storm > FRAMES && spoofed_mac > FRAMES;
    }, "broadcasts are cut off while others are served");
  },
);

isolationTest("a VM that never takes its frames fills its own queue and no other", async (bed) => {
  const deaf = await bed.host.boot("deaf"), echo = await bootEcho(bed);
  await deaf.says("deaf");
  const { id } = bed.supervisor.get(deaf.name);
  const mac = `02:44:4e:00:00:0${id}`;
  await bed.space.ip("neighbour", "add", deaf.address, "lladdr", mac, "dev", bed.device);
  const send = "import socket, sys\n" +
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n" +
    "for i in range(int(sys.argv[2])): s.sendto(b'x' * 1000, (sys.argv[1], 9))\n";
  // The device's own queue may lose some of them.
  await until(async () => {
    await bed.space.python(send, deaf.address, String(5 * FRAMES));
    await echoes(bed, echo.address);
    return (await dropsOfCells(bed)).no_room > 2 * FRAMES;
  }, "frames that the VM does not take are dropped");
});

isolationTest(
  "nobody on the link can be a VM, speak another protocol or send too much",
  async (bed) => {
    const spy = await bed.host.boot("eavesdrop"), echo = await bootEcho(bed);
    await spy.says("listening");
    const number = (name: string) => bed.supervisor.get(name).id;
    const before = await uplink(bed);
    await bed.space.ip("link", "set", bed.device, "mtu", "4000", "txqueuelen", "9000");
    const send = "import socket, sys\n" +
      "device, to, other, address, count = sys.argv[1:]\n" +
      "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((device, 0))\n" +
      "mac = lambda n: bytes([2, 0x44, 0x4e, 0, 0, int(n)])\n" +
      "ip = bytes([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0]) + socket.inet_aton(address) + bytes(4)\n" +
      "own = s.getsockname()[4]\n" +
      "kinds = [mac(other) + b'\\x88\\xb5', own + b'\\x08\\x00' + ip, own + b'\\x81\\0\\0\\1\\x08\\0' + ip,\n" +
      "         own + b'\\x86\\xdd', own + b'\\x08\\x00' + ip + bytes(2000)]\n" +
      "for i in range(int(count)):\n" +
      "  for kind in kinds: s.send(mac(to) + kind + bytes(40))\n";
    const args = [bed.device, number(spy.name), number(echo.name), echo.address, FRAMES];
    await bed.space.python(send, ...args.map(String));
    await echoes(bed, echo.address);
    const { drops } = (await bed.supervisor.stats()).network as { drops: Drops };
    const { protocol, malformed } = await uplink(bed);
    assertEquals({
      spoofed_mac: drops.spoofed_mac,
      spoofed_ip: drops.spoofed_ip,
      protocol: protocol - before.protocol,
      malformed: malformed - before.malformed,
    }, { spoofed_mac: FRAMES, spoofed_ip: FRAMES, protocol: 2 * FRAMES, malformed: FRAMES });
    assertEquals(await sums(bed, spy), { own: 1, group: 0, foreign: 0 });
  },
);
