/** ttcp in a VM against the same sources as a Linux program, through the gateway and between VMs. */

import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import {
  GuestHost,
  nativeGuest,
  prepare,
  runTool,
  startNative,
} from "../../tests/support/guest_host.ts";
import { attempts } from "../../tests/support/until.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
const PORT = 5001;

interface Line {
  readonly ttcp: string;
  readonly bytes: number;
  readonly wrong_bytes: number;
  readonly answered: number;
  readonly received: number;
  readonly sent: number;
  readonly lost: number;
  readonly us_median: number;
}

function line(text: string): Line {
  return JSON.parse(text.split("\n").find((line) => line.startsWith("{"))!);
}

if (!ignore) await prepare("ttcp");
const native = ignore ? "" : await nativeGuest("ttcp");
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));

Deno.test({
  name: "ttcp moves every byte both ways between a VM and Linux, checked against a pattern",
  ignore,
  fn: () =>
    GuestHost.use(async (host) => {
      const vm = await host.boot("ttcp", { args: ["-s"], publish: [PORT] });
      await vm.says("listening");
      for (const [way, mode] of [[[], "tcp-send"], [["-r"], "tcp-receive"]] as const) {
        const args = ["-v", "-n", "4M", "-p", String(vm.port), ...way, "127.0.0.1"];
        const { code, stdout, stderr } = await runTool(native, args);
        const { ttcp, bytes, wrong_bytes } = line(stdout);
        assertEquals([code, ttcp, bytes, wrong_bytes, stderr], [0, mode, 4 << 20, 0, ""]);
      }
      const args = ["-e", "200", "-p", String(vm.port), "127.0.0.1"];
      const { answered, us_median, wrong_bytes } = line((await runTool(native, args)).stdout);
      assertEquals([answered, wrong_bytes], [200, 0]);
      assert(us_median > 0);
    }),
});

Deno.test({
  name: "ttcp measures TCP and UDP between two VMs, and no datagram is wrong",
  ignore,
  fn: () =>
    GuestHost.use(async (host) => {
      const server = await host.boot("ttcp", { args: ["-s"] });
      await server.says("listening");
      const measure = async (...args: string[]) => {
        const vm = await host.boot("ttcp", { args: ["-v", ...args, server.address] });
        const { code, console } = await vm.ended();
        const result = line(console);
        assertEquals([code, result.wrong_bytes], [0, 0], console);
        return result;
      };
      assertEquals((await measure("-n", "2M")).bytes, 2 << 20);
      assertEquals((await measure("-r", "-n", "1000001", "-l", "777")).bytes, 1000001);
      for (const way of [[], ["-r"]]) {
        const udp = await measure("-u", "-n", "500K", "-b", "8000", ...way);
        assertEquals(udp.received + udp.lost, udp.sent);
        assert(udp.received > 0);
      }
      // A datagram's answer is given up after a second, for which a machine may stand still.
      const answers = () => measure("-u", "-e", "50");
      assertEquals((await attempts(answers, ({ lost }) => lost === 0)).answered, 50);
      assertEquals((await measure("-e", "50", "-l", "3000")).answered, 50);
    }),
});

Deno.test({
  name: "a ttcp server goes on after requests that are not sound, and clients that leave",
  ignore,
  fn: () =>
    GuestHost.use(async (host) => {
      const vm = await host.boot("ttcp", { args: ["-s"], publish: [PORT] });
      await vm.says("listening");
      const send = async (bytes: Uint8Array, wait: boolean) => {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: vm.port });
        await connection.write(bytes);
        const answer = new Uint8Array(16);
        const got = wait ? await connection.read(answer) : 0;
        connection.close();
        return got ? new DataView(answer.buffer).getUint32(8) : undefined;
      };
      const request = (...words: number[]) => {
        const bytes = new DataView(new ArrayBuffer(36));
        words.forEach((word, index) => bytes.setUint32(index * 4, word));
        return new Uint8Array(bytes.buffer);
      };
      const magic = 0x54544350;
      assertEquals(await send(request(1, 1, 0, 0, 1000), true), 1);
      assertEquals(await send(request(magic, 2, 0, 0, 1000), true), 1);
      assertEquals(await send(request(magic, 1, 6, 0, 1000), true), 1);
      assertEquals(await send(request(magic, 1, 0, 0, 0), true), 1);
      assertEquals(await send(request(magic, 1, 0, 0, 0xffffffff), true), 1);
      assertEquals(await send(request(magic, 1, 3, 0, 15), true), 1);
      await send(request(magic, 1, 1, 0, 65536, 1), true);
      await send(request(magic).subarray(0, 5), false);
      const args = ["-v", "-n", "100K", "-p", String(vm.port), "127.0.0.1"];
      assertEquals((await runTool(native, args)).code, 0);
    }),
});

Deno.test({
  name: "ttcp says what is wrong with its command line, and that a server is not there",
  ignore,
  fn: async () => {
    for (const args of [[], ["-x", "h"], ["-l", "0x", "h"], ["-r", "-e", "5", "h"], ["a", "b"]]) {
      const { code, stderr } = await runTool(native, args);
      assertEquals([code, stderr.startsWith("ttcp: ")], [2, true], stderr);
    }
    assertEquals((await runTool(native, ["-p", "1", "127.0.0.1"])).code, 1);
    const server = await startNative(native, ["-s", "-p", "0"]);
    const args = ["-u", "-v", "-n", "1M", "-b", "200000", "-p", String(server.port), "127.0.0.1"];
    const { received, sent, lost, wrong_bytes } = line((await runTool(native, args)).stdout);
    assertEquals([received + lost, wrong_bytes], [sent, 0]);
    await server.stop();
  },
});
