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
 */

import type { EngineSettings } from "../cpu/engine_settings.ts";
import type { Mechanisms } from "../kernel/mechanisms.ts";
import type { Cell } from "./cell/cell.ts";
import { defaultCells } from "./cell/count.ts";
import { asRequestError } from "./cell/error.ts";
import { CellPool } from "./cell/pool.ts";
import { EventLog } from "./event_log.ts";
import { ImageStore, type StoredImage } from "./image/store.ts";
import type { Network } from "./network.ts";
import { VM_NUMBER_MAXIMUM } from "./address_plan.ts";
import { Disks, requireDisks } from "./disk/disks.ts";
import type { DiskLimits } from "./disk/store.ts";
import { COMMAND, type StateNotice, type VmOrder, type VmRow } from "./cell/protocol.ts";
import { SWAP_DEFAULT } from "./swap/channel.ts";
import { openSwapFolder } from "./swap/folder.ts";
import { openNetwork } from "./uplink/open.ts";
import type { UplinkSettings } from "./uplink/settings.ts";
import type { SwapSettings } from "./swap/swap_worker.ts";
import { openPorts } from "./vm/ports.ts";
import { endInput, resetInput, typeInput } from "./vm/input.ts";
import { RequestError } from "./request_error.ts";
import {
  applyNotice,
  type ConsoleSink,
  createRecord,
  hasEnded,
  summarize,
  type VmRecord,
  type VmSummary,
  waitFor,
} from "./vm/record.ts";
import { VmRegistry } from "./vm/registry.ts";
import { parseVmChange, parseVmRequest, type VmChange, type VmRequest } from "./vm/request.ts";
import { changeLimits } from "./vm/resources.ts";

export interface SupervisorOptions {
  /** Threads that run VMs; default: one per processor, at most 8, whose pools fit into memory. */
  readonly cells?: number;
  /** Memory of each cell for its VMs, bytes; taken from the host only as it is used. Default 1 GiB. */
  readonly poolBytes?: number;
  /** Images and whatever else must outlive the process; default: kept in memory. */
  readonly dataFolder?: string;
  /**
   * Where VMs' pages go when a cell's memory runs short; default: SWAP_DEFAULT of each cell in the data
   * folder, or a temporary one. `bytes: 0`: nowhere; never when deterministic.
   */
  readonly swap?: Omit<SwapSettings, "folder">;
  /** How much disks may hold. */
  readonly disks?: DiskLimits;
  /** VMs get a NIC; default true, and always false when deterministic. */
  readonly network?: boolean;
  /** What the VMs' Ethernet leads to; default: the gateway, with which they are reached from here. */
  readonly uplink?: UplinkSettings;
  /** Time is a function of the instructions executed. One cell. */
  readonly deterministic?: boolean;
  /** What runs the guests' code; default: as denali up. */
  readonly engine?: EngineSettings;
  /** For measurements: mechanisms of the virtual architecture other than the usual ones. */
  readonly mechanisms?: Partial<Mechanisms>;
  /** Module of the cells' Workers, and seconds without a heartbeat until one is given up: for tests. */
  readonly cellModule?: URL;
  readonly patience?: number;
}

/** How to make a VM; see VmRequest. All but `image` may be left out. */
export type VmParameters = Partial<VmRequest> & Pick<VmRequest, "image">;

export interface VmEndpoint {
  /** IPv4 address, uint32. */
  readonly address: number;
  /** TCP port that it published first, if any. */
  readonly port: number | undefined;
  readonly state: VmRecord["state"];
  /** Of performance.now, when it was last started. */
  readonly startedAt: number;
}

const POOL_BYTES = 2 ** 30;

export class Supervisor {
  readonly images: ImageStore;
  readonly events: EventLog;
  /** Undefined when deterministic. */
  readonly disks: Disks | undefined;
  /** Undefined without a network. */
  readonly network: Network | undefined;
  readonly #cells: CellPool;
  readonly #vms: VmRegistry;
  readonly #settings: Readonly<Record<string, unknown>>;
  #closed = false;

