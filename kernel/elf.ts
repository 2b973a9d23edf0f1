/**
 * Reads a static 32-bit ELF executable for i386.
 *
 * The file comes from outside and is not trusted: every field is checked before it is used, and
 * whatever is wrong is refused with an ImageError that names the field as the ELF specification does
 * (Tool Interface Standard, ELF Specification 1.2; System V ABI, Intel386 supplement).
 */

import { LAYOUT } from "./abi.ts";
import { ImageError } from "./errors.ts";
import { type FunctionSymbol, SYMBOL_NAME_MAXIMUM, SYMBOLS_MAXIMUM } from "./symbols.ts";

const ELF_EHDR_BYTES = 52, ELF_PHDR_BYTES = 32, ELF_SHDR_BYTES = 40, ELF_SYM_BYTES = 16;
const ELF_CLASS32 = 1, ELF_DATA2LSB = 1, ELF_EV_CURRENT = 1;
const ELF_ET_EXEC = 2, ELF_EM_386 = 3, ELF_ET_DYN = 3;
const ELF_PT_LOAD = 1, ELF_PT_DYNAMIC = 2, ELF_PT_INTERP = 3;
const ELF_SHT_SYMTAB = 2, ELF_SHT_STRTAB = 3;
const ELF_STT_NOTYPE = 0, ELF_STT_FUNC = 2;
const ELF_SHN_UNDEF = 0, ELF_SHN_LORESERVE = 0xff00;
const ELF_PF_X = 1;

/** Most program headers; ours have about 5. */
const PROGRAM_HEADERS_MAXIMUM = 64;

/** One PT_LOAD: `fileBytes` bytes at `offset` of the file go to `address`; zeros follow. */
export interface Segment {
  readonly index: number;
  readonly address: number;
  readonly offset: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly executable: boolean;
}

export interface Executable {
  readonly entry: number;
  /** In order of their addresses, without overlap. */
  readonly segments: readonly Segment[];
  readonly functions: FunctionSymbol[];
}

/** Reads and checks an executable. Throws an ImageError. */
export function readExecutable(file: Uint8Array): Executable {
  const elf = new DataView(file.buffer, file.byteOffset, file.byteLength);
  checkIdentification(elf);
  checkHeader(elf);
  const segments = readSegments(elf);
  const entry = elf.getUint32(24, true);
  const first = segments.find((s) => entry >= s.address && entry < s.address + s.fileBytes);
  if (!first) {
    throw new ImageError(
      "e_entry",
      `expected an address inside a segment's file contents, got ${hex(entry)}`,
    );
  }
  if (!first.executable) {
    throw new ImageError(
      "e_entry",
      `expected an executable segment, ${hex(entry)} is in one without PF_X`,
    );
  }
  return { entry, segments, functions: readFunctions(elf, segments) };
}

function hex(value: number): string {
  return "0x" + value.toString(16);
}

function expect(field: string, got: number, expected: number, meaning: string): void {
  if (got === expected) return;
  throw new ImageError(field, `expected ${expected} (${meaning}), got ${got}`);
}

function checkIdentification(elf: DataView): void {
  if (elf.byteLength < ELF_EHDR_BYTES) {
    throw new ImageError(
      "e_ident",
      `expected an ELF header of ${ELF_EHDR_BYTES} bytes, the file has ${elf.byteLength}`,
    );
  }
  const magic = elf.getUint32(0, false);
  if (magic !== 0x7f454c46) {
    throw new ImageError("EI_MAG", `expected 7f 45 4c 46 (an ELF file), got ${hex(magic)}`);
  }
  expect("EI_CLASS", elf.getUint8(4), ELF_CLASS32, "32-bit objects; compile with -m32");
  expect("EI_DATA", elf.getUint8(5), ELF_DATA2LSB, "little endian");
  expect("EI_VERSION", elf.getUint8(6), ELF_EV_CURRENT, "current");
}

