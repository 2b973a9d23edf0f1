/** The thread that has the database: it may read and write in the data folder, and nothing else. */

import type { Backend } from "./store.ts";
import type { Row, Value, Write } from "./statements.ts";
import { fileWorkerOptions } from "../worker_options.ts";

/** To the thread; each is answered by an Answer with the same number. */
export type Order =
  | { readonly number: number; readonly open: string }
  | { readonly number: number; readonly write: readonly Write[] }
  | { readonly number: number; readonly read: string; readonly values: readonly Value[] }
  | { readonly number: number; readonly close: true };

export interface Answer {
  readonly number: number;
  readonly rows?: Row[];
  readonly error?: string;
}

type Unnumbered<T> = T extends unknown ? Omit<T, "number"> : never;

/** `folder`: absolute. Throws an Error that says why the database there cannot be used. */
export async function openThread(folder: string): Promise<Backend> {
  const options = { ...fileWorkerOptions([folder]), name: "state" };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), options);
  const waiting = new Map<number, PromiseWithResolvers<Row[]>>();
  let number = 0;
  const ask = (order: Unnumbered<Order>): Promise<Row[]> => {
    const answer = Promise.withResolvers<Row[]>();
    waiting.set(++number, answer);
    worker.postMessage({ ...order, number });
    return answer.promise;
  };
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const answer = waiting.get(data.number);
    waiting.delete(data.number);
    if (data.error !== undefined) answer?.reject(new Error(data.error));
    else answer?.resolve(data.rows ?? []);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    for (const answer of waiting.values()) answer.reject(new Error(event.message));
    waiting.clear();
  };
  try {
    await ask({ open: `${folder}/state.db` });
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    async write(writes) {
      await ask({ write: writes });
    },
    read: (name, values) => ask({ read: name, values }),
    async close() {
      await ask({ close: true }).catch(() => {});
      worker.terminate();
    },
  };
}
