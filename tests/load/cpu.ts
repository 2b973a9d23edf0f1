/** Processor time of the threads of a process, from Linux's /proc (proc(5)). */

/** Clock ticks per second in /proc: fixed by Linux's ABI on the architectures that Deno runs on. */
const TICKS_PER_SECOND = 100;

export interface CpuTimes {
  /** Seconds of the main thread. */
  readonly main: number;
  /** Seconds of every thread together. */
  readonly total: number;
  /** Seconds of each other thread that used any, longest first. */
  readonly others: readonly number[];
}

/** Seconds that the threads of a process have used so far. */
export async function cpuTimes(pid: number): Promise<Map<number, number>> {
  const times = new Map<number, number>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const stat = await Deno.readTextFile(`/proc/${pid}/task/${name}/stat`).catch(() => "");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields.length > 13) {
      times.set(Number(name), (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND);
    }
  }
  return times;
}

/** What the threads of a process used between two readings. */
export function usedBetween(
  pid: number,
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
): CpuTimes {
  const used = [...after].map(([tid, seconds]) => [tid, seconds - (before.get(tid) ?? 0)]);
  const others = used.filter(([tid, seconds]) => tid !== pid && seconds > 0).map(([, s]) => s);
  return {
    main: used.find(([tid]) => tid === pid)?.[1] ?? 0,
    total: used.reduce((sum, [, seconds]) => sum + seconds, 0),
    others: others.sort((a, b) => b - a),
  };
}
