/**
 * The ports of disks (kernel/abi.ts): requests go in by PORT_DISK_SUBMIT, and what became of them comes out
 * by PORT_DISK_COMPLETE.
 *
 * Each structure is one step of the repeated instruction: when one cannot be reached, or its buffer
 * cannot, those before it have been taken, and the instruction goes on with it if it runs again. An
 * instruction that has moved OPERATION_BYTES continues as the next one.
 */

import { ECX, EDI, ESI } from "../cpu/state.ts";
import { CONSTANTS, STRUCTURES } from "./abi.ts";
import type { DiskTransfer } from "./disk_device.ts";
import type { Disks } from "./disks.ts";
import { complete, fault, IO_DONE, refuse } from "./port_io.ts";
import type { Vm } from "./vm.ts";

const {
  DISK_READ,
  DISK_WRITE,
  DISK_FLUSH,
  DISK_DONE,
  DISK_READ_ONLY,
  DISK_INVALID,
  DISK_ABSENT,
  DISK_REQUEST_BLOCKS,
  DISK_BLOCK_BYTES,
} = CONSTANTS;
const REQUEST_BYTES = STRUCTURES.disk_request.bytes;
const COMPLETION_BYTES = STRUCTURES.disk_completion.bytes;
/** So much may move before interrupts are looked at. */
const OPERATION_BYTES = 128 * 1024;

export class DiskPorts {
  /** Bytes that the last operation moved, or will cause to be moved. */
  moved = 0;
  readonly #words = new Uint32Array(REQUEST_BYTES / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  constructor(readonly disks: Disks) {}

  outs(vm: Vm, length: number): number {
    if (vm.disk === null || length % REQUEST_BYTES !== 0) return refuse(vm);
    const { i32 } = vm.cpu;
    for (let left = length; left > 0 && vm.disk.hasRoom; left -= REQUEST_BYTES) {
      if (this.moved >= OPERATION_BYTES) return goOn(vm);
      const address = i32[ESI] >>> 0;
      const got = vm.space.read(address, this.#bytes, 0, REQUEST_BYTES);
      if (got < REQUEST_BYTES) return fault(vm, address + got, false);
      const result = this.#submit(vm, this.#request(vm));
      if (result !== IO_DONE) return result;
      i32[ESI] += REQUEST_BYTES;
      i32[ECX] -= REQUEST_BYTES;
    }
    return complete(vm);
  }

  ins(vm: Vm, capacity: number): number {
    if (vm.disk === null || capacity % COMPLETION_BYTES !== 0) return refuse(vm);
    const { i32 } = vm.cpu;
    const { disk, space } = vm;
    for (let left = capacity; left > 0 && disk.ended.length > 0; left -= COMPLETION_BYTES) {
      const address = i32[EDI] >>> 0;
      const reached = space.probe(address, COMPLETION_BYTES, true);
      if (reached < COMPLETION_BYTES) return fault(vm, address + reached, true);
      const { tag, status } = disk.ended.shift()!;
      disk.open--;
      space.store32(address, tag);
      space.store32(address + 4, status);
      this.moved += COMPLETION_BYTES;
      i32[EDI] += COMPLETION_BYTES;
      i32[ECX] -= COMPLETION_BYTES;
    }
    return complete(vm);
  }

  #request(owner: Vm): DiskTransfer {
    const [tag, disk, operation, block, count, buffer] = this.#words;
    const unit = owner.disk!.units[disk];
    const status = unit === undefined ? DISK_ABSENT.value : check(unit, operation, block, count);
    return { owner, handle: unit?.handle ?? 0, operation, tag, block, count, buffer, status };
  }

  /** Anything but IO_DONE: it was not taken. */
  #submit(vm: Vm, request: DiskTransfer): number {
    this.moved += REQUEST_BYTES;
    if (request.status !== DISK_DONE.value) {
      this.disks.refuse(request);
      return IO_DONE;
    }
    const bytes = request.count * DISK_BLOCK_BYTES.value;
    const write = request.operation === DISK_READ.value;
    const reached = vm.space.probe(request.buffer, bytes, write);
    if (reached < bytes) return fault(vm, request.buffer + reached, write);
    this.moved += bytes;
    this.disks.submit(request);
    return IO_DONE;
  }
}

function check(
  unit: { blocks: number; readOnly: boolean },
  operation: number,
  block: number,
  count: number,
): number {
  switch (operation) {
    case DISK_FLUSH.value:
      return block === 0 && count === 0 ? DISK_DONE.value : DISK_INVALID.value;
    case DISK_WRITE.value:
      if (unit.readOnly) return DISK_READ_ONLY.value;
      break;
    case DISK_READ.value:
      break;
    default:
      return DISK_INVALID.value;
  }
  const right = count >= 1 && count <= DISK_REQUEST_BLOCKS.value && block + count <= unit.blocks;
  return right ? DISK_DONE.value : DISK_INVALID.value;
}

/** The instruction runs again, with what is left. */
function goOn(vm: Vm): number {
  vm.cpu.retired++;
  return IO_DONE;
}
