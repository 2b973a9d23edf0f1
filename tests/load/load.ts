/**
 * Drives HTTP load from a thread of its own, so that generating it costs the server under test no
 * time on its thread (it still costs the machine a share of its cores: say so beside any figure).
 */

import type { LoadOrder, LoadResult } from "./load_worker.ts";

export type { LoadOrder, LoadResult };

export function load(order: LoadOrder): Promise<LoadResult> {
  const worker = new Worker(new URL("./load_worker.ts", import.meta.url), { type: "module" });
  return new Promise<LoadResult>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<LoadResult>) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(order);
  }).finally(() => worker.terminate());
}

/** The value below which `fraction` of the sorted samples lie; NaN without samples. */
export function percentile(sorted: ArrayLike<number>, fraction: number): number {
  if (sorted.length === 0) return NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))];
}
