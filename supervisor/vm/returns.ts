/** What an earlier process has left in a data folder: taken over, and brought back. */

import type { Parts } from "../parts.ts";
import { findOrphans } from "../state/orphans.ts";
import type { Row } from "../state/statements.ts";
import { keepState, type KeptVm, LAST_VM, readVms } from "./kept.ts";
import type { VmLives } from "./lives.ts";
import { openPorts } from "./ports.ts";
import { applyNotice, createRecord, type VmRecord } from "./record.ts";
import type { VmRegistry } from "./registry.ts";

/** VMs that are brought back at the same time. */
const PARALLEL = 32;

export interface Returned {
  /** Files that nothing refers to, relative to the folder. */
  readonly orphans: readonly string[];
  /** VMs that are to be started. */
  readonly starting: readonly VmRecord[];
}

/** Makes the records of all VMs that are kept, and opens their ports. */
export async function restoreVms(
  dataFolder: string,
  parts: Parts,
  vms: VmRegistry,
  lives: VmLives,
): Promise<Returned> {
  const { state, images, disks, events } = parts;
  const kept = readVms(await state.read("vms"), await state.read("ports"));
  const counters = await state.read("counters");
  vms.raise(counters.find(({ name }: Row) => name === LAST_VM)?.value as number ?? 0);
  const starting: VmRecord[] = [];
  for (const vm of kept) {
    const record = await restoreVm(vm, parts, vms, lives);
    if (vm.starts) starting.push(record);
  }
  const orphans = await findOrphans(dataFolder, await images.unused(), disks?.store.list() ?? []);
  for (const path of orphans) events.add("orphan.found", undefined, path);
  return { orphans, starting };
}

/** Starts VMs, some at a time. One that cannot be started waits as its restart policy says. */
export async function bringBack(vms: readonly VmRecord[], lives: VmLives): Promise<void> {
  const next = vms.values();
  const work = async () => {
    for (const vm of next) await lives.startAgain(vm).catch(() => lives.restarts.ended(vm));
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

async function restoreVm(
  kept: KeptVm,
  parts: Parts,
  vms: VmRegistry,
  lives: VmLives,
): Promise<VmRecord> {
  const { images, disks, network, events } = parts;
  const { id, name, request, ports, image } = kept;
  const failed = (error: unknown) => events.add("vm.incomplete", id, (error as Error).message);
  const stored = await images.kept(image.name, image.hash).catch(failed);
  const gone = { ...image, file: new Uint8Array(0), builtin: false };
  const vm = createRecord(id, name, request, stored ?? gone, lives.addressOf(id));
  const { limits, labels, restart, restarts, created, wanted } = kept;
  const { state, exitCode, reason, crash } = kept;
  Object.assign(vm, { limits, labels, restart, restarts, created, wanted });
  applyNotice(vm, { state, exitCode, reason, crash });
  vm.console.live = false;
  if (state !== "created" && !kept.starts) parts.state.note(keepState(vm));
  vms.add(vm);
  lives.setEgress(vm);
  try {
    disks?.attach(vm);
  } catch (error) {
    failed(error);
  }
  for (const port of ports) {
    try {
      await openPorts(vm, network, [port]);
    } catch (error) {
      failed(error);
    }
  }
  return vm;
}
