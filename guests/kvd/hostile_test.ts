/** kvd among clients that mean it no good, in a VM and as a Linux program under sanitizers. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import { command, RespClient } from "../../tests/support/resp.ts";
import {
  nativeGuest,
  onLinux,
  onVmAndLinux,
  prepare,
  runTool,
} from "../../tests/support/guest_host.ts";
import { sourcesIn } from "../library.ts";
import { fromRoot } from "../paths.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
if (!ignore) await prepare("kvd");
const native = ignore ? "" : await nativeGuest("kvd", ["-g", "-fsanitize=address,undefined"]);
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));

/** Seconds of the fuzz test. */
const FUZZ_SECONDS = Number(Deno.env.get("DENALI_RESP_SECONDS") ?? 3);
/** Logs that are made up. */
const LOGS = Number(Deno.env.get("DENALI_KVD_LOGS") ?? 60);
const LIMIT = 4_000_000;

/** Each lives to the end. */
function onBoth(test: (port: number) => Promise<void>): Promise<void> {
  const env = { maxmemory: String(LIMIT) };
  return onVmAndLinux("kvd", native, { publish: [6379], memory: 8 << 20, env }, test);
}

async function info(client: RespClient, field: string): Promise<number> {
  return Number(new RegExp(`${field}:(\\d+)`).exec(String(await client.ask("INFO")))![1]);
}

/** Resolves when the server has closed it. */
async function closed(client: RespClient): Promise<void> {
  try {
    for (;;) await client.answer();
  } catch {
    client.close();
  }
}

Deno.test({
  name:
    "half a command, a length without its bytes and ten thousand commands at once keep nobody waiting",
  ignore,
  fn: () =>
    onBoth(async (port) => {
      const other = await RespClient.connect(port);
      assertEquals(await other.ask("SET", "a", "1"), "OK");
      const before = await info(other, "used_memory");
      const halves = ["*", "*3\r\n$3\r\nSET\r\n$1\r\n", "*2\r\n$3\r\nGET\r\n$1000000\r\n", "GET a"];
      const clients: RespClient[] = [];
      for (let i = 0; i < 40; i++) {
        const client = await RespClient.connect(port);
        await client.send(halves[i % halves.length]);
        clients.push(client);
        assertEquals(await other.ask("GET", "a"), "1");
      }
      // What is announced is not memory that is taken.
      const each = (await info(other, "used_memory") - before) / clients.length;
      assert(each < 20_000, `${each} bytes for half a command`);
      for (const client of clients.splice(0)) client.close();
      while (await info(other, "connected_clients") > 1) { /* yet */ }
      // Nor does who has been answered keep any.
      for (let i = 0; i < 40; i++) {
        const client = await RespClient.connect(port);
        assertEquals(await client.ask("GET", "a"), "1");
        clients.push(client);
      }
      const idle = (await info(other, "used_memory") - before) / clients.length;
      assert(idle < 1500, `${idle} bytes for an idle client`);
      for (const client of clients) client.close();
      const pipeline = command("INCR", "n"), all = new Uint8Array(10_000 * pipeline.length);
      for (let i = 0; i < 10_000; i++) all.set(pipeline, i * pipeline.length);
      const sending = other.send(all);
      for (let i = 1; i <= 10_000; i++) assertEquals(await other.answer(), i);
      await sending;
      other.close();
    }),
});

Deno.test({
  name:
    "clients that fill the memory with commands or answers are closed with a word of why, and keys stay",
  ignore,
  fn: () =>
    onBoth(async (port) => {
      const other = await RespClient.connect(port);
      for (let i = 0; i < 30; i++) {
        assertEquals(await other.ask("SET", `key:${i}`, "x".repeat(100_000)), "OK");
      }
      // Commands that come nearly whole, one client after the other, until there is no room.
      const writers: RespClient[] = [], head = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$900000\r\n";
      for (let i = 0; i < 10; i++) {
        const client = await RespClient.connect(port);
        await client.send(head + "y".repeat(800_000)).catch(() => {});
        writers.push(client);
        assertEquals(await other.ask("STRLEN", "key:1"), 100_000);
      }
      while (await info(other, "client_query_buffer_limit_disconnections") === 0) { /* yet */ }
      assertMatch(String(await other.ask("SET", "b", "1")), /^-OOM command/);
      for (const client of writers) client.close();
      // One command whose answer is a hundred times what there is room for.
      const greedy = await RespClient.connect(port);
      await greedy.send(command("MGET", ...Array(3000).fill("key:1")));
      await closed(greedy);
      // Many that ask and do not read.
      const deaf: RespClient[] = [];
      for (let i = 0; i < 30; i++) {
        const client = await RespClient.connect(port);
        for (let k = 0; k < 30; k++) await client.send(command("GET", `key:${k}`)).catch(() => {});
        deaf.push(client);
        assertEquals(await other.ask("STRLEN", "key:1"), 100_000);
      }
      assert(await info(other, "client_output_buffer_limit_disconnections") > 0);
      assert(await info(other, "used_memory_peak") < LIMIT * 1.375 + 100_000);
      for (const client of deaf) client.close();
      // What they took is there again.
      while (await info(other, "connected_clients") > 1) { /* yet */ }
      assertEquals(await other.ask("SET", "b", "x".repeat(100_000)), "OK");
      assertEquals(await other.ask("DBSIZE"), 31);
      other.close();
    }),
});

