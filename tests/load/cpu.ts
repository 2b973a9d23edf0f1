/** Processor time of a process, from Linux's /proc (proc(5)). */

/** Clock ticks per second in /proc: fixed by Linux's ABI on the architectures that Deno runs on. */
const TICKS_PER_SECOND = 100;

export interface CpuTimes {
  /** Seconds of the main thread. */
  readonly main: number;
  /** Seconds of all threads, those that ended meanwhile included. */
  readonly total: number;
}

/** Seconds that a process has used so far. */
export async function cpuTimes(pid: number): Promise<CpuTimes> {
  const [main, total] = await Promise.all([
    secondsOf(`/proc/${pid}/task/${pid}/stat`),
    secondsOf(`/proc/${pid}/stat`),
  ]);
  return { main, total };
}

/** What a process used between two readings. */
export function usedBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  return { main: after.main - before.main, total: after.total - before.total };
}

async function secondsOf(path: string): Promise<number> {
  const stat = await Deno.readTextFile(path);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
