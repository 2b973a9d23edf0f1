/** Which VMs a list shows. */

import { hasLabels, type Labels } from "./security/access.ts";
import { RequestError } from "../request_error.ts";
import { VM_STATES } from "../cell/protocol.ts";
import type { VmRecord } from "../vm/record.ts";

export interface VmFilter {
  readonly state: readonly string[];
  /** `KEY` or `KEY=VALUE`. */
  readonly label: readonly string[];
  readonly image: readonly string[];
  /** With `*` for any text. */
  readonly name: readonly string[];
  readonly after: number;
  readonly limit: number;
}

/** `next` is the number of the last VM shown if there are more. */
export function filterVms(
  all: Iterable<VmRecord>,
  filter: VmFilter,
  seen?: Labels,
): { vms: VmRecord[]; next?: number } {
  const matches = matcher(filter);
  const vms: VmRecord[] = [];
  for (const vm of all) {
    if (vm.id <= filter.after || !hasLabels(vm.labels, seen) || !matches(vm)) continue;
    if (vms.length === filter.limit) return { vms, next: vms[vms.length - 1].id };
    vms.push(vm);
  }
  return { vms };
}

function matcher({ state, label, image, name }: VmFilter): (vm: VmRecord) => boolean {
  for (const each of state) {
    if ((VM_STATES as readonly string[]).includes(each)) continue;
    throw new RequestError(
      "state",
      `got ${JSON.stringify(each)}`,
      `one of ${VM_STATES.join(", ")}`,
    );
  }
  const patterns = name.map((text) => text.split(/\*+/));
  const labels = label.map((text) => {
    const at = text.indexOf("=");
    return at < 0 ? { key: text } : { key: text.slice(0, at), value: text.slice(at + 1) };
  });
  return (vm) =>
    (state.length === 0 || state.includes(vm.state)) &&
    (image.length === 0 || image.includes(vm.image.name) || image.includes(vm.image.hash)) &&
    (patterns.length === 0 || patterns.some((parts) => isLike(vm.name, parts))) &&
    labels.every(({ key, value }) =>
      Object.hasOwn(vm.labels, key) && (value === undefined || vm.labels[key] === value)
    );
}

/** Whether the text is these parts in this order, with anything in between: in time linear in both. */
function isLike(text: string, [first, ...parts]: readonly string[]): boolean {
  const last = parts.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}