function checkHeader(elf: DataView): void {
  const type = elf.getUint16(16, true);
  const hint = type === ELF_ET_DYN ? "; link with -static and without -pie" : "";
  expect("e_type", type, ELF_ET_EXEC, `a static executable${hint}`);
  expect("e_machine", elf.getUint16(18, true), ELF_EM_386, "Intel 80386");
  expect("e_version", elf.getUint32(20, true), ELF_EV_CURRENT, "current");
  expect("e_ehsize", elf.getUint16(40, true), ELF_EHDR_BYTES, "bytes of an ELF32 header");
}

/** Checks that a table lies in the file. */
function checkTable(elf: DataView, field: string, offset: number, bytes: number): void {
  if (offset + bytes <= elf.byteLength) return;
  throw new ImageError(
    field,
    `expected ${bytes} bytes at ${hex(offset)}, the file ends at ${
      hex(elf.byteLength)
    }: it is truncated`,
  );
}

function readSegments(elf: DataView): Segment[] {
  const offset = elf.getUint32(28, true);
  const count = elf.getUint16(44, true);
  if (count < 1 || count > PROGRAM_HEADERS_MAXIMUM) {
    throw new ImageError("e_phnum", `expected 1..${PROGRAM_HEADERS_MAXIMUM}, got ${count}`);
  }
  expect(
    "e_phentsize",
    elf.getUint16(42, true),
    ELF_PHDR_BYTES,
    "bytes of an ELF32 program header",
  );
  checkTable(elf, "e_phoff", offset, count * ELF_PHDR_BYTES);
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const segment = readSegment(elf, index, offset + index * ELF_PHDR_BYTES);
    if (segment) segments.push(segment);
  }
  if (segments.length === 0) {
    throw new ImageError(
      "p_type",
      `expected at least one PT_LOAD among ${count} program headers, got none`,
    );
  }
  segments.sort((a, b) => a.address - b.address);
  for (let i = 1; i < segments.length; i++) checkOverlap(segments[i - 1], segments[i]);
  return segments;
}

function readSegment(elf: DataView, index: number, at: number): Segment | null {
  const type = elf.getUint32(at, true);
  if (type === ELF_PT_INTERP || type === ELF_PT_DYNAMIC) {
    const name = type === ELF_PT_INTERP ? "PT_INTERP" : "PT_DYNAMIC";
    throw new ImageError(
      `p_type[${index}]`,
      `expected a static executable, got ${name}: link with -static`,
    );
  }
  const segment: Segment = {
    index,
    offset: elf.getUint32(at + 4, true),
    address: elf.getUint32(at + 8, true),
    fileBytes: elf.getUint32(at + 16, true),
    memoryBytes: elf.getUint32(at + 20, true),
    executable: (elf.getUint32(at + 24, true) & ELF_PF_X) !== 0,
  };
  if (type !== ELF_PT_LOAD || segment.memoryBytes === 0 && segment.fileBytes === 0) return null;
  checkSegment(elf, segment, elf.getUint32(at + 28, true));
  return segment;
}

function checkSegment(elf: DataView, segment: Segment, align: number): void {
  const { index, address, offset, fileBytes, memoryBytes } = segment;
  if (fileBytes > memoryBytes) {
    throw new ImageError(
      `p_filesz[${index}]`,
      `expected at most p_memsz = ${memoryBytes}, got ${fileBytes}`,
    );
  }
  checkTable(elf, `p_offset[${index}]`, offset, fileBytes);
  const { IMAGE_MINIMUM, MEMORY_MAXIMUM } = LAYOUT;
  if (address < IMAGE_MINIMUM.value) {
    throw new ImageError(
      `p_vaddr[${index}]`,
      `expected at least ${hex(IMAGE_MINIMUM.value)} (below lie the null page and the virtual ` +
        `registers), got ${hex(address)}`,
    );
  }
  if (address + memoryBytes > MEMORY_MAXIMUM.value) {
    throw new ImageError(
      `p_memsz[${index}]`,
      `expected an end of at most ${hex(MEMORY_MAXIMUM.value)}, got ${hex(address + memoryBytes)}`,
    );
  }
  if ((align & (align - 1)) !== 0) {
    throw new ImageError(`p_align[${index}]`, `expected 0 or a power of two, got ${align}`);
  }
  if (align > 1 && (address % align) !== (offset % align)) {
    throw new ImageError(
      `p_align[${index}]`,
      `expected p_vaddr = p_offset modulo ${hex(align)}, got ${hex(address)} and ${hex(offset)}`,
    );
  }
}

