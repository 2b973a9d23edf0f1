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

/**
 * Seconds for which the threads that a process has now could have run and had no core, all together: a
 * measure of other load on the machine. From schedstat (Linux, Documentation/scheduler/sched-stats.rst).
 */
export async function waitedForCore(pid: number): Promise<number> {
  let nanoseconds = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    // A thread may end meanwhile.
    const text = await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`).catch(() =>
      "0 0 0"
    );
    nanoseconds += Number(text.split(" ")[1]);
  }
  return nanoseconds / 1e9;
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
