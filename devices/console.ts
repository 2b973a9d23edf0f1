/**
 * Console output of one VM: a buffer goes in, a sink gets it at once. Nothing is stored here, so that
 * a VM which writes without end costs no memory; whoever reads the console bounds what it keeps.
 */

/** Most bytes of one operation; a longer write is continued by running the instruction again. */
export const CONSOLE_OPERATION_MAXIMUM = 16 * 1024;

export class Console {
  #written = 0;

  constructor(readonly sink: (bytes: Uint8Array) => void) {}

  /** Bytes since the VM was made. */
  get written(): number {
    return this.#written;
  }

  /** Passes bytes on; they are valid only during the call. */
  write(bytes: Uint8Array): void {
    this.#written += bytes.length;
    this.sink(bytes);
  }
}
