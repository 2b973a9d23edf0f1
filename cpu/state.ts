/**
 * The architectural state of one virtual CPU, as one flat buffer.
 *
 * Everything that runs guest code (evaluator, translated code, FPU and SSE helpers) and everything
 * that saves it (crash report, snapshot) sees the same bytes, so the offsets exist once, here.
 * Indices named X_I32 count int32 words, offsets named X_BYTE count bytes.
 *
 * Rules for callers:
 * - EFLAGS is kept lazily; only `cpu/flags.ts` reads or writes the FLAG words.
 * - After `Engine.run` returns, EIP and the general registers are exact.
 */

// General registers, in encoding order.
export const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;
export const EIP = 8;

/** The non-lazy part of EFLAGS: everything but CF PF AF ZF SF OF. Bit 1 is always set. */
export const FLAGS_CONTROL = 9;
/** Lazy flags: see cpu/flags.ts, which owns words 10..15. */
export const FLAGS_LAZY = 10;

/** Selectors hold a constant that a guest can read; only FS and GS have a base other than 0. */
export const FS_BASE = 16, GS_BASE = 17, FS_SELECTOR = 18, GS_SELECTOR = 19;

// Why Engine.run returned: see cpu/engine.ts.
export const EXIT_VECTOR = 20; // exception vector 0..31
export const EXIT_ERROR = 21; // error code of #PF, #GP
export const EXIT_ADDRESS = 22; // linear address that faulted (#PF)
export const EXIT_NEXT_EIP = 23; // the instruction after an I/O instruction
export const EXIT_PORT = 24; // 0..65535
export const EXIT_IO = 25; // IO_IN, IO_OUT, IO_INS, IO_OUTS
export const EXIT_IO_SIZE = 26; // 1, 2, 4 bytes
export const EXIT_IO_REPEAT = 27; // 1 with a REP prefix
/** Words 28..31 are scratch of the engine. */
export const SCRATCH = 28;

// x87 control state; cpu/fpu owns it. TOP lives in bits 11..13 of the status word.
export const FPU_CONTROL = 32, FPU_STATUS = 33, FPU_TAG = 34;
export const FPU_OPCODE = 35, FPU_IP = 36, FPU_IP_SELECTOR = 37, FPU_DP = 38, FPU_DP_SELECTOR = 39;
export const MXCSR = 40;
/** Bits of physical registers, both 0 outside of a run: see cpu/fpu/pair.ts. */
export const FPU_LIVE = 41, FPU_STALE = 42;

/**
 * Physical x87 registers R0..R7, 16 bytes each: 64-bit significand (little endian), then sign and
 * exponent as uint16. MMi is the significand of Ri. Slot 8 is scratch: a memory operand of an x87
 * or MMX instruction is loaded there first.
 */
export const FPU_BYTE = 0x100;
export const FPU_STRIDE = 16;
/** XMM0..XMM7, 16 bytes each. Slot 8 is scratch: the memory operand of an SSE instruction. */
export const XMM_BYTE = 0x190;
export const XMM_STRIDE = 16;
/** Slot number of the scratch register of both files. */
export const MEMORY_SLOT = 8;

export const STATE_BYTES = 0x220;

export class CpuState {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  /** Instructions retired since the VM started (an integer; exact up to 2^53). */
  retired = 0;

  constructor() {
    const buffer = new ArrayBuffer(STATE_BYTES);
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.reset();
  }

  /** Power-on state: registers 0, EFLAGS 2, x87 as after FNINIT, MXCSR 0x1F80 (Intel SDM 3, 9.1.1). */
  reset(): void {
    resetWords(this.i32);
    this.retired = 0;
  }
}

/** States that share a buffer, which costs half a state. The last of them keeps the bytes of all: so few. */
const SHARED_STATES = 8;
let shared = new Int32Array(0), sharedUsed = 0;

/** Words of a state, all 0 at first. */
function allocateWords(): Int32Array {
  const words = STATE_BYTES / 4;
  if (sharedUsed === shared.length) {
    shared = new Int32Array(SHARED_STATES * words);
    sharedUsed = 0;
  }
  return shared.subarray(sharedUsed, sharedUsed += words);
}

/**
 * The state of a CPU that does not run: a CpuState which costs less than half as much. An engine works on a
 * copy of its own, so that only `i32` is read and written often; the other views are made when asked for.
 */
export class StoredCpuState implements CpuState {
  readonly i32: Int32Array = allocateWords();
  retired = 0;

  constructor() {
    resetWords(this.i32);
  }

  get u8(): Uint8Array {
    return new Uint8Array(this.i32.buffer, this.i32.byteOffset, STATE_BYTES);
  }

  get u16(): Uint16Array {
    return new Uint16Array(this.i32.buffer, this.i32.byteOffset, STATE_BYTES / 2);
  }

  get f32(): Float32Array {
    return new Float32Array(this.i32.buffer, this.i32.byteOffset, STATE_BYTES / 4);
  }

  get f64(): Float64Array {
    return new Float64Array(this.i32.buffer, this.i32.byteOffset, STATE_BYTES / 8);
  }

  reset(): void {
    resetWords(this.i32);
    this.retired = 0;
  }
}

function resetWords(i32: Int32Array): void {
  i32.fill(0);
  i32[FLAGS_CONTROL] = 2;
  i32[FPU_CONTROL] = 0x037f;
  i32[FPU_TAG] = 0xffff;
  i32[MXCSR] = 0x1f80;
}
