/** Disks in memory for tests: requests end when the test says so, in the order and as badly as it says. */

import { StagingArea } from "../../devices/staging.ts";
import { CONSTANTS } from "../abi.ts";
import type { DiskDevice, DiskTransfer } from "../disk_device.ts";

export const BLOCK = 4096;

export interface MemoryDiskOptions {
  /** Default 64. */
  readonly stagingBlocks?: number;
  /** How a request ends. */
  outcome?: (transfer: DiskTransfer) => number;
}

interface Pending {
  readonly transfer: DiskTransfer;
  readonly place: number;
}

export class MemoryDisk implements DiskDevice {
  readonly staging: Uint8Array;
  /** Blocks that were written, by handle and number: "7:123". */
  readonly blocks = new Map<string, Uint8Array>();
  /** Every request that was begun. */
  readonly log: DiskTransfer[] = [];
  /** While true, nothing ends. */
  held = false;
  readonly area: StagingArea;
  readonly #pending: Pending[] = [];

  constructor(readonly options: MemoryDiskOptions = {}) {
    const { stagingBlocks = 64 } = options;
    this.area = new StagingArea(stagingBlocks);
    this.staging = new Uint8Array(stagingBlocks * BLOCK);
  }

  get news(): boolean {
    return !this.held && this.#pending.length > 0;
  }

  reserve(blocks: number): number {
    if (blocks === 0) return 0;
    const first = this.area.take(blocks);
    return first < 0 ? -1 : first * BLOCK;
  }

  cancel(place: number, blocks: number): void {
    this.area.give(place / BLOCK, blocks);
  }

  begin(place: number, transfer: DiskTransfer): void {
    this.log.push(transfer);
    this.#pending.push({ place, transfer });
  }

  poll(ended: (transfer: DiskTransfer, place: number, status: number) => void): void {
    if (this.held) return;
    for (const { place, transfer } of this.#pending.splice(0)) {
      const status = this.options.outcome?.(transfer) ?? CONSTANTS.DISK_DONE.value;
      this.#move(place, transfer);
      ended(transfer, place, status);
      this.area.give(place / BLOCK, transfer.count);
    }
  }

  #move(place: number, { handle, operation, block, count }: DiskTransfer): void {
    for (let i = 0; i < count; i++) {
      const key = `${handle}:${block + i}`;
      const at = this.staging.subarray(place + i * BLOCK, place + (i + 1) * BLOCK);
      if (operation === CONSTANTS.DISK_WRITE.value) this.blocks.set(key, at.slice());
      else at.set(this.blocks.get(key) ?? new Uint8Array(BLOCK));
    }
  }
}

export interface GuestRequest {
  readonly disk?: number;
  readonly operation: number;
  readonly block?: number;
  readonly count?: number;
  readonly buffer?: number;
}

/** Where DISK_GUEST writes completions, and how many bytes of them it has. */
export const ENDED_AT = 0x3000, ENDED_BYTES_AT = 0x2000;

/**
 * Guest code (kernel/testing/assemble.ts): fills 32 pages from 0x40000 on with the number of each byte's
 * page, submits the requests, whose tags are their numbers, and then takes completions without end.
 */
export function diskGuest(requests: readonly GuestRequest[]): string {
  const words = requests.flatMap((
    { disk = 0, operation, block = 0, count = 0, buffer = 0x40000 },
    tag,
  ) => [tag, disk, operation, block, count, buffer]);
  return `
_start: mov dword ptr [REG_interrupt_enable], 0
  mov edi, 0x40000
  mov ebx, 0
fill: mov eax, ebx
  mov ecx, 4096
  rep stosb
  inc ebx
  cmp ebx, 32
  jb fill
  mov dword ptr [${ENDED_BYTES_AT}], 0
  mov esi, offset requests
  mov ebp, ${requests.length * 24}
more: mov ecx, ebp
  mov edx, PORT_DISK_SUBMIT
  rep outsb
  mov ebp, ecx
again: mov eax, IDLE_FOREVER
  idle
  mov dword ptr [REG_interrupt_pending], 0
  mov edi, ${ENDED_AT}
  add edi, [${ENDED_BYTES_AT}]
  mov ecx, 800
  mov edx, PORT_DISK_COMPLETE
  rep insb
  mov eax, 800
  sub eax, ecx
  add [${ENDED_BYTES_AT}], eax
  test ebp, ebp
  jnz more
  jmp again
.data
requests: .long ${words.length > 0 ? words.join(", ") : 0}`;
}
