/** Runs a guest image to its end: on the kernel, in this process, with a deterministic clock. */

import type { EngineSettings } from "../../cpu/engine_settings.ts";
import { TEST_ENGINE } from "../../kernel/testing/engine.ts";
import { DeterministicClock, Kernel } from "../../kernel/kernel.ts";

export interface GuestOptions {
  /** Default: TEST_ENGINE. */
  readonly engine?: EngineSettings;
  /** Bytes; default 32 MiB. */
  readonly memory?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed; the input is closed behind it. */
  readonly input?: string;
  /** Instructions after which the guest counts as hung; default 4 billion. */
  readonly limit?: number;
}

export interface GuestResult {
  readonly output: string;
  /** As of `denali run`: the guest's code, or 134 for a crash. */
  readonly status: number;
  readonly instructions: number;
  /** How often the kernel has let it run. */
  readonly turns: number;
  /** What happened, if it crashed. */
  readonly crash?: string;
}

export const STATUS_CRASHED = 134;
const SLICE = 10_000_000;
const POOL_SPARE = 4 << 20;

/** Throws if the guest is still running after `limit` instructions, or idle for ever. */
export function runGuest(image: Uint8Array, options: GuestOptions = {}): GuestResult {
  const memory = options.memory ?? 32 << 20, limit = options.limit ?? 4e9;
  const chunks: Uint8Array[] = [];
  const kernel = new Kernel({
    clock: new DeterministicClock(),
    engine: options.engine ?? TEST_ENGINE,
    poolBytes: memory + POOL_SPARE,
    events: {
      console: (_, bytes) => chunks.push(bytes.slice()),
      state: () => {},
      uplink: () => false,
    },
  });
  const vm = kernel.createVm({
    name: "guest",
    image: kernel.loadImage("guest", image),
    memory,
    args: [...options.args ?? []],
    env: { ...options.env },
  });
  kernel.start(vm);
  let input = new TextEncoder().encode(options.input ?? "");
  while (vm.state !== "stopped" && vm.state !== "crashed") {
    const accepted = kernel.keyboard(vm, input);
    input = input.subarray(accepted);
    if (!input.length) kernel.closeKeyboard(vm);
    const done = kernel.run(SLICE);
    const shown = () => new TextDecoder().decode(concatenate(chunks));
    if (vm.cpu.retired > limit) throw new Error(`the guest still runs; it wrote:\n${shown()}`);
    if (done === 0 && !accepted && vm.state === "idle") {
      throw new Error(`the guest waits for ever; it wrote:\n${shown()}`);
    }
  }
  const { reason, exception } = vm.crash ?? {};
  return {
    output: new TextDecoder().decode(concatenate(chunks)),
    status: vm.state === "crashed" ? STATUS_CRASHED : vm.exitCode ?? 0,
    instructions: vm.cpu.retired,
    turns: vm.quanta,
    crash: vm.crash ? JSON.stringify({ reason, exception }) : undefined,
  };
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}
