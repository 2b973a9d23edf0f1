/** Makes the object of a VM from a checked specification: its memory, registers and identity. */

import { PAGE_SHIFT } from "../cpu/engine.ts";
import type { ConsoleSink } from "../devices/console.ts";
import { DiskController } from "../devices/disk.ts";
import type { Nic } from "../devices/nic.ts";
import { ABI_VERSION, CONSTANTS, FEATURES, LAYOUT } from "./abi.ts";
import { CPU_KHZ } from "./clock.ts";
import { VmError } from "./errors.ts";
import type { FrameTable } from "./frames.ts";
import { Memory } from "./memory.ts";
import { ABSENT } from "./page_map.ts";
import { registerPage, VirtualRegisters } from "./registers.ts";
import { macOf, Vm } from "./vm.ts";
import type { BootText, VmSpec } from "./vm_spec.ts";

const REGISTERS_PAGE = LAYOUT.REGISTERS_BASE.value >>> PAGE_SHIFT;

/**
 * Takes one frame, for the virtual registers. If none is free, the VM begins outside of memory, and is
 * let in by the pager; without `swap` nobody makes room, and a VmError is thrown.
 */
export function buildVm(
  frames: FrameTable,
  spec: VmSpec,
  id: number,
  boot: BootText,
  nic: Nic | null,
  swap: boolean,
  console: ConsoleSink<Vm>,
): Vm {
  const space = new Memory(frames, spec.image, spec.memory);
  const network = spec.network ? { ...spec.network } : null;
  const { FEATURE_CONSOLE, FEATURE_TIMER, FEATURE_MEMORY_DISCARD } = FEATURES;
  const { disks = [] } = spec;
  const diskFeatures = disks.length > 0 ? FEATURES.FEATURE_DISK.value : 0;
  const page = registerPage({
    abiVersion: ABI_VERSION,
    features: FEATURE_CONSOLE.value | FEATURE_TIMER.value | FEATURE_MEMORY_DISCARD.value |
      nicFeatures(nic) | diskFeatures,
    id,
    cpuKhz: CPU_KHZ,
    memory: spec.memory,
    mac: macOf(id),
    network,
    disks,
    boot,
  });
  const frame = space.adopt(REGISTERS_PAGE, page);
  if (frame === ABSENT) {
    if (!swap) {
      throw new VmError("pool", "expected a free frame of memory, all are in use: destroy VMs");
    }
    space.pending = page.slice(0, page.findLastIndex((byte) => byte !== 0) + 1);
  }
  const registers = new VirtualRegisters(frames, frame);
  const { name, image } = spec;
  const disk = disks.length === 0
    ? null
    : new DiskController<Vm>(disks, CONSTANTS.DISK_QUEUE_REQUESTS.value);
  return new Vm({ id, name, image, space, registers, network, nic, disk, console });
}

function nicFeatures(nic: Nic | null): number {
  const { FEATURE_NIC, FEATURE_NIC_RINGS, FEATURE_NIC_OFFLOAD, FEATURE_NIC_REGISTERS } = FEATURES;
  if (nic === null) return 0;
  if (nic.registers) return FEATURE_NIC.value | FEATURE_NIC_REGISTERS.value;
  return FEATURE_NIC.value |
    (nic.rings ? FEATURE_NIC_RINGS.value | FEATURE_NIC_OFFLOAD.value : 0);
}
