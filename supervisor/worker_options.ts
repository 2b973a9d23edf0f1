/**
 * Options of Workers: what a thread may do, which is nothing but what is granted here.
 *
 * Every permission that Deno knows is named, because one that is not would be the whole process's.
 */

const NOTHING = {
  env: false,
  ffi: false,
  import: false,
  net: false,
  read: false,
  run: false,
  sys: false,
  write: false,
} as const;

interface Granted {
  /** Paths without symbolic links. */
  readonly read?: string[];
  readonly write?: string[];
  /** Libraries. */
  readonly ffi?: string[];
}

export function workerOptions(granted: Granted = {}) {
  return { type: "module", deno: { permissions: { ...NOTHING, ...granted } } } as const;
}

/** For a Worker that may use some files or folders: paths without symbolic links. */
export function fileWorkerOptions(paths: string[]): WorkerOptions {
  return workerOptions({ read: paths, write: paths });
}
