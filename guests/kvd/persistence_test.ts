/** What kvd keeps: over restarts, kills, full disks and disks that are no log of its own. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import { type Answer, command, RespClient } from "../../tests/support/resp.ts";
import {
  GuestHost,
  type NativeGuest,
  nativeGuest,
  prepare,
  runTool,
  startNative,
} from "../../tests/support/guest_host.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
if (!ignore) await prepare("kvd");
const native = ignore ? "" : await nativeGuest("kvd", ["-g", "-fsanitize=address,undefined"]);
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));

async function withDisk(bytes: number, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.truncate(path, bytes);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

function start(path: string, settings: Record<string, string> = {}): Promise<NativeGuest> {
  return startNative(native, [], { port: "0", DENALI_DISK: path, ...settings });
}

/** Everything, in an order of its own. */
async function contents(client: RespClient): Promise<string[]> {
  const all: string[] = [];
  for (const key of (await client.ask("KEYS", "*") as string[]).sort()) {
    const type = await client.ask("TYPE", key);
    let value: Answer = await client.ask("GET", key);
    if (type === "list") value = await client.ask("LRANGE", key, 0, -1);
    if (type === "hash") {
      const fields = (await client.ask("HKEYS", key) as string[]).sort();
      value = [...fields, ...await client.ask("HMGET", key, ...fields) as string[]];
    }
    const timed = await client.ask("TTL", key) as number > 0;
    all.push(JSON.stringify([key, type, value, timed]));
  }
  return all;
}

async function fill(client: RespClient): Promise<void> {
  let asked = 0;
  const ask = async (...words: (string | number)[]) => {
    await client.send(command(...words));
    asked++;
  };
  for (let i = 0; i < 200; i++) {
    await ask("SET", `s${i % 50}`, `value ${i} ${"x".repeat(i * 7)}`);
    await ask("RPUSH", `l${i % 3}`, i, `item ${i}`);
    await ask("HSET", `h${i % 4}`, `f${i % 31}`, i, "same", `v${i}`);
    await ask("INCRBY", "counter", i);
    if (i % 5 === 0) await ask("DEL", `s${(i * 3) % 50}`);
    if (i % 7 === 0) await ask("LPOP", `l${i % 3}`);
    if (i % 8 === 0) await ask("LSET", `l${i % 3}`, -1, `set ${i}`);
    if (i % 13 === 0) await ask("LREM", `l${i % 3}`, -1, `item ${i - 3}`);
    if (i % 17 === 0) await ask("RENAME", `s${i % 50}`, `s${(i * 7) % 50}`);
    if (i % 19 === 0) await ask("GETDEL", `s${(i * 11) % 50}`);
    if (i % 23 === 0) await ask("LTRIM", `l${i % 3}`, 2, -1);
    if (i % 9 === 0) await ask("EXPIRE", `s${i % 50}`, 10_000);
    if (i % 11 === 0) await ask("APPEND", `s${i % 50}`, "more");
  }
  await ask("SET", "soon", "gone", "PX", 1);
  await ask("MSET", "m1", "1", "m2", "2");
  await ask("HDEL", "h1", "same");
  while (asked--) await client.answer();
}

