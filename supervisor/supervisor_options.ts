/** How a supervisor is started, and what it is asked and answers. */

import type { EngineSettings } from "../cpu/engine_settings.ts";
import type { Mechanisms } from "../kernel/mechanisms.ts";
import type { DiskFile } from "./disk/folder.ts";
import type { DiskLimits } from "./disk/store.ts";
import type { EgressSettings } from "./egress/egress.ts";
import type { SwapSettings } from "./swap/swap_worker.ts";
import type { UplinkSettings } from "./uplink/settings.ts";
import type { VmRecord } from "./vm/record.ts";
import type { VmRequest } from "./vm/request.ts";

export interface SupervisorOptions {
  /** Threads that run VMs; default: one per processor, at most 8, whose pools fit into memory. */
  readonly cells?: number;
  /** Memory of each cell for its VMs, bytes; taken from the host only as it is used. Default 1 GiB. */
  readonly poolBytes?: number;
  /** VMs, images, disks and whatever else must outlive the process; default: kept in memory. */
  readonly dataFolder?: string;
  /**
   * Where VMs' pages go when a cell's memory runs short; default: SWAP_DEFAULT of each cell in the data
   * folder, or a temporary one. `bytes: 0`: nowhere; never when deterministic.
   */
  readonly swap?: Omit<SwapSettings, "folder">;
  /** How much disks may hold, and files from elsewhere that are disks too. */
  readonly disks?: DiskLimits & { readonly files?: readonly DiskFile[] };
  /** VMs get a NIC; default true, and always false when deterministic. */
  readonly network?: boolean;
  /** What the VMs' Ethernet leads to; default: the gateway, with which they are reached from here. */
  readonly uplink?: UplinkSettings;
  /** What VMs may reach through the gateway beyond their own network; default: nothing. */
  readonly egress?: EgressSettings;
  /** Time is a function of the instructions executed. One cell. */
  readonly deterministic?: boolean;
  /** What runs the guests' code; default: as denali up. */
  readonly engine?: EngineSettings;
  /** For measurements: mechanisms of the virtual architecture other than the usual ones. */
  readonly mechanisms?: Partial<Mechanisms>;
  /** Module of the cells' Workers, and seconds without a heartbeat until one is given up: for tests. */
  readonly cellModule?: URL;
  readonly patience?: number;
}

/** How to make a VM; see VmRequest. All but `image` may be left out. */
export type VmParameters = Partial<VmRequest> & Pick<VmRequest, "image">;

export interface VmEndpoint {
  /** IPv4 address, uint32. */
  readonly address: number;
  /** TCP port that it published first, if any. */
  readonly port: number | undefined;
  readonly state: VmRecord["state"];
  /** Of performance.now, when it was last started. */
  readonly startedAt: number;
}
