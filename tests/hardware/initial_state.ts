/** What a sequence starts from: values for registers and memory, as its instructions ask for them. */

import { DATA, LOW, PAGE, POKES } from "./layout.ts";
import { integer, Random } from "./random.ts";

/** Registers belong to the first instruction that asks for a value. */
export class InitialState {
  readonly registers = new Int32Array(8);
  /** Doublewords of memory: address, value, address ... */
  readonly pokes: number[] = [];
  private claimed = 0;

  constructor(private readonly random: Random) {}

  claim(register: number, value: number): void {
    this.registers[register] = value;
    this.claimed |= 1 << register;
  }

  isFree(register: number): boolean {
    return (this.claimed & 1 << register) === 0;
  }

  /** Sets a register that is still free. */
  offer(register: number, value: number): void {
    if (this.isFree(register)) this.claim(register, value);
  }

  /** The value of a register, which is chosen now if it was free. */
  valueOf(register: number): number {
    this.offer(register, this.random.once(2) ? integer(this.random) : this.random.below(64));
    return this.registers[register];
  }

  // Memory.

  /** An address for an operand of `size` bytes: mostly good, sometimes at the end of something. */
  spot(size: number): number {
    const { random } = this;
    const bytes = Math.max(size, 1);
    switch (random.below(16)) {
      case 0:
        return DATA + PAGE - random.below(bytes + 1); // across two pages
      case 1:
        return DATA + 2 * PAGE - random.below(bytes + 1); // into the read-only page
      case 2:
        return DATA + 2 * PAGE + 16 * random.below(200);
      case 3:
        return DATA + 3 * PAGE - random.below(bytes + 4); // into nothing
      case 4:
        return random.once(2) ? DATA + 3 * PAGE + random.below(64) : DATA - random.below(bytes + 4);
      case 5:
      case 6:
      case 7:
        return DATA + 16 + random.below(2 * PAGE - 700);
      default:
        return DATA + 16 + 16 * random.below((2 * PAGE - 700) >> 4);
    }
  }

  lowSpot(size: number): number {
    const { random } = this;
    return random.once(8)
      ? LOW + PAGE - random.below(Math.max(size, 1) + 4)
      : LOW + 16 + 16 * random.below(200);
  }

  /** Sets a doubleword of memory; false if it is not writable memory, or there are too many. */
  poke(address: number, value: number): boolean {
    if (!isWritable(address, 4) || this.pokes.length >= 2 * POKES) return false;
    this.pokes.push(address, value);
    return true;
  }

  /** Gives a value to every register that nobody has asked for. */
  fillRest(): void {
    for (let i = 0; i < 8; i++) this.offer(i, integer(this.random));
  }
}

export function isWritable(address: number, bytes: number): boolean {
  return (address >= DATA && address + bytes <= DATA + 2 * PAGE) ||
    (address >= LOW && address + bytes <= LOW + PAGE);
}
