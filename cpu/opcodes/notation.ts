/**
 * The notation of the opcode tables, and its parser.
 *
 * A table is text modelled on the maps of Intel SDM vol. 2, appendix A. A line is
 *
 *     HEAD: CELL | CELL | ...                          # comment
 *
 * HEAD = opcode byte (or `40..47`), then a selector and a mandatory prefix where they matter:
 *
 *     80 /0    by the reg field of ModRM: the cells are /0, /1, /2 ...
 *     D8 /0m   the same, memory forms only;   D8 /0r   register forms only
 *     D9 /4.0  register form with reg = 4: the cells are rm = 0, 1, 2 ...
 *     12 m     memory forms only;             12 r     register forms only
 *     10 66    with mandatory prefix 66 (F3, F2); `np` = with none of them
 *
 * Without `/` the cells are consecutive opcodes. A head without a mandatory prefix covers all four
 * columns. A later line overwrites what an earlier one said; what no line says is reserved (#UD).
 *
 * CELL = `-` (reserved) or MNEMONIC [OPERANDS] [FLAGS]. `cbw/cwde` is the mnemonic for operand size
 * 2 / 4. Flags: `lock` = LOCK is legal if the first operand (of XCHG: either) is memory; `mod3` = the mod
 * field is ignored and taken as 3; `ud` = a defined way to raise #UD.
 *
 * OPERANDS: addressing method (capital) and type (small), separated by commas. Methods as in the
 * appendix: A far pointer, C D control and debug register (reg), E general register or memory, G general
 * register (reg), I immediate, J branch displacement, M memory, N U MMX/XMM register (rm), O absolute
 * address, P V MMX/XMM register (reg), Q W MMX/XMM register or memory, R general register (rm), S segment
 * register (reg). Ours: Z general register in the opcode's low bits, ST = ST(0), STi = ST(rm), `Rv/Mw`
 * where the register and the memory form differ in size; AL AX CL DX eAX ES..GS and 1 are themselves.
 * The type of E M Q W is the size in memory: see SIZES.
 */

import {
  COLUMNS,
  entryIndex,
  type MandatoryPrefix,
  Method,
  type OpcodeEntry,
  type OpcodeMap,
  type OperandSpec,
  RESERVED,
  SLOT_ENTRIES,
} from "./entry.ts";

/** Negative: depends on the operand size, see `operandBytes`. */
const SIZES: Record<string, number> = {
  "": 0, // the size has no meaning
  b: 1,
  w: 2,
  d: 4,
  q: 8,
  t: 10,
  dq: 16,
  ps: 16,
  pd: 16,
  ss: 4,
  sd: 8,
  s: 6, // pseudo-descriptor
  fx: 512, // FXSAVE area
  z: -1,
  v: -1, // word or doubleword
  p: -2, // far pointer in memory
  a: -3, // two words or doublewords (BOUND)
  env: -4, // x87 environment
  state: -5, // x87 state
};

const METHODS: Record<string, Method> = {
  A: Method.FarPointer,
  C: Method.Control,
  D: Method.Debug,
  E: Method.GeneralOrMemory,
  G: Method.General,
  I: Method.Immediate,
  J: Method.Relative,
  M: Method.Memory,
  N: Method.MmxRm,
  O: Method.Offset,
  P: Method.Mmx,
  Q: Method.MmxOrMemory,
  R: Method.GeneralRm,
  S: Method.Segment,
  U: Method.XmmRm,
  V: Method.Xmm,
  W: Method.XmmOrMemory,
  Z: Method.OpcodeRegister,
};

const fixed = (method: Method, size: number, number: number): OperandSpec => ({
  method,
  size,
  memorySize: size,
  number,
});

const FIXED: Record<string, OperandSpec> = {
  1: fixed(Method.Constant, 1, 1),
  AL: fixed(Method.FixedRegister, 1, 0),
  CL: fixed(Method.FixedRegister, 1, 1),
  AX: fixed(Method.FixedRegister, 2, 0),
  DX: fixed(Method.FixedRegister, 2, 2),
  eAX: fixed(Method.FixedRegister, SIZES.v, 0),
  ES: fixed(Method.FixedSegment, 2, 0),
  CS: fixed(Method.FixedSegment, 2, 1),
  SS: fixed(Method.FixedSegment, 2, 2),
  DS: fixed(Method.FixedSegment, 2, 3),
  FS: fixed(Method.FixedSegment, 2, 4),
  GS: fixed(Method.FixedSegment, 2, 5),
  ST: fixed(Method.StackTop, 10, 0),
  STi: fixed(Method.StackRm, 10, 0),
  Ibs: fixed(Method.SignedByte, SIZES.v, 0),
};

function parseOperand(text: string): OperandSpec {
  if (text in FIXED) return FIXED[text];
  const [register, memory] = text.split("/");
  const method = memory ? Method.GeneralOrMemory : METHODS[register[0]];
  const size = SIZES[register.slice(1)];
  const memorySize = memory ? SIZES[memory.slice(1)] : size;
  if (method === undefined || size === undefined || memorySize === undefined) {
    throw new Error(`opcode table: expected an operand such as "Ev", got "${text}"`);
  }
  return { method, size, memorySize, number: 0 };
}

const FLAGS = ["lock", "mod3", "ud"];

