/** What the options of a supervisor mean: for its cells, and for whoever asks what it was started with. */

import { defaultCells } from "./cell/count.ts";
import type { CellPoolOptions } from "./cell/pool.ts";
import type { Network } from "./network.ts";
import type { Parts } from "./parts.ts";
import type { SupervisorOptions } from "./supervisor_options.ts";
import { SWAP_DEFAULT } from "./swap/channel.ts";

const POOL_BYTES = 2 ** 30;

/** What the server was started with, for people. */
export function describeSettings(options: SupervisorOptions, network: Network | undefined) {
  const { dataFolder = null, engine = null, mechanisms = null, deterministic = false } = options;
  const { swap = { bytes: SWAP_DEFAULT } } = options;
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
