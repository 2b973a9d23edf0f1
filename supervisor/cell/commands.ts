/**
 * The requests a cell understands, each as one function.
 *
 * A request that asks for something impossible gets a FAILURE; only an ImageError or a VmError
 * becomes one. Every other exception is a bug and goes up.
 */

import { ImageError, VmError } from "../../kernel/errors.ts";
import type { Resources } from "../../kernel/resources.ts";
import type { CellConsoles } from "./consoles.ts";
import type { CellImages } from "./images.ts";
import type { CellKernel, CellVm } from "./kernel.ts";
import type { KeyboardQueues } from "./keyboards.ts";
import {
  type CaptureOrder,
  COMMAND,
  decode,
  type ImageHeader,
  LIST_PAGE,
  NOTICE,
  type Refusal,
  type StopOrder,
  type VmOrder,
  type VmRow,
} from "./protocol.ts";

export interface CommandContext {
  readonly kernel: CellKernel;
  readonly images: CellImages;
  readonly keyboards: KeyboardQueues;
  readonly consoles: CellConsoles;
  /** Tells the first `snap` bytes of each frame of the VM. */
  readonly capture: (vm: CellVm, snap: number) => void;
}

export interface Answer {
  readonly kind: typeof NOTICE.REPLY | typeof NOTICE.FAILURE;
  readonly value: unknown;
}

/** Answers a request; undefined if there is nothing to answer yet. */
export function executeCommand(
  context: CommandContext,
  kind: number,
  subject: number,
  sequence: number,
  payload: Uint8Array<ArrayBuffer>,
): Answer | undefined {
  try {
    switch (kind) {
      case COMMAND.IMAGE_BEGIN:
        context.images.begin(subject, decode(payload) as ImageHeader);
        return undefined;
      case COMMAND.IMAGE_CHUNK:
        context.images.append(subject, payload);
        return undefined;
      case COMMAND.CONSOLE_CONSUMED:
        context.consoles.consumed(subject, decode(payload) as number, context.kernel);
        return undefined;
      case COMMAND.KEYBOARD:
        find(context.kernel, subject);
        context.keyboards.push(subject, sequence, payload);
        return undefined;
      case COMMAND.KEYBOARD_CLOSE:
        find(context.kernel, subject);
        context.keyboards.push(subject, sequence, null);
        return undefined;
    }
    return { kind: NOTICE.REPLY, value: answer(context, kind, subject, payload) };
  } catch (error) {
    if (error instanceof ImageError || error instanceof VmError) {
      const refusal: Refusal = {
        message: error.message,
        field: error instanceof ImageError ? "image" : error.field,
      };
      return { kind: NOTICE.FAILURE, value: refusal };
    }
    throw error;
  }
}

function answer(
  { kernel, images, capture }: CommandContext,
  kind: number,
  subject: number,
  payload: Uint8Array<ArrayBuffer>,
): unknown {
  switch (kind) {
    case COMMAND.IMAGE_END:
      return images.finish(subject, kernel);
    case COMMAND.IMAGE_DROP:
      return images.drop(subject, kernel);
    case COMMAND.VM_CREATE: {
      const order = decode(payload) as VmOrder;
      kernel.createVm({ ...order, id: subject, image: images.loaded(order.image) });
      return undefined;
    }
    case COMMAND.VM_STOP: {
      const { code } = (decode(payload) ?? {}) as StopOrder;
      return kernel.stop(find(kernel, subject), code);
    }
    case COMMAND.VM_START:
      return kernel.start(find(kernel, subject));
    case COMMAND.VM_SHUTDOWN:
      return kernel.shutdown(find(kernel, subject));
    case COMMAND.VM_PAUSE:
      return kernel.pause(find(kernel, subject));
    case COMMAND.VM_RESUME:
      return kernel.resume(find(kernel, subject));
    case COMMAND.VM_DESTROY:
      return kernel.destroy(find(kernel, subject));
    case COMMAND.VM_LIMIT:
      return kernel.setResources(find(kernel, subject), decode(payload) as Resources);
    case COMMAND.VM_CAPTURE:
      return capture(find(kernel, subject), (decode(payload) as CaptureOrder).snap);
    case COMMAND.VM_STATS: {
      const { state, stats } = find(kernel, subject);
      return { state, ...stats };
    }
    case COMMAND.VM_REPORT:
      return kernel.report(find(kernel, subject));
    case COMMAND.CELL_STATS:
      return kernel.stats();
    case COMMAND.VM_LIST:
      return listVms(kernel, subject);
    default:
      throw new Error(`cell: unknown command ${kind}; supervisor and cell differ in version`);
  }
}

function find(kernel: CellKernel, id: number): CellVm {
  const vm = kernel.vms.get(id);
  if (vm === undefined) throw new VmError("id", `expected a VM of this cell, got ${id}`);
  return vm;
}

/** VMs are created with rising numbers, so the map is in order of number. */
function listVms(kernel: CellKernel, after: number): VmRow[] {
  const rows: VmRow[] = [];
  for (const vm of kernel.vms.values()) {
    if (vm.id <= after) continue;
    const { instructions, quanta = 0, privateFrames = 0, swappedPages = 0, faults = 0 } = vm.stats;
    rows.push({
      id: vm.id,
      state: vm.state,
      waits: vm.waits ?? null,
      instructions,
      quanta,
      residentPages: privateFrames,
      swappedPages,
      faults,
    });
    if (rows.length === LIST_PAGE) break;
  }
  return rows;
}
