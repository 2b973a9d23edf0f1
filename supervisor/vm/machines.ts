/** Where VMs run: the cells, the Ethernet between them, the disks; and how a VM gets there. */

import { asRequestError } from "../cell/error.ts";
import type { CellPool } from "../cell/pool.ts";
import { COMMAND, type VmOrder, type VmRow } from "../cell/protocol.ts";
import type { Disks } from "../disk/disks.ts";
import type { Network } from "../network.ts";
import { RequestError } from "../request_error.ts";
import { resetInput } from "./input.ts";
import type { VmRecord } from "./record.ts";

export class Machines {
  constructor(
    readonly cells: CellPool,
    readonly network: Network | undefined,
    readonly disks: Disks | undefined,
  ) {}

  /** Finds room for a VM and makes it there afresh. Throws a RequestError. */
  async place(vm: VmRecord): Promise<void> {
    await this.clear(vm);
    if (vm.image.file.length === 0) {
      const got = `the file of ${vm.image.name} is gone`;
      throw new RequestError("image", got, `an upload with the SHA-256 ${vm.image.hash}`, 409);
    }
    vm.cellIndex = this.cells.reserve(vm.id, vm.request.memory);
    vm.cell = this.cells.cell(vm.cellIndex);
    vm.address = this.network?.vmNetwork(vm.id).address ?? vm.address;
    resetInput(vm);
    try {
      await this.#order(vm);
    } catch (error) {
      throw asRequestError(error);
    }
  }

  /** Takes a VM out of its cell, if both are there. */
  async clear(vm: VmRecord): Promise<void> {
    const { cell } = vm;
    if (cell === undefined) return;
    const destroyed = cell.request(COMMAND.VM_DESTROY, vm.id).catch(() => {});
    this.cells.release(vm.cellIndex, cell, vm.request.memory, vm.image);
    await destroyed;
    await this.disks?.closeFor(vm);
    this.network?.forget(vm.id);
    vm.cell = undefined;
  }

  /** A request about a VM to its cell. Throws a RequestError. */
  async ask(vm: VmRecord, command: number, value?: unknown): Promise<unknown> {
    if (vm.cell === undefined) {
      throw new RequestError("state", `VM ${vm.name} is ${vm.state}`, "one that runs", 409);
    }
    try {
      return await vm.cell.request(command, vm.id, value);
    } catch (error) {
      throw asRequestError(error);
    }
  }

  /** Has the VM's cell tell as much of its frames as its captures want. */
  async capture(vm: VmRecord): Promise<void> {
    await this.ask(vm, COMMAND.VM_CAPTURE, { snap: vm.captures.snap });
  }

  /** The state and the counters of a VM. Throws a RequestError. */
  async statsOf(vm: VmRecord): Promise<Record<string, unknown>> {
    return await this.ask(vm, COMMAND.VM_STATS) as Record<string, unknown>;
  }

  /** Instructions and exact state (running or idle) of every VM that is in a cell. */
  async rows(): Promise<VmRow[]> {
    const rows: VmRow[] = [];
    for (const cell of this.cells.cells) {
      for (let after = 0;;) {
        const page = await cell.request(COMMAND.VM_LIST, after).catch(() => []) as VmRow[];
        if (page.length === 0) break;
        rows.push(...page);
        after = page[page.length - 1].id;
      }
    }
    return rows.sort((a, b) => a.id - b.id);
  }

  /** Counters of every cell's kernel, of the Ethernet, of the gateway and of the wire. */
  async stats(): Promise<
    { cells: unknown[]; network: unknown; gateway: unknown; egress: unknown; uplink: unknown }
  > {
    const cells = await Promise.all(
      this.cells.cells.map((cell) =>
        cell.request(COMMAND.CELL_STATS, 0).catch((error) => ({ error: error.message }))
      ),
    );
    const { network } = this;
    return {
      cells,
      network: network?.stats(),
      gateway: network?.gateway?.stats(),
      egress: network?.egress?.stats(),
      uplink: network?.wire?.stats(),
    };
  }

  async close(): Promise<void> {
    const network = this.network?.close();
    await this.cells.close();
    this.disks?.close();
    await network;
  }

  async #order(vm: VmRecord): Promise<void> {
    const { request, cellIndex } = vm;
    const cell = vm.cell!;
    const order: VmOrder = {
      name: vm.name,
      image: await this.cells.image(cellIndex, vm.image),
      memory: request.memory,
      args: request.args,
      env: request.env,
      network: this.network?.vmNetwork(vm.id),
      resources: vm.limits,
      disks: await this.disks?.openFor(vm),
    };
    await cell.request(COMMAND.VM_CREATE, vm.id, order);
  }
}
