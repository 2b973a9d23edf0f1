import { assertEquals, assertRejects } from "@std/assert";
import { type GatewayConnection, GatewayError } from "./gateway.ts";
import { ADDRESS_A, ADDRESS_B, Simulation } from "./simulation.ts";
import { collect, connectPair } from "./simulation_streams.ts";

Deno.test("connect finds the MAC by ARP, opens, and both sides close in order", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  assertEquals(client.remote, { address: ADDRESS_B, port: 80 });
  assertEquals(server.remote, { address: ADDRESS_A, port: client.local.port });
  await client.write(new TextEncoder().encode("ping"));
  await client.closeWrite();
  const request = await world.run(collect(server));
  assertEquals(new TextDecoder().decode(request), "ping");
  await server.write(new TextEncoder().encode("pong"));
  await server.closeWrite();
  assertEquals(new TextDecoder().decode(await world.run(collect(client))), "pong");
  await world.pass(5000);
  assertEquals([a.stats().connections, b.stats().connections], [0, 0]);
  assertEquals([a.stats().timers, b.stats().timers], [0, 0]);
});

Deno.test("connect to a port without a listener is refused", async () => {
  const world = new Simulation();
  const [a] = world.pair();
  const error = await assertRejects(() => world.run(a.connect(ADDRESS_B, 81)), GatewayError);
  assertEquals(error.code, "refused");
  assertEquals(error.message, "10.0.0.2 port 81 refused the connection");
  assertEquals(a.stats().connections, 0);
});

Deno.test("connect to an address that does not answer ARP is unreachable", async () => {
  const world = new Simulation();
  const [a] = world.pair();
  const error = await assertRejects(() => world.run(a.connect(0x0a000063, 80)), GatewayError);
  assertEquals(error.code, "unreachable");
  assertEquals([a.stats().connections, a.stats().neighbours, a.stats().timers], [0, 0, 0]);
});

Deno.test("connect to an address outside the network is unreachable at once", async () => {
  const world = new Simulation();
  const [a] = world.pair();
  for (const address of [0x08080808, ADDRESS_A, 0x0a000000, 0x0affffff]) {
    const error = await assertRejects(() => a.connect(address, 80), GatewayError);
    assertEquals(error.code, "unreachable");
  }
});

Deno.test("connect gives up after its timeout when the SYN is not answered", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  await world.run(a.ping(ADDRESS_B));
  world.tap = (_frame, from) => from !== 1;
  const connecting = a.connect(ADDRESS_B, 80, { timeoutMs: 3000 });
  const error = await assertRejects(() => world.run(connecting), GatewayError);
  assertEquals(error.code, "timeout");
  assertEquals(Math.round(world.now / 1000), 3);
  assertEquals(b.stats().tcp.segmentsIn, 2);
});

Deno.test("connect is aborted by its signal, before and during", async () => {
  const world = new Simulation();
  const [a] = world.pair();
  const before = AbortSignal.abort();
  const early = await assertRejects(() => a.connect(ADDRESS_B, 80, { signal: before }));
  assertEquals((early as GatewayError).code, "aborted");
  const controller = new AbortController();
  const connecting = a.connect(0x0a000063, 80, { signal: controller.signal });
  controller.abort();
  const late = await assertRejects(() => world.run(connecting));
  assertEquals((late as GatewayError).code, "aborted");
  assertEquals(a.stats().connections, 0);
});

Deno.test("ping measures the round trip, and times out without an answer", async () => {
  const world = new Simulation();
  const [a] = world.pair({ delay: 2 });
  await world.run(a.ping(ADDRESS_B));
  assertEquals(await world.run(a.ping(ADDRESS_B)), 4);
  const error = await assertRejects(() => world.run(a.ping(0x0a000063)), GatewayError);
  assertEquals(error.code, "timeout");
});

Deno.test("a connection of a VM to the world is reset, or taken by the outbound policy", async () => {
  const world = new Simulation();
  const seen: string[] = [];
  const [a, b] = world.pair();
  let lost = 0;
  a.setOutbound((to, from) => {
    seen.push(`${to.port} from ${from.address - ADDRESS_A}`);
    if (to.port !== 443) return "refused";
    const link = { open: (c: GatewayConnection) => void c.closeWrite(), lost: () => void lost++ };
    return Promise.resolve(link);
  });
  await assertRejects(() => world.run(b.connect(ADDRESS_A, 25)), GatewayError, "refused");
  const taken = await world.run(b.connect(ADDRESS_A, 443));
  assertEquals(await world.run(taken.read()), null);
  assertEquals(seen, ["25 from 1", "443 from 1"]);
  assertEquals(a.stats().tcp.refused, 1);
  assertEquals(lost, 0);
});

Deno.test("forget ends the connections of one VM", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  const reading = client.read();
  a.forget(ADDRESS_B);
  await assertRejects(() => reading, GatewayError, "aborted");
  await assertRejects(() => world.run(server.read()), GatewayError, "reset");
  assertEquals([a.stats().connections, a.stats().neighbours], [0, 0]);
});

Deno.test("a closed gateway refuses work and leaves no timer", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client } = await connectPair(world, a, b);
  a.close();
  await assertRejects(() => client.read(), GatewayError, "aborted");
  await assertRejects(() => a.connect(ADDRESS_B, 80), GatewayError, "closed");
  assertEquals(a.stats().timers, 0);
});
