/** What a program learns of its VM by <denali/inspect.h>. */

import { assertEquals } from "@std/assert";
import { buildImage } from "../guests/build.ts";
import { fromRoot } from "../guests/paths.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { GuestHost } from "./support/guest_host.ts";
import { hasTool } from "./tools.ts";

const ignore = !await hasTool("gcc", "guests are compiled");

const EXPECTED = `\
threads: 1
threads: 3
no more than there is room for: yes
  1 [] running, stack 0
  2 [waiter] waiting, stack of its own
  3 [sleeper] sleeping, stack of its own
sockets that wait: 2
  tcp 0.0.0.0:1000 from 0.0.0.0:0 [LISTEN] 0 5
  udp 0.0.0.0:1002 from 0.0.0.0:0 [] 0 0
sockets before it is accepted: 4
  tcp 0.0.0.0:1000 from 0.0.0.0:0 [LISTEN] 1 5
  tcp 127.0.0.1:1000 from 127.0.0.1:1001 [ESTABLISHED] 0 0
  tcp 127.0.0.1:1001 from 127.0.0.1:1000 [ESTABLISHED] 0 0
  udp 0.0.0.0:1002 from 0.0.0.0:0 [] 0 0
to be read: 10
it knows its congestion window: yes
a datagram is kept: yes
sockets half closed: 4
  tcp 0.0.0.0:1000 from 0.0.0.0:0 [LISTEN] 0 5
  tcp 127.0.0.1:1000 from 127.0.0.1:1001 [CLOSE-WAIT] 0 0
  tcp 127.0.0.1:1001 from 127.0.0.1:1000 [FIN-WAIT-2] 0 0
  udp 0.0.0.0:1002 from 0.0.0.0:0 [] 0 0
memory: 8388608
its parts are no more than all: yes
and no less, but for some pages: yes
a mebibyte is counted: yes
and given back: yes
the network's memory is bounded: yes
and some of it used: yes
no counter before the first: yes
nor behind the last: yes
ping 10.0.0.1 with 56 bytes: answered, few frames
ping 198.51.100.7 with 56 bytes: EHOSTUNREACH, few frames
ping 10.1.2.3 with 56 bytes: EHOSTUNREACH, few frames
ping 127.0.0.1 with 1000 bytes: answered, nothing sent
ping 10.0.0.1 with 1472 bytes: answered, few frames
ping 10.0.0.1 with 1473 bytes: answered, few frames
ping 10.0.0.1 with 65507 bytes: answered, many frames
ping 10.0.0.1 with 65508 bytes: EMSGSIZE, nothing sent
`;

Deno.test({
  name: "a guest sees its threads, sockets, memory and counters, and who answers a ping or refuses",
  ignore,
  fn: async () => {
    const source = fromRoot("guests/test/inspect.c");
    const image = await Deno.readFile(
      await buildImage([source], { flags: ["-Wall", "-Wextra", "-Werror"] }),
    );
    const supervisor = await Supervisor.start({ cells: 1, poolBytes: 32 * 2 ** 20 });
    try {
      await supervisor.addImage("inspect", image);
      const vm = await new GuestHost(supervisor).boot("inspect", {
        memory: 8 * 2 ** 20,
        args: ["10.0.0.1", "198.51.100.7", "10.1.2.3"],
      });
      assertEquals(await vm.ended(), { code: 0, console: EXPECTED });
    } finally {
      await supervisor.close();
    }
  },
});
