/**
 * The crash test of disks: a VM writes records and says which are safe, the whole process is killed by
 * SIGKILL at a random moment, and every record that was acknowledged must be there. Each round goes on with the
 * disk of the one before.
 */

import { buildImage } from "../../guests/build.ts";
import { startVictim } from "./process.ts";
import { judgeRecords } from "./records.ts";

export interface CrashOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface CrashResult {
  /** Records that were acknowledged, over all rounds. */
  readonly acked: number;
  /** What was lost or torn, by round. */
  readonly wrong: readonly string[];
}

const BLOCKS = 512;
/** Longest time from the first acknowledgement until the kill. */
const LIFE_MS = 600;

export async function crashRounds({ rounds, seed, log }: CrashOptions): Promise<CrashResult> {
  const image = await buildImage([new URL("recorder.c", import.meta.url).pathname]);
  const folder = await Deno.makeTempDir({ prefix: "denali-crash-" });
  const disk = `${folder}/records.img`;
  const wrong: string[] = [];
  let state = seed | 1, acked = 0, before = 0;
  try {
    await Deno.writeFile(disk, new Uint8Array(0));
    await Deno.truncate(disk, BLOCKS * 4096);
    for (let round = 1; round <= rounds; round++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const told = await liveAndDie(image, disk, state / 2 ** 32 * LIFE_MS);
      const { last, wrong: found } = judgeRecords(await Deno.readFile(disk), told.acked);
      wrong.push(...found.map((what) => `round ${round}: ${what}`));
      if (told.found !== `found ${before} bad 0`) {
        wrong.push(`round ${round}: the guest ${told.found}, expected ${before}`);
      }
      acked += Math.max(0, told.acked - before);
      before = last;
      log?.(`round ${round}: ${told.acked} acknowledged, ${last} written, ${wrong.length} wrong`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return { acked, wrong };
}

/** Runs the guest in a process of its own and kills that so long after the first acknowledgement. */
async function liveAndDie(image: string, disk: string, milliseconds: number) {
  const victim = startVictim(["--disk", disk, "--memory", "4M", image]);
  await victim.says("acked");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  await victim.kill();
  // The last line may be cut.
  const { output } = victim;
  const lines = output.slice(0, output.lastIndexOf("\n")).split("\n");
  return { found: lines[0], acked: Number(/acked (\d+)/.exec(lines.at(-1)!)?.[1] ?? 0) };
}
