/** The C programs of tests/programs, which tests compare between processors and benchmarks time. */

import { call, type Machine } from "./compile.ts";

/**
 * What `main` is called with: how often the work is repeated. A second call does the same as the first. A
 * repetition takes a fraction of a millisecond on the processor.
 */
export interface ProgramSizes {
  /** To compare the result. */
  readonly test: number;
  /** To time it: some milliseconds on the evaluator. */
  readonly bench: number;
}

export const PROGRAMS: Readonly<Record<string, ProgramSizes>> = {
  crc32: { test: 1, bench: 4 },
  sieve: { test: 1, bench: 2 },
  fib: { test: 4, bench: 12 },
  quicksort: { test: 1, bench: 2 },
  sha256: { test: 20, bench: 200 },
  arithmetic: { test: 300, bench: 2000 },
  floating: { test: 3, bench: 20 },
  integer: { test: 2, bench: 4 },
  matrix: { test: 3, bench: 4 },
  mandelbrot: { test: 1, bench: 1 },
  x87: { test: 3, bench: 4 },
  search: { test: 2, bench: 3 },
  lz: { test: 1, bench: 4 },
  memory: { test: 4, bench: 12 },
  interpreter: { test: 2, bench: 4 },
  lists: { test: 1, bench: 2 },
  tokens: { test: 1, bench: 16 },
  aes: { test: 2, bench: 10 },
};

/** The source of a file in tests/programs, named without `.c`. */
export function programSource(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`../programs/${name}.c`, import.meta.url));
}

/** Million instructions per second of repeated runs for at least `milliseconds`. */
export function measureSpeed(machine: Machine, argument: number, milliseconds: number): number {
  const start = performance.now(), retired = machine.cpu.retired;
  let elapsed = 0;
  do {
    call(machine, argument);
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return (machine.cpu.retired - retired) / elapsed / 1000;
}
