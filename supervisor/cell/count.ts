/**
 * How many cells a host gets unless its operator says otherwise: one per processor, as long as their
 * pools fit into memory together. A pool is taken from the host as it is used, but all of it may be.
 */

const CELLS_DEFAULT_MAXIMUM = 8;

export interface Host {
  readonly processors: number;
  /** Bytes; undefined: not known. */
  readonly memory: number | undefined;
}

export function defaultCells(poolBytes: number, host: Host = thisHost()): number {
  const pools = host.memory === undefined ? Infinity : Math.floor(host.memory / poolBytes);
  return Math.max(1, Math.min(host.processors, CELLS_DEFAULT_MAXIMUM, pools));
}

function thisHost(): Host {
  return { processors: navigator.hardwareConcurrency, memory: memoryBytes() };
}

/** An embedding program may not have the permission, and its user is not to be asked for it. */
function memoryBytes(): number | undefined {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Deno.systemMemoryInfo().total : undefined;
}
