/**
 * Denali as a library: small x86 virtual machines inside a program of your own.
 *
 * The supervisor runs VMs in threads without permissions, with a network between them:
 *
 * ```ts
 * import { Supervisor } from "@denali/denali";
 *
 * const supervisor = await Supervisor.start({ cells: 1 });
 * await supervisor.create({ name: "greeter", image: "hello" });
 * const { exitCode } = await supervisor.ended("greeter");
 * console.log(new TextDecoder().decode(supervisor.consoleHistory("greeter")), exitCode);
 * await supervisor.close();
 * ```
 *
 * The kernel alone is a plain object: no thread, no permission, and time that you own. It does the
 * same work at every run:
 *
 * ```ts
 * import { DeterministicClock, guestImage, Kernel } from "@denali/denali";
 *
 * const kernel = new Kernel({
 *   clock: new DeterministicClock(),
 *   poolBytes: 32 * 2 ** 20,
 *   events: {
 *     console: (_vm, bytes) => console.log(new TextDecoder().decode(bytes)),
 *     state() {},
 *     uplink: () => true,
 *   },
 * });
 * const image = kernel.loadImage("hello", (await guestImage("hello"))!);
 * const vm = kernel.createVm({ name: "greeter", image, memory: 16 * 2 ** 20 });
 * kernel.start(vm);
 * while (kernel.run(1_000_000) > 0); // until nobody has anything to do
 * console.log(vm.exitCode ?? kernel.report(vm).reason); // null: it crashed, or waits for ever
 * ```
 *
 * Both examples run a guest that `deno task guests` has built.
 *
 * @module
 */

export {
  type Clock,
  type CrashReport,
  DeterministicClock,
  HostClock,
  type Image,
  ImageError,
  Kernel,
  KernelBug,
  type KernelEvents,
  type KernelOptions,
  type KernelStats,
  type Limits,
  type Mechanisms,
  type NetworkSpec,
  type Rate,
  reportText,
  type Resources,
  type Vm,
  VmError,
  type VmReport,
  type VmSpec,
  type VmState,
  type VmStats,
} from "./kernel/kernel.ts";
export type { EngineSettings } from "./cpu/engine_settings.ts";
export { type ControlOptions, createControl } from "./supervisor/control.ts";
export type { EgressSettings } from "./supervisor/egress/egress.ts";
export type { SupervisorEvent } from "./supervisor/event_log.ts";
export { guestImage, guestNames } from "./supervisor/image/builtin.ts";
export type { ImageSummary, StoredImage } from "./supervisor/image/store.ts";
export { RequestError } from "./supervisor/request_error.ts";
export { createHandler, type ServerHandler } from "./supervisor/server.ts";
export {
  Supervisor,
  type SupervisorOptions,
  type VmEndpoint,
  type VmParameters,
} from "./supervisor/supervisor.ts";
export type { UplinkSettings } from "./supervisor/uplink/settings.ts";
export type { ConsoleSink, PublishedPort, VmSummary } from "./supervisor/vm/record.ts";
export type { PortMapping, VmChange, VmRequest } from "./supervisor/vm/request.ts";
export { VERSION } from "./supervisor/version.ts";
