/** What is typed on a VM's keyboard, on its way to the cell: in order, one piece at a time, bounded. */

import { CHUNK_BYTES, COMMAND } from "../cell/protocol.ts";
import { RequestError } from "../request_error.ts";
import type { VmRecord } from "./record.ts";

/** Input waiting for one VM, bytes. */
const INPUT_BYTES_MAXIMUM = 64 * 1024;
/** What a piece counts besides its bytes: many small ones must not take more memory than one. */
const PIECE_COST = 64;

/**
 * Throws a RequestError while too much waits already; the promise is fulfilled when the VM took all
 * of it or has ended; at once for nothing.
 */
export function typeInput(vm: VmRecord, bytes: Uint8Array): Promise<void> {
  // It has no cost that could be counted, and who waits for a promise is memory.
  if (bytes.length === 0) return Promise.resolve();
  if (vm.inputBytes > 0 && vm.inputBytes + bytes.length + PIECE_COST > INPUT_BYTES_MAXIMUM) {
    const waiting = `${vm.inputBytes} bytes wait for VM ${vm.name} already`;
    throw new RequestError("body", waiting, "the VM to read its input first", 429);
  }
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const piece = bytes.subarray(start, start + CHUNK_BYTES);
    vm.inputBytes += piece.length + PIECE_COST;
    send(vm, COMMAND.KEYBOARD, piece);
    vm.input = vm.input.finally(() => vm.inputBytes -= piece.length + PIECE_COST);
  }
  return vm.input;
}

/** No more input after what was typed; fulfilled when the VM was told. It can be ended once. */
export function endInput(vm: VmRecord): Promise<void> {
  return vm.inputEnd ??= send(vm, COMMAND.KEYBOARD_CLOSE);
}

/** The VM starts afresh: what was typed before is not for it. */
export function resetInput(vm: VmRecord): void {
  vm.input = Promise.resolve();
  vm.inputEnd = undefined;
}

/** After all that was sent before. That the VM has ended is no failure: nobody reads any more. */
function send(vm: VmRecord, command: number, piece?: Uint8Array): Promise<void> {
  vm.input = vm.input
    .then(() => vm.cell?.request(command, vm.id, piece))
    .then(() => {}, () => {});
  return vm.input;
}
