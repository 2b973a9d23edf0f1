/**
 * A process that answers lines with what a program gives in a VM: kernel, virtual memory, Ilwaco and all.
 *
 *     deno run --allow-read vm_process.ts evaluator|translator IMAGE
 */

import type { EngineName } from "../../../cpu/engine.ts";
import { HostClock, Kernel } from "../../../kernel/kernel.ts";

const MEMORY = 16 << 20, POOL = 24 << 20, SLICE = 50_000;

const [engine, path] = Deno.args;
const kernel = new Kernel({
  clock: new HostClock(),
  poolBytes: POOL,
  engine: { name: engine as EngineName },
  events: { console: (_, bytes) => Deno.stdout.writeSync(bytes), state() {}, uplink: () => false },
});
const image = kernel.loadImage("guest", Deno.readFileSync(path));
const vm = kernel.createVm({ name: "guest", image, memory: MEMORY, args: [], env: {} });
kernel.start(vm);

const input = new Uint8Array(64);
while (vm.state !== "stopped" && vm.state !== "crashed") {
  const done = kernel.run(SLICE);
  if (done !== 0 || vm.state !== "idle") continue;
  const length = Deno.stdin.readSync(input);
  if (length === null) kernel.closeKeyboard(vm);
  else kernel.keyboard(vm, input.subarray(0, length));
}
if (vm.crash) throw new Error(`expected the guest to end, it crashed: ${vm.crash.reason}`);
