/** What the supervisor knows of one VM, and how it shows it. */

import type { Cell } from "../cell/cell.ts";
import { Captures } from "./captures.ts";
import { ConsoleLog } from "./console_log.ts";
import type { StoredImage } from "../image/store.ts";
import { formatAddress } from "../gateway/ipv4.ts";
import type { OpenDisks } from "../disk/disks.ts";
import type { StateNotice, ToldState } from "../cell/protocol.ts";
import type { PortMapping, Protocol, VmRequest } from "./request.ts";
import { changeLimits, type Limits, UNLIMITED } from "./resources.ts";

/** A host port that leads to the VM while it exists. */
export interface PublishedPort {
  readonly hostname: string;
  /** The port that was opened, also where the host chose it. */
  readonly host: number;
  readonly guest: number;
  readonly protocol: Protocol;
  /**
   * Open connections, those accepted so far, and those that did not reach the VM; with UDP of clients: of
   * late, so far, and those whose datagrams it refused.
   */
  readonly stats: { readonly open: number; readonly accepted: number; readonly failed: number };
  /** To be called once: by closePort, or when all of a VM's are closed. */
  close(): void;
}

export interface VmRecord {
  readonly id: number;
  readonly name: string;
  request: VmRequest;
  readonly image: StoredImage;
  readonly console: ConsoleLog;
  created: Date;
  readonly published: PublishedPort[];
  /** Its disks while their files are open. */
  openDisks?: OpenDisks;
  /** What it may use of the processor and the network. */
  limits: Limits;
  labels: Readonly<Record<string, string>>;
  /** See restart_policy.ts. */
  restart: string;
  /** Starts by that policy since it last ran well. */
  restarts: number;
  /** Where it runs, or ran last; undefined if there is nothing of it in any cell. */
  cell?: Cell;
  cellIndex: number;
  /** An operator wants it to run: false before it is started, and when it was stopped. */
  wanted: boolean;
  /** Starts and the end of a VM are one after the other: the last of them. */
  turn: Promise<unknown>;
  /** IPv4 address, uint32. */
  address: number;
  state: ToldState;
  /** Of performance.now, when it was last started. */
  startedAt: number;
  exitCode?: number;
  reason?: string;
  crash?: string;
  /** Cost of the input that the VM has not taken yet (input.ts). */
  inputBytes: number;
  /** Input is sent piece by piece: the last piece that was sent. */
  input: Promise<void>;
  /** Set when the input was ended; fulfilled when the VM was told. */
  inputEnd?: Promise<void>;
  /** Who sees its frames. */
  readonly captures: Captures;
  /** Called at every change of state. */
  readonly watchers: Set<() => void>;
  /**
   * Takes the console as it comes, with back-pressure, besides `console`. One that throws or rejects is
   * called no more, and an event says so.
   */
  sink?: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/** How a VM looks from outside. */
export interface VmSummary extends Limits {
  readonly id: number;
  readonly name: string;
  readonly image: string;
  readonly imageHash: string;
  /** Bytes. */
  readonly memory: number;
  readonly state: ToldState;
  readonly exitCode?: number;
  /** Why it crashed, in one line, and the report as text. */
  readonly reason?: string;
  readonly crash?: string;
  /** Starts by its restart policy, in a row. */
  readonly restarts: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly restart: string;
  /** Number of the cell that has it; null if none does. */
  readonly cell: number | null;
  readonly address: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly publish: readonly Required<PortMapping>[];
  readonly disks: readonly { name: string; readOnly: boolean }[];
  /** Rules of its own for what it may reach; null: those of the server. */
  readonly egress: readonly string[] | null;
  /** ISO 8601. */
  readonly created: string;
}

export type ConsoleSink = NonNullable<VmRecord["sink"]>;

export function createRecord(
  id: number,
  name: string,
  request: VmRequest,
  image: StoredImage,
  address: number,
  sink?: ConsoleSink,
): VmRecord {
  return {
    id,
    name,
    request,
    image,
    cellIndex: 0,
    wanted: request.start,
    turn: Promise.resolve(),
    address,
    sink,
    console: new ConsoleLog(),
    created: new Date(),
    published: [],
    limits: changeLimits(UNLIMITED, request),
    labels: request.labels,
    restart: request.restart,
    restarts: 0,
    state: "created",
    startedAt: -Infinity,
    inputBytes: 0,
    input: Promise.resolve(),
    captures: new Captures(),
    watchers: new Set(),
  };
}

export function summarize(vm: VmRecord): VmSummary {
  return {
    id: vm.id,
    name: vm.name,
    image: vm.image.name,
    imageHash: vm.image.hash,
    memory: vm.request.memory,
    ...vm.limits,
    state: vm.state,
    exitCode: vm.exitCode,
    reason: vm.reason,
    crash: vm.crash,
    restarts: vm.restarts,
    labels: vm.labels,
    restart: vm.restart,
    egress: vm.request.egress,
    cell: vm.cell ? vm.cellIndex : null,
    address: formatAddress(vm.address),
    args: vm.request.args,
    env: vm.request.env,
    publish: vm.published.map(({ hostname, host, guest, protocol }) => (
      { hostname, host, guest, protocol }
    )),
    disks: vm.request.disks,
    created: vm.created.toISOString(),
  };
}

export function hasEnded(vm: VmRecord): boolean {
  return vm.state === "stopped" || vm.state === "crashed";
}

/** Takes over a change of state and tells those who wait for it. */
export function applyNotice(vm: VmRecord, notice: StateNotice): void {
  if (notice.state === "running" && vm.state !== "paused") vm.startedAt = performance.now();
  vm.state = notice.state;
  vm.exitCode = notice.exitCode;
  vm.reason = notice.reason;
  vm.crash = notice.crash;
  for (const watcher of vm.watchers) watcher();
}

/** Resolves when `condition` holds; at once if it does. Rejects when `signal` is aborted. */
export function waitFor(
  vm: VmRecord,
  condition: (vm: VmRecord) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      vm.watchers.delete(watch);
      signal?.removeEventListener("abort", abort);
      settle();
    };
    const watch = () => {
      if (condition(vm)) finish(resolve);
    };
    const abort = () => finish(() => reject(signal!.reason));
    vm.watchers.add(watch);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    else watch();
  });
}

/** Does `work` when all that was begun so before has ended. */
export function inTurn<T>(vm: VmRecord, work: () => Promise<T>): Promise<T> {
  const result = vm.turn.then(work);
  vm.turn = result.catch(() => {});
  return result;
}