function parseCell(text: string, prefix: MandatoryPrefix): OpcodeEntry {
  if (text === "-") return RESERVED;
  const [mnemonic, ...rest] = text.split(/\s+/);
  const flags = rest.filter((word) => FLAGS.includes(word));
  const operands = rest.filter((word) => !flags.includes(word));
  if (operands.length > 1) {
    throw new Error(`opcode table: expected "MNEMONIC OPERANDS FLAGS", got "${text}"`);
  }
  const [first, second] = mnemonic.split("/");
  return {
    mnemonic: second ?? first,
    mnemonic16: first,
    operands: operands.length > 0 ? operands[0].split(",").map(parseOperand) : [],
    prefix,
    lock: flags.includes("lock"),
    mod3: flags.includes("mod3"),
    undefined: flags.includes("ud"),
  };
}

function usesModrm(spec: OperandSpec): boolean {
  switch (spec.method) {
    case Method.Constant:
    case Method.OpcodeRegister:
    case Method.Immediate:
    case Method.SignedByte:
    case Method.Relative:
    case Method.FarPointer:
    case Method.Offset:
    case Method.FixedRegister:
    case Method.FixedSegment:
    case Method.StackTop:
      return false;
    default:
      return true;
  }
}

/** Which forms of an opcode a cell describes. */
interface Selector {
  /** reg field, or -1 for all. */
  readonly reg: number;
  /** rm field, or -1 for all. */
  readonly rm: number;
  /** Memory forms, register forms or both. */
  readonly form: "m" | "r" | "";
  readonly prefix: MandatoryPrefix;
}

interface Head extends Selector {
  readonly first: number;
  readonly last: number;
}

const OPCODES = /^([0-9A-F]{2})(?:\.\.([0-9A-F]{2}))?$/;
const SELECTOR = /^(?:\/([0-7]))?(?:\.([0-7])|([mr]))?$/;

function parseHead(text: string): Head {
  const [opcodes, ...words] = text.split(/\s+/);
  const prefix = COLUMNS.find((column) => words.includes(column)) ?? "";
  const selectors = words.filter((word) => word !== prefix);
  const range = OPCODES.exec(opcodes);
  const selector = SELECTOR.exec(selectors[0] ?? "");
  if (!range || !selector || selectors.length > 1) {
    throw new Error(`opcode table: expected a head such as "80 /0m np", got "${text}"`);
  }
  const [, first, last = first] = range;
  const [, reg = -1, rm = -1, form = ""] = selector;
  return {
    first: parseInt(first, 16),
    last: parseInt(last, 16),
    reg: Number(reg),
    rm: Number(rm),
    form: rm === -1 ? form as "m" | "r" | "" : "r",
    prefix,
  };
}

/** A slot under construction: room for all forms, and whether ModRM or the prefix select one. */
interface Draft {
  readonly entries: OpcodeEntry[];
  selected: boolean;
  modrm: boolean;
}

function emptyDraft(): Draft {
  const entries = new Array<OpcodeEntry>(SLOT_ENTRIES).fill(RESERVED);
  return { entries, selected: false, modrm: false };
}

/** Writes an entry into every index its selector covers. */
function place(draft: Draft, selector: Selector, entry: OpcodeEntry): void {
  const byModrm = selector.reg >= 0 || selector.form !== "";
  draft.selected ||= byModrm || selector.prefix !== "";
  draft.modrm ||= byModrm || entry.operands.some(usesModrm);
  COLUMNS.forEach((column, i) => {
    if (selector.prefix === "" || selector.prefix === column) {
      placeColumn(draft, i, selector, entry);
    }
  });
}

function placeColumn(draft: Draft, column: number, selector: Selector, entry: OpcodeEntry): void {
  for (let modrm = 0; modrm < 256; modrm++) {
    if (selector.form === "m" && modrm >= 0xc0 || selector.form === "r" && modrm < 0xc0) continue;
    if (selector.reg >= 0 && selector.reg !== (modrm >> 3 & 7)) continue;
    if (selector.rm >= 0 && selector.rm !== (modrm & 7)) continue;
    draft.entries[entryIndex(column, modrm)] = entry;
  }
}

function parseLine(line: string, drafts: readonly Draft[]): void {
  const colon = line.indexOf(":");
  const head = parseHead(line.slice(0, colon).trim());
  const cells = line.slice(colon + 1).split("|").map((cell) => parseCell(cell.trim(), head.prefix));
  const { first, last, reg, rm } = head;
  const room = rm >= 0 ? 8 - rm : reg >= 0 ? 8 - reg : 256 - last;
  if (cells.length > room) {
    throw new Error(`opcode table: expected at most ${room} cells: "${line}"`);
  }
  for (let opcode = first; opcode <= last; opcode++) {
    cells.forEach((entry, i) => {
      if (rm >= 0) place(drafts[opcode], { ...head, rm: rm + i }, entry);
      else if (reg >= 0) place(drafts[opcode], { ...head, reg: reg + i }, entry);
      else place(drafts[opcode + i], head, entry);
    });
  }
}

/** Parses a table into a map of 256 slots. Throws on a malformed table: that is a bug of ours. */
export function parseMap(text: string): OpcodeMap {
  const drafts = Array.from({ length: 256 }, emptyDraft);
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*/, "").trim();
    if (line !== "") parseLine(line, drafts);
  }
  return drafts.map(({ entries, selected, modrm }) => ({
    modrm,
    entries: selected ? entries : entries.slice(0, 1),
  }));
}
