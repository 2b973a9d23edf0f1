/**
 * The crash test of kvd: clients write to it with `appendfsync always`, the whole process is killed by SIGKILL
 * at a random moment, and every write that was answered must be there afterwards. Each round goes on with the
 * disk of the one before.
 */

import { buildGuests } from "../../guests/build.ts";
import { type Answer, RespClient } from "../support/resp.ts";
import type { CrashOptions, CrashResult } from "./crash.ts";
import { startVictim, type Victim } from "./process.ts";

const CLIENTS = 8, KEYS = 40, BLOCKS = 4096;
const LIFE_MS = 600;

/** What one client knows of its keys. */
interface Writer {
  readonly name: string;
  /** Number that each key has for certain, and the greatest that it may have. */
  readonly acked: number[];
  readonly sent: number[];
  /** The same of a counter that is incremented with each. */
  counted: number;
  counting: number;
}

export async function kvdRounds({ rounds, seed, log }: CrashOptions): Promise<CrashResult> {
  const [image] = await buildGuests(["kvd"]);
  const folder = await Deno.makeTempDir({ prefix: "denali-crash-" });
  const disk = `${folder}/kvd.img`;
  const writers: Writer[] = Array.from({ length: CLIENTS }, (_, i) => ({
    name: `c${i}`,
    acked: Array(KEYS).fill(0),
    sent: Array(KEYS).fill(0),
    counted: 0,
    counting: 0,
  }));
  const wrong: string[] = [];
  let state = seed | 1;
  try {
    await Deno.writeFile(disk, new Uint8Array(0));
    await Deno.truncate(disk, BLOCKS * 4096);
    for (let round = 1; round <= rounds + 1; round++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const victim = startVictim([
        ...["--disk", disk, "--publish", "127.0.0.1:0:6379", "--memory", "32M"],
        ...["--env", "appendfsync=always", image],
      ]);
      const port = await reachable(victim);
      const found = await judge(port, writers);
      wrong.push(...found.map((what) => `round ${round}: ${what}`));
      if (round <= rounds) await liveAndDie(victim, port, writers, state / 2 ** 32 * LIFE_MS);
      else await victim.kill();
      log?.(`kvd round ${round}: ${total(writers)} acknowledged, ${wrong.length} wrong`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return { acked: total(writers), wrong };
}

function total(writers: readonly Writer[]): number {
  return writers.reduce((sum, { counted }) => sum + counted, 0);
}

async function reachable(victim: Victim): Promise<number> {
  const port = await victim.port(6379);
  await victim.says("listening");
  return port;
}

/** A value that shows whether it is whole. */
function value(number: number, key: number): string {
  return `${number}:` + `${number * 31 + key}.`.repeat(1 + (number * 7 + key) % 60) + "end";
}

/** Compares everything with what is known, and takes over what is there. */
async function judge(port: number, writers: readonly Writer[]): Promise<string[]> {
  const wrong: string[] = [];
  const client = await RespClient.connect(port);
  for (const writer of writers) {
    for (let key = 0; key < KEYS; key++) {
      const answer = await client.ask("GET", `${writer.name}:${key}`);
      const number = answer === null ? 0 : Number(String(answer).split(":")[0]);
      const whole = answer === null || answer === value(number, key);
      const known = number >= writer.acked[key] && number <= writer.sent[key];
      if (!whole || !known) {
        const expected = `${writer.acked[key]} to ${writer.sent[key]}`;
        wrong.push(`${writer.name}:${key}: expected ${expected}, got ${shorten(answer)}`);
      }
      writer.acked[key] = writer.sent[key] = number;
    }
    const counter = Number(await client.ask("GET", `${writer.name}:n`) ?? 0);
    if (!(counter >= writer.counted && counter <= writer.counting)) {
      const expected = `${writer.counted} to ${writer.counting}`;
      wrong.push(`${writer.name}:n: expected ${expected}, got ${counter}`);
    }
    writer.counted = writer.counting = counter;
  }
  client.close();
  return wrong;
}

function shorten(answer: Answer): string {
  return String(answer).slice(0, 60);
}

async function liveAndDie(
  victim: Victim,
  port: number,
  writers: readonly Writer[],
  milliseconds: number,
): Promise<void> {
  const writing = writers.map((writer) => write(port, writer).catch(() => {}));
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  await victim.kill();
  await Promise.all(writing);
}

/** Writes until the connection breaks. */
async function write(port: number, writer: Writer): Promise<void> {
  const client = await RespClient.connect(port);
  try {
    for (let step = 0;; step++) {
      const key = (step * 17) % KEYS, number = writer.acked[key] + 1;
      writer.sent[key] = number;
      if (await client.ask("SET", `${writer.name}:${key}`, value(number, key)) !== "OK") return;
      writer.acked[key] = number;
      writer.counting++;
      if (await client.ask("INCR", `${writer.name}:n`) !== writer.counting) return;
      writer.counted = writer.counting;
    }
  } finally {
    client.close();
  }
}
