/** What a guest that serves costs its host in memory when it has nothing to do. */

import { assert, assertEquals } from "@std/assert";
import { buildGuests, buildImage } from "../guests/build.ts";
import { fromRoot } from "../guests/paths.ts";
import { DeterministicClock, Kernel } from "../kernel/kernel.ts";
import { guestImage } from "../supervisor/image/builtin.ts";

const MEMORY = 16 << 20;
const HTTPD_ADDRESS = 0x0a000002, CLIENT_ADDRESS = 0x0a000003;

/** Private pages of an idle httpd to which a VM beside it has sent these requests. */
async function pagesAfter(paths: string[]): Promise<number> {
  const clock = new DeterministicClock();
  let output = "";
  const kernel = new Kernel({
    clock,
    poolBytes: 4 * MEMORY,
    events: {
      console: (_, bytes) => void (output += new TextDecoder().decode(bytes)),
      state: () => {},
      uplink: () => true,
    },
  });
  const start = (name: string, image: Uint8Array, address: number, args: string[]) => {
    const vm = kernel.createVm({
      name,
      image: kernel.loadImage(name, image),
      memory: MEMORY,
      args,
      env: {},
      network: { address, netmask: 0xff000000, gateway: 0x0a000001, dns: 0x0a000001 },
    });
    kernel.start(vm);
    return vm;
  };
  const run = (until: () => boolean) => {
    for (let i = 0; i < 2000 && !until(); i++) {
      kernel.run(1_000_000);
      clock.jump(clock.monotonic() + 1000);
    }
    assert(until(), output);
  };
  const client = await Deno.readFile(await buildImage([fromRoot("tests/native/fetch.c")]));
  const httpd = start("httpd", (await guestImage("httpd"))!, HTTPD_ADDRESS, []);
  run(() => output.includes("listening"));
  const vm = start("client", client, CLIENT_ADDRESS, paths);
  run(() => output.includes("done"));
  assert(!output.includes("-1"), output);
  kernel.destroy(vm);
  for (let i = 0; i < 100; i++) {
    kernel.run(1_000_000);
    clock.jump(clock.monotonic() + 1_000_000);
  }
  return httpd.space.map.size;
}

await buildGuests();

Deno.test("an idle web server that has served keeps at most eleven pages", async () => {
  assert(await pagesAfter(["/", "/doc?bytes=2258", "/"]) <= 11);
});

Deno.test("a web server gives back the memory of large documents", async () => {
  const small = await pagesAfter(["/doc?bytes=2258"]);
  const large = await pagesAfter(["/doc?bytes=100000", "/doc?bytes=3000000", "/doc?bytes=300"]);
  assertEquals(large, small);
});
