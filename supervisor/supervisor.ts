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
import type { Cell } from "./cell/cell.ts";
import { defaultCells } from "./cell/count.ts";
import { asRequestError } from "./cell/error.ts";
import { CellPool } from "./cell/pool.ts";
import { COMMAND, type StateNotice, type VmRow } from "./cell/protocol.ts";
import { Disks, requireDisks } from "./disk/disks.ts";
import { EventLog } from "./event_log.ts";
import { AuditLog } from "./http/security/audit.ts";
import { Tokens } from "./http/security/tokens.ts";
import { ImageStore, type StoredImage } from "./image/store.ts";
import { readEgress, requireEgress } from "./egress/request.ts";
import { formatAddress } from "./gateway/ipv4.ts";
import type { Network } from "./network.ts";
import { RequestError } from "./request_error.ts";
import { openEventStore } from "./state/events.ts";
import { findOrphans } from "./state/orphans.ts";
import { StateStore } from "./state/store.ts";
import type { Row } from "./state/statements.ts";
import type { SupervisorOptions, VmEndpoint, VmParameters } from "./supervisor_options.ts";
import { SWAP_DEFAULT } from "./swap/channel.ts";
import { openSwapFolder } from "./swap/folder.ts";
import { openNetwork } from "./uplink/open.ts";
import type { CaptureLimits } from "./vm/captures.ts";
import { endInput, typeInput } from "./vm/input.ts";
import {
  forgetVm,
  keepChange,
  keepPort,
  keepState,
  keepVm,
  type KeptVm,
  LAST_VM,
  readVms,
} from "./vm/kept.ts";
import { Machines } from "./vm/machines.ts";
import { closePort, openPorts } from "./vm/ports.ts";
import {
  applyNotice,
  type ConsoleSink,
  createRecord,
  hasEnded,
  inTurn,
  type PublishedPort,
  summarize,
  type VmRecord,
  type VmSummary,
  waitFor,
} from "./vm/record.ts";
import { VmRegistry } from "./vm/registry.ts";
import {
  parseVmChange,
  parseVmRequest,
  type PortMapping,
  type VmChange,
  type VmRequest,
} from "./vm/request.ts";
import { changeLimits } from "./vm/resources.ts";
import { Restarts } from "./vm/restarts.ts";

export type { SupervisorOptions, VmEndpoint, VmParameters } from "./supervisor_options.ts";

const POOL_BYTES = 2 ** 30;
/** VMs that are brought back at the same time. */
const RETURN_PARALLEL = 32;
/** A VM that was told to end is given up after so long; its cell has its own patience. */
const STOP_MS = 30_000;

