/** kvd against the real Redis, its command line and its benchmark; in a VM and as a Linux program. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import { type Answer, command, RespClient } from "../../tests/support/resp.ts";
import {
  GuestHost,
  nativeGuest,
  onVmAndLinux,
  prepare,
  runTool,
} from "../../tests/support/guest_host.ts";
import { freePort } from "../../tests/support/free_port.ts";
import { attempts, until } from "../../tests/support/until.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
const noServer = ignore || !await hasTool("redis-server", "kvd's answers are compared with its");
const noTools = ignore || !await hasTool("redis-cli", "it is a client of kvd") ||
  !await hasTool("redis-benchmark", "it is a client of kvd");
if (!ignore) await prepare("kvd");
const native = ignore ? "" : await nativeGuest("kvd", ["-g", "-fsanitize=address,undefined"]);
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));

/** Both without a disk. */
function onBoth(env: Record<string, string>, test: (port: number) => Promise<void>): Promise<void> {
  return onVmAndLinux("kvd", native, { publish: [6379], env }, test);
}

/** A Redis of its own, without persistence. */
async function withRedis(test: (port: number) => Promise<void>): Promise<void> {
  const port = freePort();
  const args = ["--port", String(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
  const process = new Deno.Command("redis-server", { args, stdout: "null" }).spawn();
  try {
    await until(async () => {
      const client = await RespClient.connect(port).catch(() => null);
      client?.close();
      return client !== null;
    }, "redis-server listens");
    await test(port);
  } finally {
    process.kill();
    await process.status;
  }
}

/** Random commands over few keys, so that they meet each other's values. */
function randomCommand(random: (range: number) => number): string[] {
  const key = () => "k" + random(6), pick = <T>(...of: T[]) => of[random(of.length)];
  const value = () =>
    pick(
      "",
      "0",
      "-7",
      "12",
      "hello",
      "9223372036854775807",
      "1.5",
      " 1",
      "\xff\0\r\n",
      "x".repeat(90),
    );
  const number = () => pick("0", "1", "-1", "2", "-3", "100", "x", "9223372036854775807");
  const field = () => pick("a", "b", "c", "");
  const some = (make: () => string) => Array.from({ length: 1 + random(3) }, make);
  const pairs = (make: () => string) => some(make).flatMap((name) => [name, value()]);
  return pick<() => string[]>(
    () => ["SET", key(), value(), ...pick([], ["NX"], ["XX"], ["GET"], ["KEEPTTL"], ["NX", "XX"])],
    () => ["SET", key(), value(), "EX", pick("100000", "0", "-1", "x")],
    () => ["SET", key(), value(), "PX", pick("100000000", "0", "-1", "x")],
    () => ["SETNX", key(), value()],
    () => ["SETEX", key(), pick("1000", "0"), value()],
    () => ["GET", key()],
    () => ["GETSET", key(), value()],
    () => ["MGET", ...some(key)],
    () => ["MSET", ...pairs(key), ...pick([], [], [key()])],
    () => ["APPEND", key(), value()],
    () => ["STRLEN", key()],
    () => [pick("INCR", "DECR"), key()],
    () => [pick("INCRBY", "DECRBY"), key(), number()],
    () => [pick("LPUSH", "RPUSH"), key(), ...some(value)],
    () => [pick("LPOP", "RPOP"), key(), ...pick([], [], ["2"], ["0"], ["-1"])],
    () => ["LRANGE", key(), number(), number()],
    () => ["LINDEX", key(), number()],
    () => ["LLEN", key()],
    () => [pick("LPUSHX", "RPUSHX"), key(), ...some(value)],
    () => ["LSET", key(), number(), value()],
    () => ["LTRIM", key(), number(), number()],
    () => ["LREM", key(), number(), value()],
    () => ["GETRANGE", key(), number(), number()],
    () => ["GETDEL", key()],
    () => ["HSTRLEN", key(), field()],
    () => [pick("RENAME", "RENAMENX"), key(), key()],
    () => ["HSET", key(), ...pairs(field), ...pick([], [], ["odd"])],
    () => ["HSETNX", key(), field(), value()],
    () => ["HGET", key(), field()],
    () => ["HMGET", key(), ...some(field)],
    () => ["HDEL", key(), ...some(field)],
    () => [pick("HGETALL", "HKEYS", "HVALS"), key()],
    () => ["HLEN", key()],
    () => ["HEXISTS", key(), field()],
    () => ["HINCRBY", key(), field(), number()],
    () => ["DEL", ...some(key)],
    () => ["EXISTS", ...some(key)],
    () => ["TYPE", key()],
    () => ["EXPIRE", key(), pick("100000", "-1", "x")],
    () => ["PEXPIRE", key(), pick("100000000", "0")],
    () => ["TTL", key()],
    () => ["PERSIST", key()],
    () => ["KEYS", pick("*", "k[1-3]", "?0", "[^k]*", "k\\1", "*2*", "")],
    () => ["DBSIZE"],
    () => ["PING", ...pick([], ["x"])],
    () => ["ECHO", value()],
    () => [pick("get", "GeT", "LLEN", "HGET", "SET"), ...pick([], [key()])],
  )();
}

/** What has no order is sorted; the wording of errors is free, their kind is not; time goes on. */
function comparable(words: string[], answer: Answer): Answer {
  if (typeof answer === "string" && answer.startsWith("-")) return answer.split(" ")[0];
  if (words[0] === "TTL" && Number(answer) > 0) return Math.round(Number(answer) / 1000);
  if (!Array.isArray(answer)) return answer;
  if (words[0] === "KEYS" || words[0] === "HKEYS" || words[0] === "HVALS") return answer.sort();
  if (words[0] !== "HGETALL") return answer;
  const pairs = [];
  for (let i = 0; i < answer.length; i += 2) pairs.push(JSON.stringify(answer.slice(i, i + 2)));
  return pairs.sort();
}

Deno.test({
  name: "kvd answers thousands of random commands as Redis does",
  ignore: noServer,
  fn: () =>
    withRedis((redisPort) =>
      onBoth({}, async (port) => {
        const own = await RespClient.connect(port), redis = await RespClient.connect(redisPort);
        await redis.ask("FLUSHALL");
        let seed = 42;
        const random = (range: number) => {
          seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
          return (seed >>> 8) % range;
        };
        for (let batch = 0; batch < 60; batch++) {
          const commands = Array.from({ length: 100 }, () => randomCommand(random));
          const sent = commands.map((words) => command(...words));
          for (const bytes of sent) await Promise.all([own.send(bytes), redis.send(bytes)]);
          for (const words of commands) {
            const got = comparable(words, await own.answer());
            assertEquals(got, comparable(words, await redis.answer()), JSON.stringify(words));
          }
        }
        own.close();
        redis.close();
      })
    ),
});

Deno.test({
  name: "redis-cli and redis-benchmark drive a kvd in a VM, also with pipelining",
  ignore: noTools,
  fn: () =>
    GuestHost.use(async (host) => {
      const vm = await host.boot("kvd", { publish: [6379] });
      await vm.says("listening");
      const port = ["-p", String(vm.port)];
      const cli = async (...args: string[]) =>
        (await runTool("redis-cli", [...port, ...args])).stdout.trimEnd();
      assertEquals(await cli("SET", "greeting", "hello"), "OK");
      assertEquals(await cli("GET", "greeting"), "hello");
      assertMatch(await cli("INFO"), /maxmemory:8388608\r\n[^]*keys=1,/);
      const many = Array.from({ length: 500 }, (_, i) => `SET key:${i} ${i}\n`).join("");
      const { stdout } = await runTool(
        "redis-cli",
        [...port, "--pipe"],
        new TextEncoder().encode(many.replaceAll("\n", "\r\n")),
      );
      assertMatch(stdout, /errors: 0, replies: 500/);
      assertEquals((await cli("--scan", "--pattern", "key:*")).split("\n").length, 500);
      const tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,hset,lrange_100,mset";
      for (const pipelined of [[], ["-P", "16"]]) {
        const args = [...port, "-q", "-n", "500", "-c", "20", "-t", tests, ...pipelined];
        const { code, stdout, stderr } = await runTool("redis-benchmark", args);
        assertEquals(code, 0, stderr);
        assertEquals(stdout.match(/requests per second/g)?.length, 13, stdout);
      }
    }),
});

Deno.test({
  name: "keys expire at their time, seen or not",
  ignore,
  fn: () =>
    onBoth({}, async (port) => {
      const client = await RespClient.connect(port);
      let milliseconds = 6;
      // A machine that stands still may let it expire before.
      const persisted = await attempts(async () => {
        await client.ask("SET", "kept", "1", "PX", milliseconds *= 10);
        return await client.ask("PERSIST", "kept");
      }, (answer) => answer === 1);
      assertEquals(persisted, 1);
      await client.ask("SET", "short", "1", "PX", milliseconds);
      const left = await client.ask("PTTL", "short") as number;
      assert(left <= milliseconds, String(left));
      while (await client.ask("EXISTS", "short")) { /* until its time is over */ }
      assertEquals(await client.ask("TTL", "short"), -2);
      assertEquals(await client.ask("TTL", "kept"), -1);
      assertEquals(await client.ask("INCR", "short"), 1);
      for (let i = 0; i < 100; i++) await client.ask("SET", `gone:${i}`, "x", "PX", "1");
      while (await client.ask("DBSIZE") !== 2) { /* nobody asks for them: they go all the same */ }
      client.close();
    }),
});

Deno.test({
  name: "what is no command ends one connection with a word of why, and others go on",
  ignore,
  fn: () =>
    onBoth({ maxmemory: "4000000" }, async (port) => {
      const other = await RespClient.connect(port);
      for (
        const [bytes, why] of [
          ["*x\r\n", "invalid multibulk length"],
          ["*99999999\r\n", "invalid multibulk length"],
          ["*1\r\n:5\r\n", "expected '$'"],
          ["*1\r\n$-5\r\n", "invalid bulk length"],
          ["*1\r\n$9999999999\r\n", "invalid bulk length"],
          ["*1\r\n$" + "1".repeat(100), "invalid bulk length"],
          ["*" + "1".repeat(70_000), "invalid multibulk length"],
          ["x".repeat(70_000), "too big inline request"],
        ] as const
      ) {
        const client = await RespClient.connect(port);
        await client.send(bytes);
        assertMatch(
          String(await client.answer()),
          new RegExp(`^-ERR Protocol error: ${why.replace("$", "\\$")}`),
        );
        await assertRejects(() => client.answer());
        client.close();
        assertEquals(await other.ask("PING"), "PONG");
      }
      const inline = await RespClient.connect(port);
      await inline.send("\r\n  SET   a\t1 \nGET a\r\n*0\r\nQUIT\r\nPING\r\n");
      assertEquals([await inline.answer(), await inline.answer(), await inline.answer()], [
        "OK",
        "1",
        "OK",
      ]);
      await assertRejects(() => inline.answer());
      inline.close();
      // A command that comes byte by byte.
      for (const byte of command("SET", "slow", "x\r\ny")) await other.send(new Uint8Array([byte]));
      assertEquals([await other.answer(), await other.ask("GET", "slow")], ["OK", "x\r\ny"]);
      other.close();
    }),
});

Deno.test({
  name: "beyond maxmemory what would grow is refused by name, and what shrinks is not",
  ignore,
  fn: () =>
    onBoth({ maxmemory: "3000000" }, async (port) => {
      const client = await RespClient.connect(port);
      let stored = 0;
      for (;; stored++) {
        const answer = await client.ask("SET", `key:${stored}`, "x".repeat(10_000));
        if (answer === "OK") continue;
        assertMatch(String(answer), /^-OOM command not allowed when used memory > 'maxmemory'/);
        break;
      }
      assert(stored > 200, `${stored} values of 10 kB`);
      for (
        const words of [["LPUSH", "l", "x".repeat(20_000)], ["APPEND", "key:0", "x".repeat(20_000)]]
      ) {
        assertMatch(String(await client.ask(...words)), /^-OOM/);
      }
      assertEquals(await client.ask("GET", "key:0"), "x".repeat(10_000));
      assertEquals(await client.ask("DEL", "key:0", "key:1", "key:2"), 3);
      assertEquals(await client.ask("SET", "again", "x".repeat(10_000)), "OK");
      // One that asks for much and reads nothing is not answered without end.
      const greedy = await RespClient.connect(port);
      await greedy.ask("MGET", ...Array.from({ length: 50 }, (_, i) => `key:${i + 3}`));
      greedy.close();
      client.close();
    }),
});
