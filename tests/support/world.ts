/**
 * VMs, their network and our own end of it in one thread, without a supervisor: for benchmarks that count processor time,
 * and for tests that lose frames on purpose.
 */

import { TAKES_CHECKSUM, TAKES_SEGMENTS } from "../../devices/offload.ts";
import { HostClock, Kernel, type Vm } from "../../kernel/kernel.ts";
import type { Mechanisms } from "../../kernel/mechanisms.ts";
import { guestImage } from "../../supervisor/image/builtin.ts";
import { Network } from "../../supervisor/network.ts";

const MEMORY = 16 << 20;

export class World {
  readonly network = new Network();
  readonly kernel: Kernel;
  /** Frames to the cell, between runs of the kernel, as from a ring. */
  readonly #inbox: [Uint8Array, number][] = [];
  console = "";

  /** `loses`: whether the next frame between VMs and our own end is lost. */
  constructor(nic: Mechanisms["nic"], loses: () => boolean = () => false) {
    const port = this.network.plug("cell", {
      deliver: (frame, offload) => loses() || this.#inbox.push([frame.slice(), offload]) > 0,
    });
    this.kernel = new Kernel({
      clock: new HostClock(),
      poolBytes: 128 << 20,
      mechanisms: { nic },
      uplinkTakes: TAKES_CHECKSUM | TAKES_SEGMENTS,
      events: {
        console: (_, bytes) => this.console += new TextDecoder().decode(bytes),
        state() {},
        uplink: (frame, offload) => {
          if (!loses()) port.send(frame, offload);
          return true;
        },
      },
    });
    for (let id = 1; id <= 2; id++) port.place(id);
  }

  async boot(name: string, id: number, ...words: string[]): Promise<Vm> {
    const image = this.kernel.loadImage(name, (await guestImage(name))!);
    const network = this.network.vmNetwork(id);
    const vm = this.kernel.createVm({
      id,
      name,
      image,
      memory: MEMORY,
      network,
      args: words,
    });
    this.kernel.start(vm);
    return vm;
  }

  /** Lets VMs and our own end run until `done` says so. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      for (const [frame, offload] of this.#inbox.splice(0)) this.kernel.receive(frame, offload);
      this.kernel.run(50_000);
      // What the gateway does for a batch of frames is done in microtasks; its timers want turns.
      if (this.#inbox.length === 0) await new Promise<void>((next) => setImmediate(next));
      else await Promise.resolve();
    }
  }

  counted() {
    const { network, instructions } = this.kernel.stats();
    return { frames: network.delivered, instructions };
  }
}
