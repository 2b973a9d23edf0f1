/** What the options of a supervisor mean: for its cells, and for whoever asks what it was started with. */

import { ENGINE_NAMES } from "../cpu/engine_settings.ts";
import { POOL_MAXIMUM } from "../kernel/frames.ts";
import { DEFAULT_MECHANISMS } from "../kernel/mechanisms.ts";
import { defaultCells } from "./cell/count.ts";
import type { CellPoolOptions } from "./cell/pool.ts";
import type { Network } from "./network.ts";
import type { Parts } from "./parts.ts";
import { RequestError } from "./request_error.ts";
import type { SupervisorOptions } from "./supervisor_options.ts";
import {
  CLUSTER_DEFAULT,
  CLUSTER_MAXIMUM,
  CLUSTER_MINIMUM,
  PAGE_BYTES,
  SWAP_DEFAULT,
} from "./swap/channel.ts";

export { POOL_MAXIMUM };
/** Bytes of a cell's pool; multiples of PAGE_BYTES. */
export const POOL_MINIMUM = 4 * 2 ** 20;
export const CELLS_MAXIMUM = 64;
/** Bytes; slot numbers stay positive int32. */
export const SWAP_MAXIMUM = 2 ** 42;
const POOL_BYTES = 2 ** 30;

/** Throws a RequestError that names the option at fault. */
export function checkOptions({ cells, poolBytes, swap, engine }: SupervisorOptions): void {
  check("cells", cells, 1, CELLS_MAXIMUM);
  check("poolBytes", poolBytes, POOL_MINIMUM, POOL_MAXIMUM, PAGE_BYTES);
  check("swap.bytes", swap?.bytes, 0, SWAP_MAXIMUM);
  if (engine?.name !== undefined && !ENGINE_NAMES.includes(engine.name)) {
    throw new RequestError("engine.name", `got ${engine.name}`, ENGINE_NAMES.join(" or "));
  }
  check("swap.clusterBytes", swap?.clusterBytes, CLUSTER_MINIMUM, CLUSTER_MAXIMUM, PAGE_BYTES);
}

function check(name: string, value: number | undefined, least: number, most: number, unit = 1) {
  if (value === undefined) return;
  if (Number.isInteger(value) && value % unit === 0 && value >= least && value <= most) return;
  const what = unit === 1 ? "a whole number" : `a multiple of ${unit}`;
  throw new RequestError(name, `got ${value}`, `${what} from ${least} to ${most}`);
}

/** What the server was started with, and what it took where nothing was said, for people. */
export function describeSettings(options: SupervisorOptions, network: Network | undefined) {
  const { dataFolder = null, engine = null, deterministic = false } = options;
  const { bytes = SWAP_DEFAULT, clusterBytes = CLUSTER_DEFAULT } = options.swap ?? {};
  const swap = { bytes, clusterBytes };
  const mechanisms = { ...DEFAULT_MECHANISMS, ...options.mechanisms };
  const uplink = network?.wire?.name ?? (network?.gateway && "gateway") ?? "none";
  return { dataFolder, swap, engine, mechanisms, deterministic, uplink };
}

/** What its cells are made with. */
export function cellOptions(options: SupervisorOptions, parts: Parts): CellPoolOptions {
  const { deterministic = false, swap = { bytes: SWAP_DEFAULT }, poolBytes = POOL_BYTES } = options;
  const { engine, mechanisms, patience, cellModule: module } = options;
  const { disks, network, swapFolder: folder } = parts;
  return {
    cells: deterministic ? 1 : options.cells ?? defaultCells(poolBytes),
    poolBytes,
    deterministic,
    engine,
    mechanisms,
    swap: deterministic || swap.bytes === 0 ? undefined : { ...swap, folder },
    disks: disks?.worker,
    module,
    patience,
    network,
  };
}
