/** Builds ELF executables for tests, also deliberately wrong ones: `patch` may change any byte. */

export interface SegmentSpec {
  address: number;
  bytes: Uint8Array;
  memoryBytes?: number;
  flags?: number;
}

export interface SymbolSpec {
  name: string;
  address: number;
  size: number;
}

export interface ElfSpec {
  entry?: number;
  segments: SegmentSpec[];
  symbols?: SymbolSpec[];
}

export const ELF_HEADER = 52, PROGRAM_HEADER = 32, SECTION_HEADER = 40;
const PF_RWX = 7;

/** One segment at 0x10000 that starts with `code`. */
export function executable(
  code: ArrayLike<number>,
  symbols: SymbolSpec[] = [],
): Uint8Array<ArrayBuffer> {
  return buildElf({ segments: [{ address: 0x10000, bytes: Uint8Array.from(code) }], symbols });
}

export function buildElf(spec: ElfSpec): Uint8Array<ArrayBuffer> {
  const { segments, symbols = [] } = spec;
  const parts: Uint8Array[] = [];
  let end = ELF_HEADER + PROGRAM_HEADER * segments.length;
  const place = (bytes: Uint8Array, align: number, remainder = 0): number => {
    const start = end + ((remainder - end) % align + align) % align;
    parts.push(new Uint8Array(start - end), bytes);
    end = start + bytes.length;
    return start;
  };
  const offsets = segments.map((s) => place(s.bytes, 4096, s.address % 4096));
  const names = new TextEncoder().encode("\0" + symbols.map((s) => s.name + "\0").join(""));
  const tables = symbols.length === 0 ? null : {
    symtab: place(symbolTable(symbols), 4),
    strtab: place(names, 1),
    headers: place(new Uint8Array(3 * SECTION_HEADER), 4),
  };
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, spec.entry ?? segments[0].address, true);
  view.setUint32(28, ELF_HEADER, true);
  view.setUint16(40, ELF_HEADER, true);
  view.setUint16(42, PROGRAM_HEADER, true);
  view.setUint16(44, segments.length, true);
  view.setUint16(46, SECTION_HEADER, true);
  segments.forEach((segment, index) => {
    const { address, bytes, memoryBytes = bytes.length, flags = PF_RWX } = segment;
    const header = [1, offsets[index], address, address, bytes.length, memoryBytes, flags, 4096];
    setWords(view, ELF_HEADER + index * PROGRAM_HEADER, header);
  });
  let at = ELF_HEADER + PROGRAM_HEADER * segments.length;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  if (tables) {
    view.setUint32(32, tables.headers, true);
    view.setUint16(48, 3, true);
    const bytes = 16 * (symbols.length + 1);
    setWords(view, tables.headers + 40, [0, 2, 0, 0, tables.symtab, bytes, 2, 1, 4, 16]);
    setWords(view, tables.headers + 80, [0, 3, 0, 0, tables.strtab, names.length, 0, 0, 1, 0]);
  }
  return file;
}

function setWords(view: DataView, offset: number, words: number[]): void {
  words.forEach((word, index) => view.setUint32(offset + 4 * index, word, true));
}

function symbolTable(symbols: SymbolSpec[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(16 * (symbols.length + 1)));
  let name = 1;
  symbols.forEach((symbol, index) => {
    const at = 16 * (index + 1);
    setWords(view, at, [name, symbol.address, symbol.size]);
    view.setUint8(at + 12, 0x12);
    view.setUint16(at + 14, 1, true);
    name += symbol.name.length + 1;
  });
  return new Uint8Array(view.buffer);
}
