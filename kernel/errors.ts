/**
 * The three kinds of error that leave the kernel.
 *
 * - `ImageError` and `VmError` refuse what an operator asked for; nothing has changed.
 * - `KernelBug` is ours: whoever runs the kernel must stop it. Nothing a guest does raises one.
 *
 * A guest's own fault is none of them: it ends or interrupts its VM and is never an exception here.
 */

/** An executable that cannot be loaded. `field` is the header field at fault (`e_machine`). */
export class ImageError extends Error {
  override readonly name = "ImageError";
  constructor(readonly field: string, message: string) {
    super(`${field}: ${message}`);
  }
}

/** A request that cannot be met. `field` names the part of the request at fault (`memory`). */
export class VmError extends Error {
  override readonly name = "VmError";
  constructor(readonly field: string, message: string) {
    super(`${field}: ${message}`);
  }
}

/** A broken invariant of the kernel itself. */
export class KernelBug extends Error {
  override readonly name = "KernelBug";
}