Deno.test({
  name: "a sound log of unsound records is replayed or refused by name",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    // Where somebody listens already: kvd ends when it has read its log.
    using taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
    try {
      const writer = `${folder}/log_noise`, disk = `${folder}/disk`;
      const sources = ["tests/native/log_noise.c", "guests/native/block_file.c"];
      sources.push(...await sourcesIn("ilwaco/store"));
      const flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", writer];
      flags.push("-idirafter", fromRoot("ilwaco/include"));
      assertEquals((await runTool("gcc", [...flags, ...sources.map(fromRoot)])).stderr, "");
      const first = Math.floor(Math.random() * 1e6), ends = { replayed: 0, refused: 0 };
      // Few have nothing that is unsound, and some are needed that have not.
      const enough = (seed: number) => seed >= first + LOGS && ends.replayed > 0;
      for (let seed = first; !enough(seed) && seed < first + 20 * LOGS; seed++) {
        await Deno.writeFile(disk, new Uint8Array(0));
        await Deno.truncate(disk, 1 << 20);
        const env = [`DENALI_DISK=${disk}`, `port=${taken.addr.port}`];
        assertEquals((await runTool("env", [...env, writer, String(seed)])).stderr, "");
        const { code, stdout, stderr } = await runTool("env", [...env, native]);
        assertEquals(code, 1, `seed ${seed}: ${stderr}`);
        if (/^kvd: cannot listen on port \d+: .*\n$/.test(stderr)) ends.replayed++;
        else if (/^kvd: disk disk: Bad message\n$/.test(stderr)) ends.refused++;
        else throw new Error(`seed ${seed}: ${stdout}${stderr}`);
      }
      assert(ends.replayed > 0 && ends.refused > 0, JSON.stringify(ends));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const WORDS = [
  "SET GET APPEND INCR LPUSH RPUSH LPOP LRANGE LTRIM LREM LSET RENAME GETRANGE HSET HGETALL HDEL",
  "MSET MGET DEL EXPIRE TTL KEYS SCAN TYPE CONFIG GET INFO EX COUNT MATCH",
  "a b c 0 -1 1 9223372036854775807 * [a- [^ \\",
].join(" ").split(" ");

/** Commands of which bytes are changed, lost, doubled or cut off. */
function noise(random: (range: number) => number): Uint8Array {
  const parts: number[] = [];
  for (let i = 1 + random(20); i > 0; i--) {
    const words = Array.from(
      { length: 1 + random(6) },
      () => random(8) ? WORDS[random(WORDS.length)] : "z".repeat(random(3000)),
    );
    parts.push(
      ...(random(6) ? command(...words) : new TextEncoder().encode(words.join(" ") + "\n")),
    );
  }
  for (let changes = random(5); changes > 0; changes--) {
    const at = random(parts.length);
    const bytes = () => [...`*$\r\n-0193${String.fromCharCode(random(256))}`][random(10)];
    if (random(3) === 0) parts[at] = bytes().charCodeAt(0);
    else if (random(2)) parts.splice(at, random(20));
    else parts.splice(at, 0, ...parts.slice(at, at + random(40)));
  }
  return new Uint8Array(parts);
}

Deno.test({
  name: "no bytes that clients send end kvd or read beyond its memory",
  ignore,
  fn: () =>
    onLinux(native, { maxmemory: "1000000" }, async (port) => {
      let seed = Date.now() >>> 0;
      const random = (range: number) => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return Math.floor(seed / 2 ** 32 * range);
      };
      const other = await RespClient.connect(port);
      const end = performance.now() + FUZZ_SECONDS * 1000;
      while (performance.now() < end) {
        const begun = seed;
        const client = await RespClient.connect(port);
        const reading = closed(client);
        const bytes = noise(random);
        for (let at = 0; at < bytes.length;) {
          const next = at + 1 + random(bytes.length);
          await client.send(bytes.subarray(at, next)).catch(() => {});
          at = next;
        }
        await client.connection.closeWrite().catch(() => {});
        await reading;
        assertEquals(await other.ask("PING"), "PONG", `seed ${begun}`);
      }
      other.close();
    }),
});
