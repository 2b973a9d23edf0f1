/**
 * Where the kernel keeps pages for which there is no frame: a row of slots of one page each, read and
 * written by somebody else while VMs run.
 *
 * The kernel does not trust the device with time: a transfer is begun and its end is heard of at some
 * later `poll`, in any order. It does trust it with the bytes.
 *
 * Rules:
 * - `begin` copies what is to be written before it returns: the frames may change or go at once.
 * - A read fills the frames before its end is told; nothing else uses them until then.
 * - A transfer that ends with anything but SWAP_DONE may have written anything to its slots, and has put
 *   nothing of meaning into its frames.
 */

/** All pages were moved. */
export const SWAP_DONE = 0;
/** There is no room on the disk: it may be tried again. */
export const SWAP_FULL = 1;
/** Anything else: the bytes in these slots are lost. */
export const SWAP_FAILED = 2;

export interface SwapTransfer {
  readonly write: boolean;
  /** Slots in ascending order; neighbours are moved by one operation. */
  readonly slots: readonly number[];
  /** The frame of each slot. */
  readonly frames: readonly number[];
  /** What went wrong, once it ended. */
  error?: string;
}

export interface SwapDevice {
  /** Most pages of one transfer. */
  readonly clusterPages: number;
  /** Another transfer can begin. */
  readonly ready: boolean;
  /** Begins a transfer; only while `ready`. */
  begin(transfer: SwapTransfer): void;
  /** Some transfer has ended of which `poll` has not told. Cheap. */
  readonly news: boolean;
  /** Tells of every transfer that has ended since. */
  poll(ended: (transfer: SwapTransfer, status: number) => void): void;
}

/** What the owner of a kernel says about its swap. */
export interface SwapOptions {
  /** Slots of the device: VMs whose memory sizes sum up to more are refused. */
  readonly pages: number;
  /** Makes the device for a pool's bytes. */
  open(pool: Uint8Array): SwapDevice;
}
