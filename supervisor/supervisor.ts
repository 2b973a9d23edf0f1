/**
 * The supervisor: virtual machines over cells, as one object that a program can embed.
 *
 *     const supervisor = await Supervisor.start({ cells: 1 });
 *     const vm = await supervisor.create({ image: "hello" });
 *     await supervisor.ended(vm.id);
 *     await supervisor.close();
 *
 * Every method that takes a VM takes its number or its name. What is asked wrongly is refused by a
 * RequestError that names the field. VMs of a cell that dies are marked crashed with the reason, and
 * can be started again: a new cell stands in its place.
 *
 * With a data folder, what a method has resolved for is found again by the next supervisor there,
 * however this process ends; VMs come back by their restart policy (vm/restart_policy.ts).
 */

import { VM_NUMBER_MAXIMUM } from "./address_plan.ts";
import { asRequestError } from "./cell/error.ts";
import { CellPool } from "./cell/pool.ts";
import { COMMAND, type VmRow } from "./cell/protocol.ts";
import type { Disks } from "./disk/disks.ts";
import type { EventLog } from "./event_log.ts";
import type { AuditLog } from "./http/security/audit.ts";
import type { Tokens } from "./http/security/tokens.ts";
import type { ImageStore, StoredImage } from "./image/store.ts";
import type { Network } from "./network.ts";
import { openParts, type Parts } from "./parts.ts";
import { RequestError } from "./request_error.ts";
import type { StateStore } from "./state/store.ts";
import type { SupervisorOptions, VmEndpoint, VmParameters } from "./supervisor_options.ts";
import { cellOptions, checkOptions, describeSettings } from "./supervisor_settings.ts";
import type { CaptureLimits } from "./vm/captures.ts";
import { endInput, typeInput } from "./vm/input.ts";
import { keepPort } from "./vm/kept.ts";
import { VmLives } from "./vm/lives.ts";
import { Machines } from "./vm/machines.ts";
import { closePort, openPorts } from "./vm/ports.ts";
import {
  type ConsoleSink,
  hasEnded,
  inTurn,
  type PublishedPort,
  summarize,
  type VmRecord,
  type VmSummary,
  waitFor,
} from "./vm/record.ts";
import { VmRegistry } from "./vm/registry.ts";
import { parseVmChange, parseVmRequest, type PortMapping, type VmChange } from "./vm/request.ts";
import { bringBack, restoreVms } from "./vm/returns.ts";

export type { SupervisorOptions, VmEndpoint, VmParameters } from "./supervisor_options.ts";

export class Supervisor {
  readonly images: ImageStore;
  readonly events: EventLog;
  /** What outlives the process. */
  readonly state: StateStore;
  /** Who may use the control endpoint, and who changed what with it. */
  readonly tokens: Tokens;
  readonly audit: AuditLog;
  /** Undefined when deterministic. */
  readonly disks: Disks | undefined;
  readonly network: Network | undefined;
  readonly #vms: VmRegistry;
  readonly #lives: VmLives;
  readonly #machines: Machines;
  readonly #settings: Readonly<Record<string, unknown>>;
  #orphans: readonly string[] = [];
  #returned: Promise<void> | undefined;

