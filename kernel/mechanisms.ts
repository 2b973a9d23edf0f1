/**
 * Mechanisms of the virtual architecture that can be exchanged, to measure what each is worth (OSDI 2002,
 * section 6). Each changes nothing but itself, and guests work the same with either.
 */

export interface Mechanisms {
  /**
   * batched: interrupts wait until their VM is scheduled, many at once. synchronous: the kernel switches at
   * once into the VM that a frame has come for, whatever runs.
   */
  readonly interrupts: "batched" | "synchronous";
  /** timeout: an idle VM leaves the run queue. spin: the idle instruction returns at once. */
  readonly idle: "timeout" | "spin";
  /**
   * ring: rings of many frames, and offload (kernel/nic_rings.ts), besides the operation per frame of
   * simple. pio12: a dozen, as on the NICs of the PC (devices/nic_registers.ts).
   */
  readonly nic: "ring" | "simple" | "pio12";
}

export const DEFAULT_MECHANISMS: Mechanisms = {
  interrupts: "batched",
  idle: "timeout",
  nic: "ring",
};

/** What each may be; the first is the default. */
export const MECHANISM_VALUES: { readonly [K in keyof Mechanisms]: readonly Mechanisms[K][] } = {
  interrupts: ["batched", "synchronous"],
  idle: ["timeout", "spin"],
  nic: ["ring", "simple", "pio12"],
};
