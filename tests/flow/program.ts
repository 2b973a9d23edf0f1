/**
 * Random programs that are about control flow: loops, calls, returns, jumps by register and by table, into the
 * middle of instructions and across pages, and stores into the code itself.
 *
 * Nothing keeps a program from running away or faulting: who runs it counts instructions, and sends it on
 * to some label after an exception.
 */

import { integer, type Random } from "../hardware/random.ts";
import { Assembler } from "./assembler.ts";
import { randomAddress, randomInstruction } from "./encode.ts";
import { CODE, CODE_PAGES, DATA_PAGES, PAGE, TABLE_ENTRIES, TABLES } from "./layout.ts";

export interface Program {
  /** Of CODE_PAGES pages. */
  readonly code: Uint8Array;
  /** Of the page at TABLES. */
  readonly tables: Uint8Array;
  readonly data: Uint8Array;
  /** Addresses of the blocks. */
  readonly labels: readonly number[];
  /** Addresses of bytes that can be changed without making nonsense of the code. */
  readonly immediates: readonly number[];
}

/** Bytes kept free at the end, for the last block. */
const SPARE = 128;

export function makeProgram(random: Random): Program {
  return new ProgramMaker(random).make();
}

class ProgramMaker {
  private readonly start: number;
  private readonly code: Assembler;
  private readonly blocks: number[];
  private readonly tables: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(PAGE));
  private readonly tableLabels: number[];
  /** Stores into the code: where the address stands, and how many bytes are stored. */
  private readonly patches: number[] = [];

  constructor(private readonly random: Random) {
    // Mostly so that some of it goes over a border of pages.
    this.start = random.once(3) ? random.below(PAGE) : PAGE - random.below(400);
    this.code = new Assembler(CODE + this.start);
    this.blocks = Array.from({ length: 4 + random.below(28) }, () => this.code.newLabel());
    this.tableLabels = Array.from({ length: TABLE_ENTRIES }, () => random.pick(this.blocks));
  }

  make(): Program {
    const { code, random, blocks } = this;
    const room = CODE_PAGES * PAGE - this.start - SPARE;
    blocks.forEach((label, index) => {
      if (random.once(12) && code.size < room) {
        code.put(...new Array(random.below(40)).fill(0xcc));
      }
      code.place(label);
      for (let i = random.below(8); i > 0 && code.size < room; i--) this.statement();
      if (code.size < room) this.end(index);
    });
    code.put(0xe9);
    code.putLabel("rel32", blocks[0]);
    this.aimPatches();
    const bytes = code.finish();
    const pages = new Uint8Array(CODE_PAGES * PAGE);
    // What lies around it is code too, of a kind.
    if (random.once(2)) pages.fill(random.pick([0x90, 0xcc, 0x40, 0xf4, 0]));
    else for (let i = 0; i < pages.length; i++) pages[i] = random.next();
    pages.set(bytes, this.start);
    this.tableLabels.forEach((label, index) =>
      this.tables.setInt32(4 * index, code.address(label), true)
    );
    const data = new Int32Array(DATA_PAGES * PAGE / 4).map(() => integer(random));
    return {
      code: pages,
      tables: new Uint8Array(this.tables.buffer),
      data: new Uint8Array(data.buffer),
      labels: blocks.map((label) => code.address(label)),
      immediates: code.immediates.map((offset) => CODE + this.start + offset),
    };
  }

  private statement(): void {
    const { code, random } = this;
    switch (random.below(60)) {
      case 0:
        return this.patchCode();
      case 1:
        return this.exit();
      case 2:
        // A small count, for string instructions and loops.
        code.putImmediate(0x83, 0xe1, random.pick([1, 3, 7, 31])); // and ecx, imm8
        return;
      case 3:
        code.put(0xb8 | random.below(3)); // mov reg, imm32
        code.put32(random.once(2) ? integer(random) : random.below(16));
        return;
      case 4:
        return this.pointer();
      case 5:
        // rep movsd, stosb ... with a count.
        code.put(0xb9); // mov ecx, imm32
        code.put32(random.once(16) ? random.below(3000) : random.below(20));
        code.put(
          random.pick([0xf3, 0xf2]),
          random.pick([0xa4, 0xa5, 0xaa, 0xab, 0xa6, 0xae, 0xac]),
        );
        return;
      default: {
        const { bytes, immediate } = randomInstruction(random);
        if (immediate) code.putImmediate(...bytes);
        else code.put(...bytes);
      }
    }
  }

  /** Makes one of the registers that point somewhere point there again. */
  private pointer(): void {
    const { code, random } = this;
    code.put(0xb8 | random.pick([3, 5, 6, 7]));
    code.put32(randomAddress(random));
  }

  /** A store into the code; where, is known when all of it is there. */
  private patchCode(): void {
    const { code, random } = this;
    const opcode = random.pick([
      [0xc6, 0x05], // mov byte [address], imm8
      [0x80, 0x05], // add byte [address], imm8
      [0xfe, 0x05], // inc byte [address]
      [0xa2], // mov [address], al
      [0xc7, 0x05], // mov dword [address], imm32
      [0x00, 0x0d], // add [address], cl
      [0x0f, 0x94, 0x05], // sete [address]
    ]);
    code.put(...opcode);
    this.patches.push(code.size);
    code.put32(0);
    if (opcode[0] === 0xc6 || opcode[0] === 0x80) code.put(random.below(256));
    if (opcode[0] === 0xc7) code.put32(random.once(2) ? 0x90909090 : 0x40414243);
  }

  private aimPatches(): void {
    const { code, random } = this;
    for (const at of this.patches) {
      const near = code.immediates.filter((offset) => offset > at && offset < at + 60);
      const offset = random.once(5)
        ? at + random.below(40) - 8
        : near.length > 0 && random.once(2)
        ? random.pick(near)
        : code.immediates.length > 0
        ? random.pick(code.immediates)
        : random.below(code.size);
      const address = CODE + this.start + offset;
      for (let i = 0; i < 4; i++) code.bytes[at + i] = address >> (8 * i) & 255;
    }
  }

  /** Leaves the engine, or looks at what only it knows. */
  private exit(): void {
    const { code, random } = this;
    code.put(...random.pick([
      ...[[0x0f, 0x31], [0x0f, 0x31], [0x0f, 0xa2]], // rdtsc, cpuid
      ...[[0xe4, 0x60], [0xee], [0x6c], [0xf3, 0x6e]], // in, out, insb, rep outsb
      ...[[0xcc], [0xcd, 0x80], [0x0f, 0x0b], [0xf4], [0xcf]], // int3, int, ud2, hlt, iret
      [0x0f, 0x0a, 0x00], // idle
    ]));
  }

  /** How a block ends, if it does not go on into the next. */
  private end(index: number): void {
    const { code, random } = this;
    const target = this.target(index);
    switch (random.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        return this.jump(0x70 | random.below(16), target);
      case 9:
        // A loop that ends.
        code.putImmediate(0x83, 0xe1, 31); // and ecx, 31
        code.put(0x49); // dec ecx
        return this.jump(0x75, target);
      case 10:
        code.put(random.pick([0xe0, 0xe1, 0xe2, 0xe3])); // loopne, loope, loop, jecxz
        return code.putLabel("rel8", target);
      case 11:
        code.put(0xe9);
        // Sometimes into the middle of an instruction.
        return code.putLabel("rel32", target, random.once(4) ? random.below(6) : 0);
      case 12:
      case 13:
      case 14:
        code.put(0xe8);
        return code.putLabel("rel32", target);
      case 15:
      case 16:
        if (random.once(4)) code.put(0xc2, 4 * random.below(3), 0); // ret imm16
        else code.put(0xc3);
        return;
      case 17:
        code.put(0xb8); // mov eax, label
        code.putLabel("abs32", target);
        return code.put(0xff, random.once(2) ? 0xe0 : 0xd0); // jmp eax, call eax
      case 18:
        code.put(0x83, 0xe0, TABLE_ENTRIES - 1); // and eax, 15
        code.put(0xff, random.once(2) ? 0x24 : 0x14, 0x85); // jmp, call [TABLES + eax * 4]
        return code.put32(TABLES);
      case 19:
        code.put(0x68); // push label; ret
        code.putLabel("abs32", target);
        return code.put(0xc3);
    }
  }

  private jump(opcode: number, target: number): void {
    const { code } = this;
    const offset = code.labels[target];
    if (offset >= 0 && code.size - offset < 120 && !this.random.once(4)) {
      code.put(opcode);
      return code.putLabel("rel8", target);
    }
    code.put(0x0f, 0x80 | opcode & 15);
    code.putLabel("rel32", target);
  }

  /** Mostly near, more often forwards than back. */
  private target(index: number): number {
    const { blocks, random } = this;
    if (random.once(4)) return random.pick(blocks);
    const near = index + (random.once(3) ? -random.below(4) : 1 + random.below(4));
    return blocks[Math.max(0, Math.min(blocks.length - 1, near))];
  }
}
