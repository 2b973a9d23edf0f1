/** What is typed on a VM's keyboard, on its way to the cell: in order, one piece at a time, bounded. */

import { CHUNK_BYTES, COMMAND } from "./protocol.ts";
import { RequestError } from "./request_error.ts";
import type { VmRecord } from "./vm_record.ts";

/** Input waiting for one VM, bytes. */
const INPUT_BYTES_MAXIMUM = 64 * 1024;

/**
 * Throws a RequestError while too much waits already; the promise is fulfilled when the VM took all
 * of it or has ended.
 */
export function typeInput(vm: VmRecord, bytes: Uint8Array): Promise<void> {
  if (vm.inputBytes > 0 && vm.inputBytes + bytes.length > INPUT_BYTES_MAXIMUM) {
    const waiting = `${vm.inputBytes} bytes wait for VM ${vm.name} already`;
    throw new RequestError("body", waiting, "the VM to read its input first", 429);
  }
  vm.inputBytes += bytes.length;
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const piece = bytes.subarray(start, start + CHUNK_BYTES);
    send(vm, COMMAND.KEYBOARD, piece);
    vm.input = vm.input.finally(() => vm.inputBytes -= piece.length);
  }
  return vm.input;
}

/** No more input after what was typed; fulfilled when the VM was told. */
export function endInput(vm: VmRecord): Promise<void> {
  return send(vm, COMMAND.KEYBOARD_CLOSE);
}

/** After all that was sent before. That the VM has ended is no failure: nobody reads any more. */
function send(vm: VmRecord, command: number, piece?: Uint8Array): Promise<void> {
  vm.input = vm.input
    .then(() => vm.cell.request(command, vm.id, piece))
    .then(() => {}, () => {});
  return vm.input;
}
