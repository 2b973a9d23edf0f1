/**
 * A guest that performs what the test puts into a mailbox, and its memory as the test sees it: how tests
 * hand rings with any contents to the kernel.
 */

import { CONSTANTS, STRUCTURES } from "../abi.ts";
import type { Vm } from "../vm.ts";

const MAILBOX = 0x20000;

/** Writes EAX to the port in the mailbox (port, value, count of operations) and waits for the next. */
export const RING_GUEST = `
_start: mov edx, [${MAILBOX}]
  test edx, edx
  jz 2f
  mov eax, [${MAILBOX + 4}]
  out dx, eax
  mov dword ptr [${MAILBOX}], 0
  inc dword ptr [${MAILBOX + 8}]
2: mov eax, [REG_interrupt_pending]
  or [${MAILBOX + 12}], eax
  mov dword ptr [REG_interrupt_pending], 0
  xor eax, eax
  idle
  jmp _start`;

export interface Descriptor {
  readonly address: number;
  readonly length: number;
  readonly flags?: number;
}

const words = new Int32Array(1);

export function load(vm: Vm, address: number): number {
  if (!vm.space.load32(address, words, 0)) throw new Error(`no word at ${address}`);
  return words[0] >>> 0;
}

export function bytesAt(vm: Vm, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  vm.space.read(address, bytes, 0, length);
  return bytes;
}

/** Writes a ring with these descriptors filled, from descriptor number `head` on. */
export function putRing(
  vm: Vm,
  ring: number,
  descriptors: readonly Descriptor[],
  options: { size?: number; head?: number; tail?: number } = {},
): void {
  const { size = 16, head = 0 } = options;
  const { tail = head + descriptors.length } = options;
  [size, tail, head, 0].forEach((word, i) => vm.space.store32(ring + 4 * i, word));
  descriptors.forEach(({ address, length, flags = 0 }, i) => {
    const place = ring + STRUCTURES.nic_ring.bytes +
      ((head + i) & (size - 1)) * STRUCTURES.nic_descriptor.bytes;
    [address, length, flags, 0].forEach((word, n) => vm.space.store32(place + 4 * n, word));
  });
}

export function ringState(vm: Vm, ring: number) {
  return { head: load(vm, ring + 8), wanted: load(vm, ring + 12) };
}

/** Puts a header (of zeros by default) and a frame at an address; returns its descriptor. */
export function putFrame(
  vm: Vm,
  address: number,
  frame: Uint8Array,
  header: Uint8Array = new Uint8Array(CONSTANTS.NIC_HEADER_BYTES.value),
): Descriptor {
  vm.space.write(address, header, 0, header.length);
  vm.space.write(address + header.length, frame, 0, frame.length);
  return { address, length: header.length + frame.length };
}

/** Tells the guest to write `value` to `port` when it runs next. */
export function operate(vm: Vm, port: number, value: number): void {
  vm.space.store32(MAILBOX + 4, value);
  vm.space.store32(MAILBOX, port);
}

/** Operations that the guest has performed. */
export function operations(vm: Vm): number {
  return load(vm, MAILBOX + 8);
}

/** INTERRUPT_ bits that the guest has seen. */
export function interruptsSeen(vm: Vm): number {
  return load(vm, MAILBOX + 12);
}