/** What a supervisor is made of; see `Supervisor.start`. */
interface Parts {
  readonly events: EventLog;
  readonly images: ImageStore;
  readonly disks: Disks | undefined;
  readonly network: Network | undefined;
  readonly state: StateStore;
  readonly tokens: Tokens;
  readonly audit: AuditLog;
  readonly swapFolder: string | undefined;
}

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
  /** Undefined without a network. */
  readonly network: Network | undefined;
  readonly #machines: Machines;
  readonly #vms: VmRegistry;
  readonly #restarts = new Restarts((vm) => this.#startAfresh(vm));
  readonly #settings: Readonly<Record<string, unknown>>;
  #orphans: readonly string[] = [];
  /** Resolves when all VMs are back. */
  #returned: Promise<void> | undefined;
  #closed = false;

  private constructor(options: SupervisorOptions, parts: Parts) {
    const { deterministic = false, swap = { bytes: SWAP_DEFAULT } } = options;
    const { events, images, disks, network, state, swapFolder } = parts;
    this.events = events;
    this.images = images;
    this.state = state;
    this.tokens = parts.tokens;
    this.audit = parts.audit;
    this.disks = disks;
    this.network = network;
    network?.wire?.watch((state, message) =>
      this.events.add(`uplink.${state}`, undefined, message)
    );
    if (network) network.lent = (id, address) => this.#lent(id, address);
    this.#vms = new VmRegistry(network?.plan.capacity);
    const { poolBytes = POOL_BYTES } = options;
    const { dataFolder = null, engine = null, mechanisms = null } = options;
    const uplink = network?.wire?.name ?? (network?.gateway && "gateway") ?? "none";
    this.#settings = { dataFolder, swap, engine, mechanisms, deterministic, uplink };
    const cells = new CellPool({
      cells: deterministic ? 1 : options.cells ?? defaultCells(poolBytes),
      poolBytes,
      deterministic,
      engine: options.engine,
      mechanisms: options.mechanisms,
      swap: deterministic || swap.bytes === 0 ? undefined : { ...swap, folder: swapFolder },
      disks: disks?.worker,
      module: options.cellModule,
      patience: options.patience,
      network,
    }, {
      console: (cell, id, bytes) => this.#console(this.#ofCell(cell, id), bytes),
      state: (cell, id, notice) => this.#state(this.#ofCell(cell, id), notice),
      capture: (cell, id, record, length) =>
        this.#ofCell(cell, id)?.captures.append(record, length),
      died: (cell, index, reason) => this.#cellDied(cell, index, reason),
    });
    this.#machines = new Machines(cells, network, disks);
  }

  static async start(options: SupervisorOptions = {}): Promise<Supervisor> {
    const { dataFolder, deterministic = false } = options;
    const state = await StateStore.open(dataFolder);
    try {
      const events = new EventLog(await openEventStore(state));
      const images = await ImageStore.open(state, dataFolder);
      const swapFolder = dataFolder && await openSwapFolder(dataFolder);
      const connected = !deterministic && options.network !== false;
      const network = connected ? await openNetwork(options.uplink, options.egress) : undefined;
      const event = (type: string, message: string, vm?: number) => events.add(type, vm, message);
      const disks = deterministic ? undefined : await Disks.open({
        dataFolder,
        state,
        limits: options.disks,
        files: options.disks?.files,
        event,
      });
      const [tokens, audit] = [await Tokens.open(state), await AuditLog.open(state)];
      const parts = { events, images, disks, network, state, tokens, audit, swapFolder };
      const supervisor = new Supervisor(options, parts);
      if (dataFolder !== undefined) await supervisor.#restore(dataFolder);
      return supervisor;
    } catch (error) {
      await state.close();
      throw error;
    }
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
      port: vm.published[0]?.guest,
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
    const record = this.#vms.find(vm);
    await inTurn(record, async () => {
      this.#vms.find(record.id);
      if (record.cell?.alive && !hasEnded(record) && record.state !== "created") {
        this.#wrongState(record, "created, stopped or crashed");
      }
      record.wanted = true;
      record.restarts = 0;
      this.#restarts.cancel(record);
      await this.#start(record);
    });
  }

  /** Ends a VM; with `graceMs`, asks the guest first and gives it that long. */
  async stop(vm: number | string, graceMs = 0): Promise<void> {
    const record = this.#vms.find(vm);
    record.wanted = false;
    this.#restarts.cancel(record);
    if (graceMs > 0 && record.state === "running") {
      await this.#machines.ask(record, COMMAND.VM_SHUTDOWN);
      await waitFor(record, hasEnded, AbortSignal.timeout(graceMs)).catch(() => {});
    }
    if (!hasEnded(record)) {
      if (record.cell === undefined) applyNotice(record, { state: "stopped" });
      else await this.#machines.ask(record, COMMAND.VM_STOP, {});
      await waitFor(record, hasEnded, AbortSignal.timeout(STOP_MS));
    }
    await this.#keep(keepState(record));
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
    await this.#machines.ask(record, COMMAND.VM_PAUSE);
  }

  async resume(vm: number | string): Promise<void> {
    const record = this.#vms.find(vm);
    if (record.state !== "paused") this.#wrongState(record, "paused");
    await this.#machines.ask(record, COMMAND.VM_RESUME);
  }

  /** Changes what of a VM can be changed while it runs. */
  async update(vm: number | string, change: VmChange): Promise<VmSummary> {
    const record = this.#vms.find(vm);
    const { labels, restart, egress, disks, ...resources } = parseVmChange(change);
    if (egress !== undefined) requireEgress(egress, this.network);
    if (disks !== undefined) await inTurn(record, () => this.#exchangeDisks(record, disks));
    if (record.cell?.alive) await this.#machines.ask(record, COMMAND.VM_LIMIT, resources);
    record.limits = changeLimits(record.limits, resources);
    record.labels = labels ?? record.labels;
    record.restart = restart ?? record.restart;
    if (egress !== undefined) record.request = { ...record.request, egress };
    this.#setEgress(record);
    await this.#keep(...keepChange(record));
    return summarize(record);
  }

  async #exchangeDisks(vm: VmRecord, disks: VmRequest["disks"]): Promise<void> {
    if (!hasEnded(vm)) this.#wrongState(vm, "stopped, while its disks are exchanged");
    requireDisks({ disks }, this.disks);
    await this.disks?.closeFor(vm);
    this.disks?.exchange(vm, disks);
  }

  /** Ends a VM and forgets it: its name, its console, its ports. */
  async remove(vm: number | string): Promise<void> {
    const record = this.#vms.find(vm);
    record.wanted = false;
    this.#restarts.cancel(record);
    await inTurn(record, async () => {
      this.#vms.find(record.id);
      await this.#keep(...forgetVm(record));
      await this.#machines.clear(record);
      this.#forget(record);
      await this.images.release(record.image);
    });
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
    if (hasEnded(record) || record.cell === undefined) this.#wrongState(record, "running");
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
    openPorts(record, this.network, [port]);
    const opened = record.published[record.published.length - 1];
    try {
      await this.#keep(keepPort(record, opened));
    } catch (error) {
      closePort(record, opened);
      throw error;
    }
    return opened;
  }

  /** Closes a port of the host, and ends its connections. */
  async unpublish(vm: VmRecord, port: PublishedPort): Promise<void> {
    await this.#keep(["port.delete", port.hostname, port.host]);
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
    if (this.#closed) return "stopping";
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
    if (this.#closed) return;
    this.#closed = true;
    this.#restarts.close();
    this.events.close();
    await this.#returned;
    for (const vm of this.#vms) this.#forget(vm);
    await this.#machines.close();
    await this.state.close();
  }

  async #create(request: VmRequest, image: StoredImage, sink?: ConsoleSink): Promise<VmSummary> {
    if (this.#closed) throw new RequestError("server", "it is stopping", "a running server", 503);
    requireDisks(request, this.disks);
    requireEgress(request.egress, this.network);
    const { id, name } = this.#vms.identify(request.name);
    const vm = createRecord(id, name, request, image, this.#addressOf(id), sink);
    // From here on the name is taken: two requests at the same time must not both get it.
    this.#vms.add(vm);
    try {
      await inTurn(vm, async () => {
        this.disks?.attach(vm);
        this.#setEgress(vm);
        await this.images.hold(image);
        await this.#machines.place(vm);
        openPorts(vm, this.network, request.publish);
        this.events.add("vm.created", id, name);
        const started = request.start && this.#machines.ask(vm, COMMAND.VM_START);
        await Promise.all([
          this.#keep(...keepVm(vm, request.start ? "running" : "created")),
          started,
        ]);
      });
    } catch (error) {
      vm.wanted = false;
      await this.#machines.clear(vm);
      this.#forget(vm);
      this.state.note(...forgetVm(vm));
      await this.images.release(image);
      throw asRequestError(error);
    }
    return summarize(vm);
  }

  /** By the restart policy. */
  async #startAfresh(vm: VmRecord): Promise<void> {
    await inTurn(vm, async () => {
      if (this.#closed || this.#vms.get(vm.id) !== vm || !vm.wanted || !hasEnded(vm)) return;
      try {
        await this.#start(vm);
      } catch (error) {
        this.events.add("vm.not-started", vm.id, (error as Error).message);
        throw error;
      }
    });
  }

  /** In the VM's turn. */
  async #start(vm: VmRecord): Promise<void> {
    const fresh = vm.state === "created" && vm.cell?.alive;
    if (!fresh) await this.#machines.place(vm);
    if (vm.captures.snap > 0) await this.#machines.capture(vm);
    await Promise.all([
      this.#machines.ask(vm, COMMAND.VM_START),
      this.#keep(keepState(vm, "running")),
    ]);
  }

  /** A DHCP server has lent an address to a VM. */
  #lent(id: number, address: number): void {
    const vm = this.#vms.get(id);
    if (vm === undefined || vm.address === address) return;
    vm.address = address;
    this.events.add("vm.address", id, `it was lent ${formatAddress(address)}`);
  }

  #addressOf(id: number): number {
    return this.network?.vmNetwork(id).address ?? 0;
  }

  /** Resolves when these are on stable storage; see StateStore. */
  async #keep(...writes: Parameters<StateStore["write"]>): Promise<void> {
    try {
      await this.state.write(...writes);
    } catch (error) {
      const expected = "room in the data folder, which can be written";
      throw new RequestError("state", (error as Error).message, expected, 507);
    }
  }

  /** Takes over what an earlier process has left, and begins to bring VMs back. */
  async #restore(dataFolder: string): Promise<void> {
    const kept = readVms(await this.state.read("vms"), await this.state.read("ports"));
    const counters = await this.state.read("counters");
    this.#vms.raise(counters.find(({ name }: Row) => name === LAST_VM)?.value as number ?? 0);
    const starting: VmRecord[] = [];
    for (const vm of kept) {
      const record = await this.#restoreVm(vm);
      if (vm.starts) starting.push(record);
    }
    this.#orphans = await findOrphans(
      dataFolder,
      this.images.unused(),
      this.disks?.store.list() ?? [],
    );
    for (const path of this.#orphans) this.events.add("orphan.found", undefined, path);
    if (starting.length === 0) return;
    this.#returned = this.#bringBack(starting).finally(() => this.#returned = undefined);
  }

  async #restoreVm(kept: KeptVm): Promise<VmRecord> {
    const { id, name, request, ports, image } = kept;
    const failed = (error: unknown) =>
      this.events.add("vm.incomplete", id, (error as Error).message);
    const stored = await this.images.kept(image.name, image.hash).catch(failed);
    const gone = { ...image, file: new Uint8Array(0), builtin: false };
    const vm = createRecord(id, name, request, stored ?? gone, this.#addressOf(id));
    const { limits, labels, restart, restarts, created, wanted } = kept;
    const { state, exitCode, reason, crash } = kept;
    Object.assign(vm, { limits, labels, restart, restarts, created, wanted });
    applyNotice(vm, { state, exitCode, reason, crash });
    vm.console.live = false;
    if (state !== "created" && !kept.starts) this.state.note(keepState(vm));
    this.#vms.add(vm);
    this.#setEgress(vm);
    try {
      this.disks?.attach(vm);
    } catch (error) {
      failed(error);
    }
    for (const port of ports) {
      try {
        openPorts(vm, this.network, [port]);
      } catch (error) {
        failed(error);
      }
    }
    return vm;
  }

  async #bringBack(vms: VmRecord[]): Promise<void> {
    const next = vms.values();
    const work = async () => {
      for (const vm of next) {
        vm.wanted = true;
        await this.#startAfresh(vm).catch(() => this.#restarts.ended(vm));
      }
    };
    await Promise.all(Array.from({ length: RETURN_PARALLEL }, work));
  }

  #setEgress({ id, request }: VmRecord): void {
    this.network?.setEgress(id, request.egress === null ? undefined : readEgress(request.egress));
  }

  #forget(vm: VmRecord): void {
    this.network?.setEgress(vm.id, undefined);
    for (const port of vm.published.splice(0)) port.close();
    vm.console.live = false;
    vm.captures.close();
    this.disks?.detach(vm);
    this.#vms.delete(vm);
    if (!hasEnded(vm)) applyNotice(vm, { state: "stopped" });
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
    if (this.#closed) return;
    if (notice.state !== "created") this.state.note(keepState(vm));
    if (!hasEnded(vm)) return;
    this.network?.ended(vm.id);
    this.disks?.closeFor(vm);
    this.#restarts.ended(vm);
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
