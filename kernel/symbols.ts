/** The names of an image's functions, for crash reports and tools. */

/** Most symbols that are kept of one image; the rest is left out. */
export const SYMBOLS_MAXIMUM = 65_536;
/** Most bytes of a name that are kept. */
export const SYMBOL_NAME_MAXIMUM = 256;

export interface FunctionSymbol {
  readonly name: string;
  readonly address: number;
  /** Bytes; 0 if the file does not say (hand-written assembly). */
  readonly size: number;
  /** The file says that it is a function (STT_FUNC); otherwise it is a label, of code or of data. */
  readonly isFunction: boolean;
}

export class SymbolTable {
  readonly functions: readonly FunctionSymbol[];

  constructor(functions: FunctionSymbol[]) {
    this.functions = functions.toSorted((a, b) => a.address - b.address || b.size - a.size)
      .slice(0, SYMBOLS_MAXIMUM);
  }

  /** The function an address lies in, or undefined. */
  find(address: number): FunctionSymbol | undefined {
    let low = 0;
    let high = this.functions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.functions[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    // Of several names for one address the first is the one with a size.
    let index = low - 1;
    while (index > 0 && this.functions[index - 1].address === this.functions[index].address) {
      index--;
    }
    const found = this.functions[index];
    const end = found.size > 0
      ? found.address + found.size
      : this.functions[low]?.address ?? Infinity;
    return address < end ? found : undefined;
  }

  /** `name+0x12`, or "" if the address lies in no function. */
  describe(address: number): string {
    const found = this.find(address);
    return found ? `${found.name}+0x${(address - found.address).toString(16)}` : "";
  }
}
