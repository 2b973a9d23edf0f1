/** VMs as the state store keeps them: to rows, and back after the process has ended. */

import type { Row, Write } from "../state/statements.ts";
import type { PublishedPort, VmRecord } from "./record.ts";
import { parseVmRequest, type PortMapping, type Protocol, type VmRequest } from "./request.ts";
import type { Limits } from "./resources.ts";
import { startsAgain, startsWithServer } from "./restart_policy.ts";
import type { ToldState } from "../cell/protocol.ts";

/** Counter of the greatest number that was given to a VM. */
export const LAST_VM = "vm";

/** What is known of a VM of an earlier process. */
export interface KeptVm {
  readonly id: number;
  readonly name: string;
  readonly image: { readonly name: string; readonly hash: string };
  readonly request: VmRequest;
  readonly limits: Limits;
  readonly labels: Readonly<Record<string, string>>;
  readonly restart: string;
  readonly created: Date;
  readonly wanted: boolean;
  readonly state: ToldState;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly crash?: string;
  readonly restarts: number;
  readonly ports: readonly PortMapping[];
  /** It is to be started with the server. */
  readonly starts: boolean;
}

/** All of a new VM. `state` is the one that is acknowledged with it. */
export function keepVm(vm: VmRecord, state: ToldState): Write[] {
  const spec = JSON.stringify(vm.request);
  return [
    ["counter.raise", LAST_VM, vm.id],
    [
      "vm.put",
      vm.id,
      vm.name,
      vm.image.name,
      vm.image.hash,
      spec,
      JSON.stringify(vm.limits),
      JSON.stringify(vm.labels),
      vm.restart,
      vm.created.toISOString(),
      Number(vm.wanted),
      state,
      null,
      null,
      null,
      vm.restarts,
    ],
    ...vm.published.map((port) => keepPort(vm, port)),
  ];
}

export function keepPort(vm: VmRecord, { hostname, host, guest, protocol }: PublishedPort): Write {
  return ["port.put", hostname, host, protocol, vm.id, guest];
}

/** What changes while it runs and ends. */
export function keepState(vm: VmRecord, state = vm.state): Write {
  const { wanted, exitCode = null, reason = null, crash = null, restarts, id } = vm;
  return ["vm.state", Number(wanted), state, exitCode, reason, crash, restarts, id];
}

/** What operators change. */
export function keepChange({ limits, labels, restart, request, id }: VmRecord): Write[] {
  return [["vm.spec", JSON.stringify(request), id], [
    "vm.change",
    JSON.stringify(limits),
    JSON.stringify(labels),
    restart,
    id,
  ]];
}

export function forgetVm({ id }: VmRecord): Write[] {
  return [["vm.delete", id], ["port.forget", id]];
}

export function readVms(rows: readonly Row[], ports: readonly Row[]): KeptVm[] {
  const portsOf = new Map<number, PortMapping[]>();
  for (const { vm, hostname, host, guest, protocol } of ports) {
    const list = portsOf.get(vm as number) ?? [];
    list.push({
      hostname: hostname as string,
      host: host as number,
      guest: guest as number,
      protocol: protocol as Protocol,
    });
    portsOf.set(vm as number, list);
  }
  return rows.map((row) => readVm(row, portsOf.get(row.id as number) ?? []));
}

/** One that ran when the process ended has ended with it. */
function readVm(row: Row, ports: readonly PortMapping[]): KeptVm {
  const text = (name: string) => row[name] as string;
  const state = text("state") as ToldState;
  const wanted = row.wanted === 1;
  const restart = text("restart");
  const restarts = row.restarts as number;
  const exitCode = row.exit_code as number | null ?? undefined;
  const ran = wanted && (state === "running" || state === "paused");
  // What is not brought back is stopped from now on, whatever its policy becomes.
  const pending = state !== "created" && !ran &&
    startsAgain(restart, { state, exitCode, stopped: !wanted, restarts });
  const starts = state !== "created" && startsWithServer(restart, ran || pending);
  return {
    id: row.id as number,
    name: text("name"),
    image: { name: text("image_name"), hash: text("image_hash") },
    request: parseVmRequest(JSON.parse(text("spec"))),
    limits: JSON.parse(text("limits")),
    labels: JSON.parse(text("labels")),
    restart,
    restarts,
    created: new Date(text("created")),
    wanted: starts,
    state: ran ? "stopped" : state,
    exitCode,
    reason: ran ? "the server ended while it ran" : row.reason as string | null ?? undefined,
    crash: row.crash as string | null ?? undefined,
    ports,
    starts,
  };
}