  private constructor(
    options: SupervisorOptions,
    events: EventLog,
    images: ImageStore,
    disks: Disks | undefined,
    network: Network | undefined,
    swapFolder?: string,
  ) {
    const { deterministic = false, swap = { bytes: SWAP_DEFAULT } } = options;
    this.events = events;
    this.images = images;
    this.disks = disks;
    this.network = network;
    network?.wire?.watch((state, message) =>
      this.events.add(`uplink.${state}`, undefined, message)
    );
    this.#vms = new VmRegistry(network?.plan.capacity);
    const { poolBytes = POOL_BYTES } = options;
    const { dataFolder = null, engine = null, mechanisms = null } = options;
    const uplink = network?.wire?.name ?? (network?.gateway && "gateway") ?? "none";
    this.#settings = { dataFolder, swap, engine, mechanisms, deterministic, uplink };
    this.#cells = new CellPool({
      cells: deterministic ? 1 : options.cells ?? defaultCells(poolBytes),
      poolBytes,
      deterministic,
      engine: options.engine,
      mechanisms: options.mechanisms,
      swap: deterministic || swap.bytes === 0 ? undefined : { ...swap, folder: swapFolder },
      disks: disks?.worker,
      module: options.cellModule,
      patience: options.patience,
      network: this.network,
    }, {
      console: (cell, id, bytes) => this.#console(this.#ofCell(cell, id), bytes),
      state: (cell, id, notice) => this.#state(this.#ofCell(cell, id), notice),
      died: (cell, index, reason) => this.#cellDied(cell, index, reason),
    });
  }

  static async start(options: SupervisorOptions = {}): Promise<Supervisor> {
    const { dataFolder } = options;
    const images = await ImageStore.open(dataFolder);
    const swapFolder = dataFolder && await openSwapFolder(dataFolder);
    const connected = !options.deterministic && options.network !== false;
    const network = connected ? await openNetwork(options.uplink) : undefined;
    const events = new EventLog();
    const event = (type: string, message: string, vm?: number) => events.add(type, vm, message);
    const disks = options.deterministic
      ? undefined
      : await Disks.open({ dataFolder, limits: options.disks, event });
    return new Supervisor(options, events, images, disks, network, swapFolder);
  }

  /** Makes a VM and, unless `start` is false, starts it. */
  async create(parameters: VmParameters, sink?: ConsoleSink): Promise<VmSummary> {
    const request = parseVmRequest(parameters);
    const image = await this.images.get(request.image);
    return await this.#create(request, image, sink);
  }

  /** As `create`, with an image that is not in the store. */
  createFrom(image: StoredImage, parameters: Omit<VmParameters, "image">, sink?: ConsoleSink) {
    const request = parseVmRequest({ ...parameters, image: image.name });
    return this.#create(request, image, sink);
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
      await this.#cells.tryImage(image);
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
      port: vm.published[0]?.guest,
      state: vm.state,
      startedAt: vm.startedAt,
    };
  }

  /** The whole state of a VM, as the kernel reports it; null if its cell is gone. */
  async report(vm: number | string): Promise<unknown> {
    const record = this.#vms.find(vm);
    if (!record.cell.alive) return null;
    return await this.#ask(record, COMMAND.VM_REPORT);
  }

  /** Starts a VM that was created, or starts one that has ended afresh. */
  async start(vm: number | string): Promise<void> {
    const record = this.#vms.find(vm);
    if (record.state === "created" && record.cell.alive) {
      await this.#ask(record, COMMAND.VM_START);
    } else if (hasEnded(record) || !record.cell.alive) {
      await this.#destroy(record);
      await this.#place(record);
      await this.#ask(record, COMMAND.VM_START);
    } else {
      this.#wrongState(record, "created, stopped or crashed");
    }
  }

  /** Ends a VM; with `graceMs`, asks the guest first and gives it that long. */
  async stop(vm: number | string, graceMs = 0): Promise<void> {
    const record = this.#vms.find(vm);
    if (hasEnded(record)) return;
    if (graceMs > 0 && record.state === "running") {
      await this.#ask(record, COMMAND.VM_SHUTDOWN);
      const ended = waitFor(record, hasEnded, AbortSignal.timeout(graceMs)).then(() => true);
      if (await ended.catch(() => false)) return;
    }
    await this.#ask(record, COMMAND.VM_STOP, {});
    await waitFor(record, hasEnded);
  }

  /** Ends a VM if it runs, as `stop` does, and starts it afresh. */
  async restart(vm: number | string, graceMs = 0): Promise<void> {
    const record = this.#vms.find(vm);
    if (record.state !== "created") await this.stop(record.id, graceMs);
    await this.start(record.id);
  }

  async pause(vm: number | string): Promise<void> {
    const record = this.#vms.find(vm);
    if (record.state !== "running") this.#wrongState(record, "running");
    await this.#ask(record, COMMAND.VM_PAUSE);
  }

  async resume(vm: number | string): Promise<void> {
    const record = this.#vms.find(vm);
    if (record.state !== "paused") this.#wrongState(record, "paused");
    await this.#ask(record, COMMAND.VM_RESUME);
  }

  /** Changes what a VM may use of the processor and the network, also while it runs. */
  async update(vm: number | string, change: VmChange): Promise<VmSummary> {
    const record = this.#vms.find(vm);
    const { labels, restart, ...resources } = parseVmChange(change);
    if (record.cell.alive) await this.#ask(record, COMMAND.VM_LIMIT, resources);
    record.limits = changeLimits(record.limits, resources);
    record.labels = labels ?? record.labels;
    record.restart = restart ?? record.restart;
    return summarize(record);
  }

  /** Ends a VM and forgets it: its name, its console, its ports. */
  async remove(vm: number | string): Promise<void> {
    const record = this.#vms.find(vm);
    await this.#destroy(record);
    this.#forget(record);
    this.events.add("vm.removed", record.id, record.name);
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
    if (hasEnded(record)) this.#wrongState(record, "running");
    return typeInput(record, bytes);
  }

  /** No more input after what was typed. */
  closeKeyboard(vm: number | string): Promise<void> {
    return endInput(this.#vms.find(vm));
  }

  /** Counters of every cell's kernel, of the Ethernet, of the gateway and of the wire. */
  async stats(): Promise<
    { cells: unknown[]; network: unknown; gateway: unknown; uplink: unknown }
  > {
    const cells = await Promise.all(
      this.#cells.cells.map((cell) =>
        cell.request(COMMAND.CELL_STATS, 0).catch((error) => ({ error: error.message }))
      ),
    );
    const { network } = this;
    return {
      cells,
      network: network?.stats(),
      gateway: network?.gateway?.stats(),
      uplink: network?.wire?.stats(),
    };
  }

  /** Instructions and exact state (running or idle) of every VM. */
  async rows(): Promise<VmRow[]> {
    const rows: VmRow[] = [];
    for (const cell of this.#cells.cells) {
      for (let after = 0;;) {
        const page = await cell.request(COMMAND.VM_LIST, after).catch(() => []) as VmRow[];
        if (page.length === 0) break;
        rows.push(...page);
        after = page[page.length - 1].id;
      }
    }
    return rows.sort((a, b) => a.id - b.id);
  }

  /** Whether all VMs are there that are to be: `ready`, `starting` or `stopping`. */
  get readiness(): string {
    return this.#closed ? "stopping" : "ready";
  }

  get capacity() {
    return { ...this.#cells.capacity, vmNumberMaximum: VM_NUMBER_MAXIMUM };
  }

  /** What the server was started with. */
  get settings(): Readonly<Record<string, unknown>> {
    return this.#settings;
  }

  /** Files of the data folder that nothing refers to. */
  get orphans(): readonly string[] {
    return [];
  }

  /** Cells that did not end when they were told to: then only `Deno.exit` ends the process. */
  get abandonedCells(): number {
    return this.#cells.abandoned;
  }

  /** Ends every VM and every cell and closes every port. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const vm of this.#vms) this.#forget(vm);
    const network = this.network?.close();
    await this.#cells.close();
    this.disks?.close();
    await network;
  }

  async #create(request: VmRequest, image: StoredImage, sink?: ConsoleSink): Promise<VmSummary> {
    if (this.#closed) throw new RequestError("server", "it is stopping", "a running server", 503);
    requireDisks(request, this.disks);
    const { id, name } = this.#vms.identify(request.name);
    const index = this.#cells.reserve(id, request.memory);
    const cell = this.#cells.cell(index);
    const address = this.network?.vmNetwork(id).address ?? 0;
    const vm = createRecord(id, name, request, image, cell, index, address, sink);
    // From here on the name is taken: two requests at the same time must not both get it.
    this.#vms.add(vm);
    try {
      this.disks?.attach(vm);
      await this.#order(vm);
      openPorts(vm, this.network);
      this.events.add("vm.created", id, name);
      if (request.start) await this.#ask(vm, COMMAND.VM_START);
    } catch (error) {
      await this.#destroy(vm);
      this.#forget(vm);
      throw asRequestError(error);
    }
    return summarize(vm);
  }

  /** Finds room for a VM whose cell is gone or which starts afresh, and makes it there. */
  async #place(vm: VmRecord): Promise<void> {
    vm.cellIndex = this.#cells.reserve(vm.id, vm.request.memory);
    vm.cell = this.#cells.cell(vm.cellIndex);
    resetInput(vm);
    try {
      await this.#order(vm);
    } catch (error) {
      throw asRequestError(error);
    }
  }

  async #order(vm: VmRecord): Promise<void> {
    const { request, cell, cellIndex } = vm;
    const order: VmOrder = {
      name: vm.name,
      image: await this.#cells.image(cellIndex, vm.image),
      memory: request.memory,
      arguments: request.arguments,
      settings: request.settings,
      network: this.network?.vmNetwork(vm.id),
      resources: vm.limits,
      disks: await this.disks?.openFor(vm),
    };
    await cell.request(COMMAND.VM_CREATE, vm.id, order);
  }

  /** Takes a VM out of its cell, if both are there. */
  async #destroy(vm: VmRecord): Promise<void> {
    const destroyed = vm.cell.request(COMMAND.VM_DESTROY, vm.id).catch(() => {});
    this.#cells.release(vm.cellIndex, vm.cell, vm.request.memory, vm.image);
    await destroyed;
    await this.disks?.closeFor(vm);
    this.network?.forget(vm.id);
  }

  #forget(vm: VmRecord): void {
    for (const port of vm.published.splice(0)) port.close();
    vm.console.live = false;
    this.disks?.detach(vm);
    this.#vms.delete(vm);
    if (!hasEnded(vm)) applyNotice(vm, { state: "stopped" });
  }

  async #ask(vm: VmRecord, command: number, value?: unknown): Promise<unknown> {
    try {
      return await vm.cell.request(command, vm.id, value);
    } catch (error) {
      throw asRequestError(error);
    }
  }

  #wrongState(vm: VmRecord, expected: string): never {
    throw new RequestError("state", `VM ${vm.name} is ${vm.state}`, expected, 409);
  }

  /** A VM, if it is in that cell: a cell is not believed what it says of others. */
  #ofCell(cell: Cell, id: number): VmRecord | undefined {
    const vm = this.#vms.get(id);
    return vm?.cell === cell ? vm : undefined;
  }

  #console(vm: VmRecord | undefined, bytes: Uint8Array<ArrayBuffer>): void | Promise<void> {
    vm?.console.append(bytes);
    return vm?.sink?.(bytes);
  }

  #state(vm: VmRecord | undefined, notice: StateNotice): void {
    if (vm === undefined) return;
    applyNotice(vm, notice);
    vm.console.live = !hasEnded(vm);
    this.events.add(`vm.${notice.state}`, vm.id, notice.reason);
    if (!hasEnded(vm)) return;
    this.network?.ended(vm.id);
    this.disks?.closeFor(vm);
  }

  #cellDied(cell: Cell, index: number, reason: string): void {
    this.events.add("cell.died", undefined, `cell ${index}: ${reason}`);
    for (const vm of this.#vms) {
      if (vm.cell !== cell || hasEnded(vm)) continue;
      const why = `its cell ${index} died: ${reason}`;
      this.#state(vm, { state: "crashed", reason: why.split("\n")[0], crash: why });
    }
  }
}
