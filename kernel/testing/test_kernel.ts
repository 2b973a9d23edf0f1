/** A kernel for tests: deterministic clock, everything it tells recorded. */

import { assertEquals } from "@std/assert";
import {
  DeterministicClock,
  type Image,
  Kernel,
  type KernelOptions,
  type Resources,
  type Vm,
} from "../kernel.ts";
import { TEST_ENGINE } from "./engine.ts";
import type { NetworkSpec } from "../vm_spec.ts";
import { assemble } from "./assemble.ts";

const POOL_BYTES = 8 << 20;

export interface TestKernel {
  readonly kernel: Kernel;
  readonly clock: DeterministicClock;
  /** Console text by VM number. */
  readonly consoles: Map<number, string>;
  /** `id state` of every change. */
  readonly states: string[];
  readonly uplinked: Uint8Array[];
  /** `port verdict hex` of every frame. */
  readonly frames: string[];
  load(source: string): Promise<Image>;
  /** Makes and starts a VM from assembly. */
  boot(source: string, options?: BootOptions): Promise<Vm>;
  /** Ends everything and checks that no frame of memory is lost. */
  finish(): void;
}

export interface BootOptions {
  memory?: number;
  network?: boolean;
  args?: string[];
  env?: Record<string, string>;
  resources?: Resources;
}

/** 10.0.0.1 + id in 10.0.0.0/8. */
export function testNetwork(id: number): NetworkSpec {
  return { address: 0x0a000001 + id, netmask: 0xff000000, gateway: 0x0a000001, dns: 0x0a000001 };
}

export function testKernel(options: Partial<KernelOptions> = {}): TestKernel {
  const clock = new DeterministicClock();
  const consoles = new Map<number, string>();
  const states: string[] = [];
  const uplinked: Uint8Array[] = [];
  const frames: string[] = [];
  const kernel = new Kernel({
    clock,
    engine: TEST_ENGINE,
    poolBytes: POOL_BYTES,
    memory: new SharedArrayBuffer(POOL_BYTES),
    events: {
      console: (vm, bytes) =>
        consoles.set(vm.id, (consoles.get(vm.id) ?? "") + new TextDecoder().decode(bytes)),
      state: (vm) => states.push(`${vm.id} ${vm.state}`),
      uplink: (frame) => uplinked.push(frame.slice()) > 0,
    },
    trace: (frame, port, verdict) => frames.push(`${port} ${verdict} ${frame.join(" ")}`),
    ...options,
  });
  const images = new Set<Image>();
  let nextId = 1;
  const load = async (source: string): Promise<Image> => {
    const image = kernel.loadImage("test", await assemble(source));
    images.add(image);
    return image;
  };
  return {
    kernel,
    clock,
    consoles,
    states,
    uplinked,
    frames,
    load,
    async boot(source, { memory = 1 << 20, network = false, ...rest } = {}) {
      const id = nextId++;
      const vm = kernel.createVm({
        id,
        name: `test-${id}`,
        image: await load(source),
        memory,
        network: network ? testNetwork(id) : undefined,
        ...rest,
      });
      kernel.start(vm);
      return vm;
    },
    finish() {
      for (const vm of [...kernel.vms.values()]) kernel.destroy(vm);
      for (const image of images) kernel.dropImage(image);
      const { total, free } = kernel.stats().frames;
      assertEquals(free, total - 1, "frames of memory were lost");
    },
  };
}
