/** The smallest ELF32 executable around a few bytes of code, for tests that need no compiler. */

const ORIGIN = 0x10000;
const HEADER_BYTES = 52;
const PROGRAM_HEADER_BYTES = 32;

/** Returns an image whose one segment is `code`, loaded and entered at 0x10000. */
export function elfOf(code: Uint8Array): Uint8Array {
  const offset = HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const file = new Uint8Array(offset + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]); // ELFCLASS32, ELFDATA2LSB, EV_CURRENT
  const half = (at: number, value: number) => view.setUint16(at, value, true);
  const word = (at: number, value: number) => view.setUint32(at, value, true);
  half(16, 2); // ET_EXEC
  half(18, 3); // EM_386
  word(20, 1); // EV_CURRENT
  word(24, ORIGIN); // e_entry
  word(28, HEADER_BYTES); // e_phoff
  half(40, HEADER_BYTES);
  half(42, PROGRAM_HEADER_BYTES);
  half(44, 1); // e_phnum
  half(46, 40); // e_shentsize
  word(52, 1); // PT_LOAD
  word(56, offset);
  word(60, ORIGIN); // p_vaddr
  word(64, ORIGIN); // p_paddr
  word(68, code.length);
  word(72, code.length);
  word(76, 7); // PF_R | PF_W | PF_X
  word(80, 1); // p_align
  file.set(code, offset);
  return file;
}
