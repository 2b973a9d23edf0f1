/**
 * Input on its way to VMs whose keyboard buffer is full.
 *
 * The supervisor sends one piece per VM at a time and waits for its answer, so what is held here is
 * bounded by the size of a record.
 */

import type { CellKernel } from "./kernel.ts";

/** VMs that are offered their input at one turn: those that never read must not cost the others. */
const VMS_PER_TURN = 64;

interface Piece {
  readonly sequence: number;
  /** null: the end of the input. */
  readonly bytes: Uint8Array | null;
  taken: number;
}

export class KeyboardQueues {
  readonly #kernel: CellKernel;
  readonly #answer: (vm: number, sequence: number) => void;
  readonly #pieces = new Map<number, Piece[]>();

  /** `answer` is called once per piece: when the VM took all of it, or will never take it. */
  constructor(kernel: CellKernel, answer: (vm: number, sequence: number) => void) {
    this.#kernel = kernel;
    this.#answer = answer;
  }

  get waiting(): boolean {
    return this.#pieces.size > 0;
  }

  push(vm: number, sequence: number, bytes: Uint8Array | null): void {
    const pieces = this.#pieces.get(vm);
    const piece = { sequence, bytes, taken: 0 };
    if (pieces === undefined) this.#pieces.set(vm, [piece]);
    else pieces.push(piece);
  }

  /** Offers VMs what waits for them, in turns. */
  feed(): void {
    let offers = Math.min(VMS_PER_TURN, this.#pieces.size);
    for (const [id, pieces] of this.#pieces) {
      if (offers-- === 0) break;
      while (pieces.length > 0 && this.#feedOne(id, pieces[0])) {
        this.#answer(id, pieces[0].sequence);
        pieces.shift();
      }
      // What is left goes to the end of the map's order, which is the order of the turns.
      this.#pieces.delete(id);
      if (pieces.length > 0) this.#pieces.set(id, pieces);
    }
  }

  #feedOne(id: number, piece: Piece): boolean {
    const vm = this.#kernel.vms.get(id);
    if (vm === undefined || vm.state === "stopped" || vm.state === "crashed") return true;
    if (piece.bytes === null) {
      this.#kernel.closeKeyboard(vm);
      return true;
    }
    piece.taken += this.#kernel.keyboard(vm, piece.bytes.subarray(piece.taken));
    return piece.taken >= piece.bytes.length;
  }
}
