/**
 * Console output of one VM: a buffer goes in, a sink gets it at once. Nothing is stored here, so that
 * a VM which writes without end costs no memory; whoever reads the console bounds what it keeps. A
 * VM whose sink has no room waits with the rest.
 */

/** Most bytes of one operation; a longer write is continued by running the instruction again. */
export const CONSOLE_OPERATION_MAXIMUM = 16 * 1024;

/** Where the consoles of all owners go; one object for all, so that a console costs little. */
export interface ConsoleSink<Owner> {
  /** Bytes that `write` would take now. */
  room(owner: Owner): number;
  write(owner: Owner, bytes: Uint8Array): void;
}

export class Console<Owner> {
  #written = 0;

  constructor(readonly owner: Owner, readonly sink: ConsoleSink<Owner>) {}

  /** Bytes since the VM was made. */
  get written(): number {
    return this.#written;
  }

  /** Bytes that may be written now. */
  get room(): number {
    return this.sink.room(this.owner);
  }

  /** Passes bytes on, at most `room`; they are valid only during the call. */
  write(bytes: Uint8Array): void {
    this.#written += bytes.length;
    this.sink.write(this.owner, bytes);
  }
}
