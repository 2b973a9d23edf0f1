import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { GatewayConnection } from "./gateway/gateway.ts";
import { type Loopback, loopback } from "./gateway/loopback.ts";
import { ADDRESS_B } from "./gateway/simulation.ts";
import { assertSameBytes, collect, randomBytes } from "./gateway/simulation_streams.ts";
import { publish, type Published } from "./publish.ts";
import { until } from "../tests/support/until.ts";

type Serve = (connection: GatewayConnection) => void;

/** A VM (the far gateway) that serves port 80, published on a free port of 127.0.0.1. */
function publishTest(
  name: string,
  serve: Serve | null,
  body: (published: Published, link: Loopback) => Promise<void>,
): void {
  Deno.test(`publish: ${name}`, async () => {
    const link = loopback();
    if (serve !== null) link.b.listen(80, serve);
    const host = { hostname: "127.0.0.1", port: 0 };
    const published = publish(link.a, host, { address: ADDRESS_B, port: 80 });
    try {
      await body(published, link);
      await until(() => published.stats.open === 0, "every connection ends");
      await until(() => active(link) === 0, "the gateway forgets every connection");
    } finally {
      published.close();
      link.close();
    }
  });
}

function active({ a }: Loopback): number {
  const { connections, timeWait } = a.stats();
  return connections - timeWait;
}

function dial({ port }: Published): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

const echo: Serve = async (connection) => {
  try {
    for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
      await connection.write(bytes);
    }
    await connection.closeWrite();
  } catch {
    connection.abort();
  }
};

publishTest("ten megabytes go through and back byte-exact", echo, async (published) => {
  const client = await dial(published);
  const bytes = randomBytes(10_000_000);
  const sending = (async () => {
    for (let at = 0; at < bytes.length;) at += await client.write(bytes.subarray(at));
    await client.closeWrite();
  })();
  const back = new Uint8Array(await new Response(client.readable).arrayBuffer());
  await sending;
  assertSameBytes(back, bytes);
});

publishTest("half-close passes: the answer comes after the client's FIN", async (connection) => {
  const request = await collect(connection);
  await connection.write(request.reverse());
  await connection.closeWrite();
}, async (published) => {
  const client = await dial(published);
  await client.write(new TextEncoder().encode("abc"));
  await client.closeWrite();
  assertEquals(await new Response(client.readable).text(), "cba");
});

publishTest("a hundred clients at once each get their own bytes", echo, async (published) => {
  await Promise.all(Array.from({ length: 100 }, async (_, index) => {
    const client = await dial(published);
    await client.write(new TextEncoder().encode(`client ${index}`));
    await client.closeWrite();
    assertEquals(await new Response(client.readable).text(), `client ${index}`);
  }));
});

publishTest("a port nobody listens on ends the client's connection", null, async (published) => {
  const client = await dial(published);
  assertEquals(await client.read(new Uint8Array(10)), null);
  client.close();
  assertEquals(published.stats.failed, 1);
});

publishTest("a reset by the VM ends the client's connection", (connection) => {
  void connection.read().then(() => connection.abort());
}, async (published) => {
  const client = await dial(published);
  await client.write(new Uint8Array(1));
  assertEquals(await client.read(new Uint8Array(10)).catch(() => null), null);
  client.close();
});

publishTest(
  "what a VM says before it resets a client that goes on sending arrives",
  (connection) => {
    void connection.read().then(async () => {
      await connection.write(new TextEncoder().encode("no"));
      connection.abort();
    });
  },
  async (published) => {
    for (let times = 0; times < 20; times++) {
      const client = await dial(published);
      const sending = (async () => {
        for (const piece = new Uint8Array(65_536);;) await client.write(piece);
      })().catch(() => {});
      const buffer = new Uint8Array(10);
      assertEquals(
        new TextDecoder().decode(buffer.subarray(0, await client.read(buffer) ?? 0)),
        "no",
      );
      client.close();
      await sending;
    }
  },
);

let ended: string[] = [];
const endless: Serve = async (connection) => {
  const piece = new Uint8Array(65_536);
  try {
    for (;;) await connection.write(piece);
  } catch (error) {
    ended.push((error as { code: string }).code);
  }
};

publishTest("a client that hangs up in mid-download resets that connection only", endless, async (
  published,
) => {
  ended = [];
  const [doomed, other] = [await dial(published), await dial(published)];
  const buffer = new Uint8Array(65_536);
  for (let got = 0; got < 1_000_000;) got += (await doomed.read(buffer))!;
  doomed.close();
  await until(() => ended.length === 1, "the VM's writer is told");
  assertEquals(ended, ["reset"]);
  for (let got = 0; got < 1_000_000;) got += (await other.read(buffer))!;
  other.close();
  await until(() => ended.length === 2, "the other ends when its client does");
});

let written = 0;
const counting: Serve = async (connection) => {
  const piece = new Uint8Array(65_536);
  written = 0;
  try {
    for (;; written += piece.length) await connection.write(piece);
  } catch {
    // The client has hung up.
  }
};

publishTest("a client that does not read stops the VM's writer", counting, async (published) => {
  const client = await dial(published);
  let before = -1, still = 0;
  await until(() => {
    still = before === (before = written) && written > 0 ? still + 1 : 0;
    return still === 20;
  }, "the writer stands still");
  assert(
    written < 32 << 20,
    `${written} bytes were taken from the VM for a client that reads none`,
  );
  client.close();
});

Deno.test("publish: a VM that boots is asked again until it listens, and one that has booted is not", async () => {
  const link = loopback();
  let asked = 0, booting = true;
  const target = {
    address: ADDRESS_B,
    port: 80,
    get booting() {
      asked++;
      return booting;
    },
  };
  const published = publish(link.a, { hostname: "127.0.0.1", port: 0 }, target);
  const client = await dial(published);
  await client.write(new TextEncoder().encode("early"));
  await client.closeWrite();
  await until(() => asked > 3, "it is asked again");
  const stop = link.b.listen(80, echo);
  assertEquals(await new Response(client.readable).text(), "early");
  stop();
  booting = false;
  const late = await dial(published);
  assertEquals(await late.read(new Uint8Array(1)), null);
  late.close();
  await until(() => published.stats.failed === 1, "one connection that has failed");
  published.close();
  link.close();
});

Deno.test("publish: a port in use is refused with what to do", () => {
  const link = loopback();
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  assertThrows(
    () => publish(link.a, { hostname: "127.0.0.1", port }, { address: ADDRESS_B, port: 80 }),
    Error,
    `cannot listen on 127.0.0.1:${port}: the port is in use; stop the program that holds it`,
  );
  taken.close();
  link.close();
});

Deno.test("publish: close ends open connections and frees the port", async () => {
  const link = loopback();
  link.b.listen(80, echo);
  const host = { hostname: "127.0.0.1", port: 0 };
  const published = publish(link.a, host, { address: ADDRESS_B, port: 80 });
  const client = await dial(published);
  await client.write(new Uint8Array(1));
  await client.read(new Uint8Array(1));
  published.close();
  assertEquals(await client.read(new Uint8Array(1)).catch(() => null), null);
  client.close();
  await assertRejects(() => dial(published), Deno.errors.ConnectionRefused);
  await until(() => published.stats.open === 0, "the connection ends");
  link.close();
});