function checkOverlap(low: Segment, high: Segment): void {
  const end = low.address + low.memoryBytes;
  if (end <= high.address) return;
  throw new ImageError(
    `p_vaddr[${high.index}]`,
    `expected at least ${hex(end)}, where segment ${low.index} ends, got ${hex(high.address)}: ` +
      "the segments overlap",
  );
}

/** A section header that passed its checks. */
interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
}

function readFunctions(elf: DataView, segments: readonly Segment[]): FunctionSymbol[] {
  const sections = readSections(elf);
  const index = sections.findIndex((section) => section.type === ELF_SHT_SYMTAB);
  if (index < 0) return [];
  const table = sections[index];
  expect(`sh_entsize[${index}]`, table.entrySize, ELF_SYM_BYTES, "bytes of an ELF32 symbol");
  const strings = sections[table.link];
  if (!strings || strings.type !== ELF_SHT_STRTAB) {
    throw new ImageError(
      `sh_link[${index}]`,
      `expected the number of a string table, got ${table.link}`,
    );
  }
  const functions: FunctionSymbol[] = [];
  const end = table.offset + table.size - ELF_SYM_BYTES;
  for (
    let at = table.offset;
    at <= end && functions.length < SYMBOLS_MAXIMUM;
    at += ELF_SYM_BYTES
  ) {
    const symbol = readFunction(elf, at, strings, segments);
    if (symbol) functions.push(symbol);
  }
  return functions;
}

function readSections(elf: DataView): Section[] {
  const offset = elf.getUint32(32, true);
  const count = elf.getUint16(48, true);
  if (count === 0) return [];
  expect(
    "e_shentsize",
    elf.getUint16(46, true),
    ELF_SHDR_BYTES,
    "bytes of an ELF32 section header",
  );
  checkTable(elf, "e_shoff", offset, count * ELF_SHDR_BYTES);
  const sections: Section[] = [];
  for (let index = 0; index < count; index++) {
    const at = offset + index * ELF_SHDR_BYTES;
    const section = {
      type: elf.getUint32(at + 4, true),
      offset: elf.getUint32(at + 16, true),
      size: elf.getUint32(at + 20, true),
      link: elf.getUint32(at + 24, true),
      entrySize: elf.getUint32(at + 36, true),
    };
    if (section.type === ELF_SHT_SYMTAB || section.type === ELF_SHT_STRTAB) {
      checkTable(elf, `sh_offset[${index}]`, section.offset, section.size);
    }
    sections.push(section);
  }
  return sections;
}

function readFunction(
  elf: DataView,
  at: number,
  strings: Section,
  segments: readonly Segment[],
): FunctionSymbol | null {
  const type = elf.getUint8(at + 12) & 15;
  const section = elf.getUint16(at + 14, true);
  if (type !== ELF_STT_FUNC && type !== ELF_STT_NOTYPE) return null;
  if (section === ELF_SHN_UNDEF || section >= ELF_SHN_LORESERVE) return null;
  const address = elf.getUint32(at + 4, true);
  const inCode = segments.some((s) =>
    s.executable && address >= s.address && address < s.address + s.memoryBytes
  );
  if (!inCode) return null;
  const name = readName(elf, strings, elf.getUint32(at, true));
  if (name === "") return null;
  return { name, address, size: elf.getUint32(at + 8, true), isFunction: type === ELF_STT_FUNC };
}

function readName(elf: DataView, strings: Section, offset: number): string {
  const end = Math.min(strings.size, offset + SYMBOL_NAME_MAXIMUM);
  let name = "";
  for (let i = offset; i < end; i++) {
    const byte = elf.getUint8(strings.offset + i);
    if (byte === 0) break;
    // What is not printable ASCII must not reach a terminal.
    name += byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  }
  return name;
}