Deno.test({
  name: "a kvd in a VM finds its keys again on its disk, also when it was stopped in the midst",
  ignore,
  fn: () =>
    GuestHost.use(async (host) => {
      await host.supervisor.disks!.store.create("keys", 4 << 20);
      const vm = await host.boot("kvd", {
        publish: [6379],
        disks: [{ name: "keys", readOnly: false }],
        env: { appendfsync: "always" },
      });
      await vm.says("listening");
      const client = await RespClient.connect(vm.port);
      await fill(client);
      while (await client.ask("EXISTS", "soon")) { /* until its time is over */ }
      const before = await contents(client);
      assert(before.length > 30);
      client.close();
      for (let round = 0; round < 2; round++) {
        const { supervisor } = host;
        await supervisor.stop(vm.name);
        await supervisor.start(vm.name);
        const port = supervisor.get(vm.name).publish[0].host;
        let again: RespClient | null = null;
        while (!again) {
          again = await RespClient.connect(port);
          if (await again.ask("PING").catch(() => null) === "PONG") break;
          again.close();
          again = null;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assertEquals(await contents(again), before);
        if (round === 0) assertEquals(await again.ask("BGREWRITEAOF"), "OK");
        again.close();
      }
    }),
});

Deno.test({
  name:
    "every change that was answered with appendfsync always is there after SIGKILL at any moment",
  ignore,
  fn: () =>
    withDisk(2 << 20, async (path) => {
      const answered = new Map<string, number>(), asked = new Map<string, number>();
      let number = 0;
      const rounds = Number(Deno.env.get("DENALI_KILL_ROUNDS") ?? "5");
      for (let round = 0; round <= rounds; round++) {
        const server = await start(path, { appendfsync: "always" });
        const client = await RespClient.connect(server.port);
        for (const [key, last] of asked) {
          const got = Number(await client.ask("GET", key) ?? 0);
          assert(got >= (answered.get(key) ?? 0) && got <= last, `${key}: ${got} of ${last}`);
          answered.set(key, got);
          asked.set(key, got);
        }
        client.close();
        if (round === rounds) {
          await server.stop();
          break;
        }
        const writers = Array.from({ length: 4 }, async (_, writer) => {
          const own = await RespClient.connect(server.port);
          try {
            for (;;) {
              const key = `key:${writer}:${number % 50}`, value = ++number;
              asked.set(key, value);
              if (await own.ask("SET", key, value) !== "OK") throw new Error("refused");
              answered.set(key, value);
            }
          } catch {
            own.close();
          }
        });
        const enough = number + 50 + Math.floor(Math.random() * 1500);
        while (number < enough) await new Promise((resolve) => setTimeout(resolve, 1));
        await server.stop("SIGKILL");
        await Promise.all(writers);
      }
    }),
});

Deno.test({
  name: "a log that is full is written anew, and keys that fill the disk are refused and kept",
  ignore,
  fn: () =>
    withDisk(256 << 10, async (path) => {
      let server = await start(path, { appendfsync: "no" });
      let client = await RespClient.connect(server.port);
      for (let i = 0; i < 3000; i++) {
        assertEquals(await client.ask("SET", `k${i % 10}`, `${i} ${"x".repeat(400)}`), "OK");
      }
      assertMatch(String(await client.ask("INFO", "persistence")), /log_rewrites:[1-9]/);
      let stored = 0, answer: Answer = "OK";
      while ((answer = await client.ask("SET", `big${stored}`, "y".repeat(5000))) === "OK") {
        stored++;
      }
      assertMatch(String(answer), /^-OOM the disk has no room/);
      assert(stored > 5);
      // What is refused again and again does not cost a rewrite each time.
      const rewrites = async () =>
        Number(/log_rewrites:(\d+)/.exec(String(await client.ask("INFO", "persistence")))![1]);
      const before = await rewrites();
      for (let i = 0; i < 50; i++) {
        assertMatch(
          String(await client.ask("SET", "one more", "y".repeat(5000))),
          /^-OOM the disk/,
        );
      }
      assert(await rewrites() <= before + 1);
      assertEquals(await client.ask("DEL", "big0"), 1);
      await client.ask("CONFIG", "SET", "appendfsync", "always");
      assertEquals(await client.ask("SET", "small", "1"), "OK");
      const kept = await contents(client);
      client.close();
      await server.stop("SIGKILL");
      server = await start(path);
      client = await RespClient.connect(server.port);
      assertEquals(await contents(client), kept);
      client.close();
      await server.stop();
    }),
});

Deno.test({
  name: "a disk with something else on it is not touched, and one that cannot be written is told",
  ignore,
  fn: () =>
    withDisk(1 << 20, async (path) => {
      await Deno.writeTextFile(path, "precious".repeat(1 << 17));
      const env = ["-i", `DENALI_DISK=${path}`, "port=0", native];
      const { code, stderr } = await runTool("env", env);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "not a log of kvd; it was not touched");
      assertEquals(await Deno.readTextFile(path), "precious".repeat(1 << 17));
      // A disk that is attached to be read only.
      await GuestHost.use(async (host) => {
        await host.supervisor.disks!.store.create("keys", 1 << 20);
        const boot = async (name: string, readOnly: boolean) => {
          const disks = [{ name: "keys", readOnly }];
          const vm = await host.boot("kvd", { name, publish: [6379], disks });
          await vm.says("listening");
          return { vm, client: await RespClient.connect(vm.port) };
        };
        const first = await boot("writer", false);
        await first.client.ask("SET", "a", "1");
        assertEquals(await first.client.ask("BGREWRITEAOF"), "OK");
        first.client.close();
        await host.supervisor.remove("writer");
        const { client } = await boot("reader", true);
        assertEquals(await client.ask("GET", "a"), "1");
        assertMatch(
          String(await client.ask("SET", "a", "2")),
          /^-MISCONF the log cannot be written/,
        );
        assertEquals(await client.ask("GET", "a"), "1");
        client.close();
      });
    }),
});

Deno.test({
  name: "a flush is shared by the clients of a turn, and nothing is answered before it",
  ignore,
  fn: () =>
    withDisk(4 << 20, async (path) => {
      const server = await start(path, { appendfsync: "always" });
      const client = await RespClient.connect(server.port);
      const flushes = async () =>
        Number(/log_flushes:(\d+)/.exec(String(await client.ask("INFO", "persistence")))![1]);
      const before = await flushes();
      const sent = Array.from({ length: 500 }, (_, i) => command("SET", `k${i}`, i));
      const all = new Uint8Array(sent.reduce((sum, bytes) => sum + bytes.length, 0));
      sent.reduce((at, bytes) => (all.set(bytes, at), at + bytes.length), 0);
      await client.send(all);
      for (let i = 0; i < 500; i++) assertEquals(await client.answer(), "OK");
      const count = await flushes() - before;
      assert(count >= 1 && count < 100, `${count} flushes for 500 changes`);
      client.close();
      await server.stop();
    }),
});