  private constructor(options: SupervisorOptions, parts: Parts) {
    const { images, disks, network } = parts;
    this.events = parts.events;
    this.images = images;
    this.state = parts.state;
    this.tokens = parts.tokens;
    this.audit = parts.audit;
    this.disks = disks;
    this.network = network;
    network?.wire?.watch((state, message) =>
      this.events.add(`uplink.${state}`, undefined, message)
    );
    network?.watch((error) => this.events.add("network.error", undefined, String(error)));
    this.#settings = describeSettings(options, network);
    this.#vms = new VmRegistry(network?.plan.capacity);
    this.#lives = new VmLives(parts, this.#vms, (listener) => {
      const cells = new CellPool(cellOptions(options, parts), listener);
      return new Machines(cells, network, disks);
    });
    this.#machines = this.#lives.machines;
  }

  /** Throws a RequestError for an option that makes no sense, else an Error that says what to do. */
  static async start(options: SupervisorOptions = {}): Promise<Supervisor> {
    checkOptions(options);
    const parts = await openParts(options);
    const supervisor = new Supervisor(options, parts);
    if (options.dataFolder !== undefined) await supervisor.#restore(options.dataFolder, parts);
    return supervisor;
  }

  /** Makes a VM and, unless `start` is false, starts it. */
  async create(parameters: VmParameters, sink?: ConsoleSink): Promise<VmSummary> {
    const request = parseVmRequest(parameters);
    const image = await this.images.get(request.image);
    return summarize(await this.#lives.create(request, image, sink));
  }

  /** As `create`, with an image that is not in the store. */
  async createFrom(
    image: StoredImage,
    parameters: Omit<VmParameters, "image">,
    sink?: ConsoleSink,
  ): Promise<VmSummary> {
    const request = parseVmRequest({ ...parameters, image: image.name });
    return summarize(await this.#lives.create(request, image, sink));
  }

  /**
   * Stores an image under a name after a cell's kernel has loaded it once: that is the check. `hash`:
   * the SHA-256 that it must have.
   */
  async addImage(
    name: string,
    file: Uint8Array<ArrayBuffer>,
    hash?: string,
  ): Promise<StoredImage> {
    const image = await this.images.check(name, file);
    if (hash !== undefined && hash !== image.hash) {
      throw new RequestError("hash", `the file's SHA-256 is ${image.hash}`, hash);
    }
    try {
      await this.#machines.cells.tryImage(image);
    } catch (error) {
      throw asRequestError(error);
    }
    return await this.images.put(name, file);
  }

  /** Forgets the name of an image; VMs that were made from it keep it. */
  async removeImage(name: string): Promise<void> {
    await this.images.remove(name);
  }

  /** All VMs, by number. */
  records(): Iterable<VmRecord> {
    return this.#vms;
  }

  record(id: number): VmRecord | undefined {
    return this.#vms.get(id);
  }

  /** By number or name. Throws a RequestError if there is none. */
  find(vm: number | string): VmRecord {
    return this.#vms.find(vm);
  }

  list(): VmSummary[] {
    return [...this.#vms].map(summarize);
  }

  get(vm: number | string): VmSummary {
    return summarize(this.#vms.find(vm));
  }

  /** Where a VM's servers are reached, by its name; undefined if there is none. Cheap. */
  endpoint(name: string): VmEndpoint | undefined {
    const vm = this.#vms.named(name);
    return vm && {
      address: vm.address,
      port: vm.published.find(({ protocol }) => protocol === "tcp")?.guest,
      state: vm.state,
      startedAt: vm.startedAt,
    };
  }

  /** The whole state of a VM, as the kernel reports it; null if nothing runs it. */
  async report(vm: number | string): Promise<unknown> {
    const record = this.#vms.find(vm);
    if (!record.cell?.alive) return null;
    return await this.#machines.ask(record, COMMAND.VM_REPORT);
  }

  /** Starts a VM that was created, or starts one that has ended afresh. */
  async start(vm: number | string): Promise<void> {
    await this.#lives.start(this.#vms.find(vm));
  }

  /** Ends a VM; with `graceMs`, asks the guest first and gives it that long. */
  async stop(vm: number | string, graceMs = 0): Promise<void> {
    await this.#lives.stop(this.#vms.find(vm), graceMs);
  }

  /** Ends a VM if it runs, as `stop` does, and starts it afresh. */
  async restart(vm: number | string, graceMs = 0): Promise<void> {
    const record = this.#vms.find(vm);
    if (record.state !== "created") await this.stop(record.id, graceMs);
    await this.start(record.id);
  }

  async pause(vm: number | string): Promise<void> {
    await this.#lives.pause(this.#vms.find(vm));
  }

  async resume(vm: number | string): Promise<void> {
    await this.#lives.resume(this.#vms.find(vm));
  }

  /** Changes what of a VM can be changed while it runs. */
  async update(vm: number | string, change: VmChange): Promise<VmSummary> {
    const record = this.#vms.find(vm);
    await this.#lives.update(record, parseVmChange(change));
    return summarize(record);
  }

  /** Ends a VM and forgets it: its name, its console, its ports. */
  async remove(vm: number | string): Promise<void> {
    await this.#lives.remove(this.#vms.find(vm));
  }

  /** Resolves when a VM has ended, with how. */
  async ended(vm: number | string, signal?: AbortSignal): Promise<VmSummary> {
    const record = this.#vms.find(vm);
    await waitFor(record, hasEnded, signal);
    return summarize(record);
  }

  /** The last 64 KiB that a VM wrote. */
  consoleHistory(vm: number | string): Uint8Array<ArrayBuffer> {
    return this.#vms.find(vm).console.history();
  }

  /** The same and all that it will write, until it ends. */
  followConsole(vm: number | string): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#vms.find(vm).console.follow();
  }

  /**
   * Types on a VM's keyboard. Throws while too much waits already; the promise is fulfilled when the
   * VM took all of it or has ended.
   */
  keyboard(vm: number | string, bytes: Uint8Array): Promise<void> {
    const record = this.#vms.find(vm);
    if (hasEnded(record) || record.cell === undefined) {
      throw new RequestError("state", `VM ${record.name} is ${record.state}`, "running", 409);
    }
    return typeInput(record, bytes);
  }

  /** The state and the counters of a VM; only the state if nothing runs it. */
  async statsOf(vm: number | string): Promise<Record<string, unknown>> {
    const record = this.#vms.find(vm);
    if (!record.cell?.alive) return { state: record.state };
    return await this.#machines.statsOf(record);
  }

  /** The frames of a VM's NIC as they come, as a file in the format of pcap; see Captures. */
  capture(vm: number | string, limits: CaptureLimits): ReadableStream<Uint8Array<ArrayBuffer>> {
    const record = this.#vms.find(vm);
    if (this.network === undefined) {
      throw new RequestError("vm", "it has no network", "a VM with a NIC", 409);
    }
    return record.captures.open(limits, () => {
      if (record.cell?.alive) this.#machines.capture(record).catch(() => {});
    });
  }

  /** Lets a port of the host lead to a VM. Throws a RequestError. */
  async publish(vm: number | string, port: PortMapping): Promise<PublishedPort> {
    const record = this.#vms.find(vm);
    return await inTurn(record, async () => {
      const [opened] = await openPorts(record, this.network, [port]);
      try {
        this.#vms.find(record.id);
        await this.#lives.keep(keepPort(record, opened));
      } catch (error) {
        closePort(record, opened);
        throw error;
      }
      return opened;
    });
  }

  /** Closes a port of the host, and ends its connections. */
  async unpublish(vm: VmRecord, port: PublishedPort): Promise<void> {
    await this.#lives.keep(["port.delete", port.hostname, port.host, port.protocol]);
    closePort(vm, port);
  }

  /** No more input after what was typed. */
  closeKeyboard(vm: number | string): Promise<void> {
    return endInput(this.#vms.find(vm));
  }

  /** Counters of every cell's kernel, of the Ethernet, of the gateway and of the wire. */
  stats(): ReturnType<Machines["stats"]> {
    return this.#machines.stats();
  }

  /** Instructions and exact state (running or idle) of every VM. */
  rows(): Promise<VmRow[]> {
    return this.#machines.rows();
  }

  /** `ready`, or why not: `starting` while VMs are brought back, `stopping`, or what state is lost. */
  get readiness(): string {
    if (this.#lives.closed) return "stopping";
    if (this.state.failure !== undefined) return `state cannot be kept: ${this.state.failure}`;
    return this.#returned === undefined ? "ready" : "starting";
  }

  /** Resolves when all VMs are back that were to be. */
  async ready(): Promise<void> {
    await this.#returned;
  }

  get capacity() {
    return { ...this.#machines.cells.capacity, vmNumberMaximum: VM_NUMBER_MAXIMUM };
  }

  /** What the server was started with. */
  get settings(): Readonly<Record<string, unknown>> {
    return this.#settings;
  }

  /** Files that were in the data folder at the start and that nothing refers to. */
  get orphans(): readonly string[] {
    return this.#orphans;
  }

  /** Cells that did not end when they were told to: then only `Deno.exit` ends the process. */
  get abandonedCells(): number {
    return this.#machines.cells.abandoned;
  }

  /** Ends every VM and every cell and closes every port. */
  async close(): Promise<void> {
    if (this.#lives.closed) return;
    this.#lives.close();
    this.events.close();
    await this.#returned;
    for (const vm of this.#vms) this.#lives.forget(vm);
    await this.#machines.close();
    await this.state.close();
  }

  async #restore(dataFolder: string, parts: Parts): Promise<void> {
    const { orphans, starting } = await restoreVms(dataFolder, parts, this.#vms, this.#lives);
    this.#orphans = orphans;
    if (starting.length === 0) return;
    this.#returned = bringBack(starting, this.#lives).finally(() => this.#returned = undefined);
  }
}
