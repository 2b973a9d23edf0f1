/** What a supervisor is made of besides the cells, opened in the order in which it is needed. */

import { Disks } from "./disk/disks.ts";
import { EventLog } from "./event_log.ts";
import { AuditLog } from "./http/security/audit.ts";
import { Tokens } from "./http/security/tokens.ts";
import { ImageStore } from "./image/store.ts";
import type { Network } from "./network.ts";
import { openEventStore } from "./state/events.ts";
import { StateStore } from "./state/store.ts";
import type { SupervisorOptions } from "./supervisor_options.ts";
import { openSwapFolder } from "./swap/folder.ts";
import { openNetwork } from "./uplink/open.ts";

export interface Parts {
  readonly events: EventLog;
  readonly images: ImageStore;
  readonly disks: Disks | undefined;
  readonly network: Network | undefined;
  readonly state: StateStore;
  readonly tokens: Tokens;
  readonly audit: AuditLog;
  readonly swapFolder: string | undefined;
}

/** Throws an Error that says what to do. */
export async function openParts(options: SupervisorOptions): Promise<Parts> {
  const { dataFolder } = options;
  const state = await StateStore.open(dataFolder);
  try {
    return await openOver(state, options);
  } catch (error) {
    await state.close();
    throw error;
  }
}

async function openOver(state: StateStore, options: SupervisorOptions): Promise<Parts> {
  const { dataFolder, deterministic = false } = options;
  const events = new EventLog(await openEventStore(state));
  const images = await ImageStore.open(
    state,
    dataFolder,
    (message) => events.add("image.missing", undefined, message),
  );
  const swapFolder = dataFolder && await openSwapFolder(dataFolder);
  const connected = !deterministic && options.network !== false;
  const network = connected ? await openNetwork(options.uplink, options.egress) : undefined;
  const event = (type: string, message: string, vm?: number) => events.add(type, vm, message);
  const disks = deterministic ? undefined : await Disks.open({
    dataFolder,
    state,
    limits: options.disks,
    files: options.disks?.files,
    event,
  });
  const [tokens, audit] = [await Tokens.open(state), await AuditLog.open(state)];
  return { events, images, disks, network, state, tokens, audit, swapFolder };
}
