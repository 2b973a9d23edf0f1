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

/** Addressing methods. */
export const enum Method {
  Constant,
  OpcodeRegister,
  General,
  GeneralOrMemory,
  GeneralRm,
  Memory,
  Immediate,
  SignedByte,
  Relative,
  FarPointer,
  Offset,
  Segment,
  Control,
  Debug,
  Mmx,
  MmxOrMemory,
  MmxRm,
  Xmm,
  XmmOrMemory,
  XmmRm,
  StackRm,
  FixedRegister,
  FixedSegment,
  StackTop,
}

/** Sizes that depend on the operand size, as negative codes; see `operandBytes`. */
const BY_OPERAND_SIZE = [[0, 0], [2, 4], [4, 6], [4, 8], [14, 28], [94, 108]] as const;

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

/** Bytes of a size code of an OperandSpec for an operand size of 2 or 4. */
export function operandBytes(size: number, operandSize: 2 | 4): number {
  return size >= 0 ? size : BY_OPERAND_SIZE[-size][operandSize === 2 ? 0 : 1];
}

export interface OperandSpec {
  readonly method: Method;
  /** Size code (see `operandBytes`) of the register form, and of the memory form. */
  readonly size: number;
  readonly memorySize: number;
  /** Number of a fixed register, or the constant. */
  readonly number: number;
}

export type MandatoryPrefix = "" | "np" | "66" | "F3" | "F2";

/** One instruction form of the opcode map. */
export interface OpcodeEntry {
  readonly mnemonic: string;
  /** The mnemonic with operand size 2; mostly the same. */
  readonly mnemonic16: string;
  readonly operands: readonly OperandSpec[];
  readonly prefix: MandatoryPrefix;
  readonly lock: boolean;
  readonly mod3: boolean;
  /** Raises #UD: reserved, or UD0, UD1, UD2. */
  readonly undefined: boolean;
}

/**
 * Everything one opcode byte can mean. `entries` has one element, or one for each mandatory prefix and
 * ModRM byte: see `entryIndex`.
 */
export interface OpcodeSlot {
  readonly modrm: boolean;
  readonly entries: readonly OpcodeEntry[];
}

export type OpcodeMap = readonly OpcodeSlot[];

/** Entries of one prefix column: 8 memory forms (by reg), then 64 register forms (by reg and rm). */
const COLUMN = 72;
const COLUMNS: readonly MandatoryPrefix[] = ["np", "66", "F3", "F2"];

/** Where in `entries` of a slot with more than one element the form stands. Columns: np 66 F3 F2. */
export function entryIndex(column: number, modrm: number): number {
  return column * COLUMN + (modrm >= 0xc0 ? 8 + (modrm & 63) : (modrm >> 3) & 7);
}

export const RESERVED: OpcodeEntry = {
  mnemonic: "ud",
  mnemonic16: "ud",
  operands: [],
  prefix: "",
  lock: false,
  mod3: false,
  undefined: true,
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

interface Head {
  readonly first: number;
  readonly last: number;
  /** reg field, or -1; "m", "r" or "" for both; rm field, or -1. */
  readonly reg: number;
  readonly form: string;
  readonly rm: number;
  readonly prefix: MandatoryPrefix;
}

const OPCODES = /^([0-9A-F]{2})(?:\.\.([0-9A-F]{2}))?$/;
const SELECTOR = /^(?:\/([0-7]))?(?:\.([0-7])|([mr]))?$/;

function parseHead(text: string): Head {
  const [opcodes, ...words] = text.split(/\s+/);
  const prefix = words.find((word) => (COLUMNS as readonly string[]).includes(word)) ?? "";
  const selectors = words.filter((word) => word !== prefix);
  const range = OPCODES.exec(opcodes);
  const selector = SELECTOR.exec(selectors[0] ?? "");
  if (!range || !selector || selectors.length > 1) {
    throw new Error(`opcode table: expected a head such as "80 /0m np", got "${text}"`);
  }
  const [, first, last] = range;
  const [, reg, rm, form] = selector;
  return {
    first: parseInt(first, 16),
    last: parseInt(last ?? first, 16),
    reg: reg === undefined ? -1 : Number(reg),
    form: rm === undefined ? form ?? "" : "r",
    rm: rm === undefined ? -1 : Number(rm),
    prefix: prefix as MandatoryPrefix,
  };
}

/** A slot under construction: all four columns, and whether ModRM or the prefix select anything. */
interface Draft {
  readonly entries: OpcodeEntry[];
  selected: boolean;
  modrm: boolean;
}

function emptyDraft(): Draft {
  const entries = new Array<OpcodeEntry>(COLUMN * COLUMNS.length).fill(RESERVED);
  return { entries, selected: false, modrm: false };
}

/** Writes one cell into every index its head covers. */
function place(draft: Draft, head: Head, reg: number, rm: number, entry: OpcodeEntry): void {
  draft.selected ||= head.prefix !== "" || reg >= 0 || head.form !== "";
  draft.modrm ||= reg >= 0 || head.form !== "" || entry.operands.some(usesModrm);
  for (let column = 0; column < COLUMNS.length; column++) {
    if (head.prefix !== "" && head.prefix !== COLUMNS[column]) continue;
    placeColumn(draft.entries, head.form, column, reg, rm, entry);
  }
}

function placeColumn(
  entries: OpcodeEntry[],
  form: string,
  column: number,
  reg: number,
  rm: number,
  entry: OpcodeEntry,
): void {
  for (let r = 0; r < 8; r++) {
    if (reg >= 0 && reg !== r) continue;
    if (form !== "r") entries[entryIndex(column, r << 3)] = entry;
    if (form === "m") continue;
    for (let m = 0; m < 8; m++) {
      if (rm < 0 || rm === m) entries[entryIndex(column, 0xc0 | r << 3 | m)] = entry;
    }
  }
}

function parseLine(line: string, drafts: Draft[]): void {
  const colon = line.indexOf(":");
  const head = parseHead(line.slice(0, colon).trim());
  const cells = line.slice(colon + 1).split("|").map((cell) => parseCell(cell.trim(), head.prefix));
  for (let opcode = head.first; opcode <= head.last; opcode++) {
    cells.forEach((entry, i) => {
      if (head.rm >= 0) place(drafts[opcode], head, head.reg, head.rm + i, entry);
      else if (head.reg >= 0) place(drafts[opcode], head, head.reg + i, -1, entry);
      else place(drafts[opcode + i], head, -1, -1, entry);
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
