/**
 * The virtual registers of one VM: the kernel's hand on the page that both share.
 *
 * The page is ordinary memory of the VM, which may write anything into it at any time and even run
 * it as code. So the kernel trusts nothing here but what concerns the VM alone (its handlers, its
 * interrupt mask), and keeps everything else in its own objects.
 *
 * Rule for callers: `open` before the first access of each run, because the frame may hold code that
 * an engine has cached; and none while the page is not in memory.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import { CONSTANTS, REGISTERS, STRUCTURES } from "./abi.ts";
import type { DiskUnit } from "../devices/disk.ts";
import { createPool, type FrameTable } from "./frames.ts";
import type { BootText, NetworkSpec } from "./vm_spec.ts";
import { MTU_MAXIMUM } from "./vm_spec.ts";

/** What the page says from the beginning. */
export interface RegisterValues {
  readonly abiVersion: number;
  readonly features: number;
  readonly id: number;
  readonly cpuKhz: number;
  readonly memory: number;
  readonly mac: Uint8Array;
  readonly network: NetworkSpec | null;
  readonly disks: readonly DiskUnit[];
  readonly boot: BootText;
}

/** Where the registers' page lies. */
type RegisterFrames = Pick<FrameTable, "pool" | "dropCode">;

const scratch: RegisterFrames = { pool: createPool(16 * PAGE_SIZE), dropCode: () => {} };

/** The bytes of the page at its beginning; valid until the next call. */
export function registerPage(values: RegisterValues): Uint8Array {
  const page = scratch.pool.u8.subarray(0, PAGE_SIZE).fill(0);
  new VirtualRegisters(scratch, 0).initialise(values);
  return page;
}

export class VirtualRegisters {
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;

  /** `frame` is the private frame of the page; the pager changes it, ABSENT: it is not in memory. */
  constructor(readonly frames: RegisterFrames, public frame: number) {
    this.#i32 = frames.pool.i32;
    this.#u8 = frames.pool.u8;
  }

  /** Prepares the page for accesses by the kernel. */
  open(): void {
    this.frames.dropCode(this.frame);
  }

  initialise(values: RegisterValues): void {
    this.#set32(REGISTERS.abi_version.offset, values.abiVersion);
    this.#set32(REGISTERS.features.offset, values.features);
    this.#set32(REGISTERS.vm_id.offset, values.id);
    this.#set32(REGISTERS.cpu_khz.offset, values.cpuKhz);
    this.#set32(REGISTERS.memory_size.offset, values.memory);
    this.#clearDeadline();
    this.#setBytes(REGISTERS.nic_mac.offset, values.mac);
    if (values.network) this.#setNetwork(values.network);
    values.disks.forEach((disk, index) => this.#setDisk(index, disk));
    this.#setBytes(REGISTERS.vm_name.offset, values.boot.name);
    this.#set32(REGISTERS.argument_count.offset, values.boot.argumentCount);
    this.#set32(REGISTERS.setting_count.offset, values.boot.settingCount);
    this.#setBytes(REGISTERS.boot_text.offset, values.boot.text);
  }

  /** Writes the times: microseconds since the VM started, since 1970, and RDTSC. */
  refresh(monotonic: number, wall: number, timestamp: number): void {
    this.#set64(REGISTERS.monotonic_us.offset, monotonic);
    this.#set64(REGISTERS.wallclock_us.offset, wall);
    this.#set64(REGISTERS.tsc_at_refresh.offset, timestamp);
  }

  /** When the guest wants INTERRUPT_TIMER: microseconds since the VM started; Infinity: never. */
  get deadline(): number {
    const high = this.#get32(REGISTERS.deadline_us.offset + 4);
    if (high === -1) return Infinity;
    return (high >>> 0) * 2 ** 32 + (this.#get32(REGISTERS.deadline_us.offset) >>> 0);
  }

  /** True, once, if the guest's deadline has come. */
  takeDeadline(monotonic: number): boolean {
    if (this.deadline > monotonic) return false;
    this.#clearDeadline();
    return true;
  }

  get interruptEnable(): boolean {
    return this.#get32(REGISTERS.interrupt_enable.offset) !== 0;
  }

  set interruptEnable(enabled: boolean) {
    this.#set32(REGISTERS.interrupt_enable.offset, enabled ? 1 : 0);
  }

  get interruptPending(): number {
    return this.#get32(REGISTERS.interrupt_pending.offset);
  }

  /** Adds bits to the pending mask. */
  raise(bits: number): void {
    this.#set32(REGISTERS.interrupt_pending.offset, this.interruptPending | bits);
  }

  /** Address of the interrupt upcall, 0: none. */
  get interruptHandler(): number {
    return this.#get32(REGISTERS.interrupt_handler.offset);
  }

  /** Address of the exception upcall, 0: none. */
  get exceptionHandler(): number {
    return this.#get32(REGISTERS.exception_handler.offset);
  }

  setException(vector: number, error: number, address: number): void {
    this.#set32(REGISTERS.exception_vector.offset, vector);
    this.#set32(REGISTERS.exception_error.offset, error);
    this.#set32(REGISTERS.exception_address.offset, address);
  }

  #clearDeadline(): void {
    this.#set32(REGISTERS.deadline_us.offset, -1);
    this.#set32(REGISTERS.deadline_us.offset + 4, -1);
  }

  #setNetwork(network: NetworkSpec): void {
    const mtu = network.mtu ?? MTU_MAXIMUM;
    this.#setBytes(REGISTERS.nic_mtu.offset, [mtu & 0xff, mtu >>> 8]);
    this.#setAddress(REGISTERS.nic_address.offset, network.address);
    this.#setAddress(REGISTERS.nic_netmask.offset, network.netmask);
    this.#setAddress(REGISTERS.nic_gateway.offset, network.gateway);
    this.#setAddress(REGISTERS.nic_dns.offset, network.dns);
  }

  #setDisk(index: number, { name, blocks, readOnly }: DiskUnit): void {
    const at = REGISTERS.disk_table.offset + index * STRUCTURES.disk.bytes;
    this.#set32(at, blocks);
    this.#set32(at + 4, readOnly ? CONSTANTS.DISK_FLAG_READ_ONLY.value : 0);
    this.#setBytes(at + 8, new TextEncoder().encode(name));
  }

  /** Network byte order. */
  #setAddress(offset: number, address: number): void {
    this.#setBytes(offset, [
      address >>> 24,
      (address >>> 16) & 0xff,
      (address >>> 8) & 0xff,
      address & 0xff,
    ]);
  }

  #get32(offset: number): number {
    return this.#i32[(this.frame + offset) >>> 2];
  }

  #set32(offset: number, value: number): void {
    this.#i32[(this.frame + offset) >>> 2] = value;
  }

  /** `value` is 0..2^53. */
  #set64(offset: number, value: number): void {
    const high = Math.floor(value / 2 ** 32);
    this.#set32(offset, Math.floor(value - high * 2 ** 32));
    this.#set32(offset + 4, high);
  }

  #setBytes(offset: number, bytes: ArrayLike<number>): void {
    this.#u8.set(bytes, this.frame + offset);
  }
}
