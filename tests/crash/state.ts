/**
 * The crash test of the server's state: clients make, change and remove VMs, images, disks, ports and
 * tokens, the whole process is killed by SIGKILL at a random moment, and the next start must find each
 * of them as it was last acknowledged, or as the one request says that was under way. Each round goes
 * on with the data folder of the one before.
 */

import { type Random, random } from "./random.ts";
import { until } from "../support/until.ts";
import { type Client, Things } from "./state_things.ts";
import { idleGuest } from "../../supervisor/testing/guests.ts";

export interface StateCrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface StateCrashResult {
  /** Requests that were acknowledged, over all rounds. */
  readonly acked: number;
  /** What was not found as it was acknowledged, by round. */
  readonly wrong: readonly string[];
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CLIENTS = 4;
/** Longest time from the first request until the kill. */
const LIFE_MS = 700;
/** However slow the machine is. */
const ACKED_LEAST = 5;
const TOKEN = "token-of-the-crash-test";

export async function stateRounds(options: StateCrashOptions): Promise<StateCrashResult> {
  const { rounds, seed, log } = options;
  const folder = await Deno.makeTempDir({ prefix: "denali-state-crash-" });
  const rng = random(seed);
  // Each client has things of its own, so that it knows what came of each.
  const things = Array.from({ length: CLIENTS }, (_, index) => new Things(`c${index}`));
  const wrong: string[] = [];
  let acked = 0;
  try {
    await Deno.writeTextFile(`${folder}/token`, TOKEN);
    for (let round = 1; round <= rounds; round++) {
      const found = await liveAndDie(folder, things, rng, round === 1);
      wrong.push(...found.map((what) => `round ${round}: ${what}`));
      acked = things.reduce((sum, each) => sum + each.acked, 0);
      const kept = things.reduce((sum, each) => sum + each.size, 0);
      log?.(`round ${round}: ${acked} acknowledged so far, ${kept} things, ${wrong.length} wrong`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return { acked, wrong };
}

/** Starts a server, compares what it has with what was acknowledged, goes on, kills it. */
async function liveAndDie(
  folder: string,
  things: readonly Things[],
  rng: Random,
  first: boolean,
): Promise<string[]> {
  const words = ["up", "--listen", "127.0.0.1:0", "--cells", "1", "--pool", "64M"];
  words.push("--data", `${folder}/data`, "--admin-token", `${folder}/token`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", MAIN, ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const client = clientOf(await urlOf(child));
    await ready(client);
    if (first) await client("POST", "/v1/images?name=idle", { body: idleGuest() });
    const wrong: string[] = [];
    for (const each of things) wrong.push(...await each.compare(client));
    const { orphans } = (await client("GET", "/v1/system")).body as { orphans: string[] };
    for (const path of orphans) {
      // What a request left that was under way; an operator who is told moves it away.
      if (/^(images|disks)\//.test(path)) await Deno.remove(`${folder}/data/${path}`);
      else wrong.push(`orphan ${path}`);
    }
    let over = false;
    const work = things.map(async (each) => {
      while (!over) {
        await each.step(client, rng).catch((error) => {
          // Only a server that is gone does not answer.
          if (!over && !(error instanceof TypeError)) wrong.push(error.message);
          over = true;
        });
      }
    });
    const acked = () => things.reduce((sum, each) => sum + each.acked, 0), before = acked();
    await new Promise((resolve) => setTimeout(resolve, rng() * LIFE_MS));
    await until(() => over || acked() >= before + ACKED_LEAST, "requests are acknowledged");
    child.kill("SIGKILL");
    over = true;
    await Promise.all(work);
    return wrong;
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It is dead already.
    }
    await child.status;
  }
}

async function urlOf(child: Deno.ChildProcess): Promise<string> {
  let text = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the server did not start:\n${text}`);
    text += value;
    const url = /listening on (http:\S+)/.exec(text)?.[1];
    if (url === undefined) continue;
    reader.read().catch(() => {});
    return url;
  }
}

function clientOf(url: string): Client {
  return async (method, path, { json, body } = {}) => {
    const response = await fetch(url + path, {
      method,
      body: json === undefined ? body : JSON.stringify(json),
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...json !== undefined && { "content-type": "application/json" },
      },
    });
    const text = await response.text();
    const isJson = (response.headers.get("content-type") ?? "").includes("json");
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
}

function ready(client: Client): Promise<void> {
  return until(
    async () => (await client("GET", "/readyz")).status === 200,
    "the server gets ready",
  );
}
