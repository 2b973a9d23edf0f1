/** Decodes basic blocks into the operand array: see code_cache.ts for what they look like. */

import {
  BLOCK_COUNT,
  BLOCK_FRAME,
  BLOCK_HEADER,
  BLOCK_RUN_WORDS,
  BLOCK_SECOND_FRAME,
  BLOCK_UNFUSED,
  BLOCK_WORDS,
  MAXIMUM_BLOCK,
  NO_FRAME,
} from "./code_cache.ts";
import { decode } from "./decoder.ts";
import { PAGE_MASK, PAGE_SIZE } from "./engine.ts";
import { type CompiledForm, type HandlerTable } from "./handlers.ts";
import type { Instruction } from "./instruction.ts";
import {
  END_WORD,
  FIRST_SLOT,
  HANDLER_WORD,
  INSTRUCTION_WORDS,
  shapeOf,
  START_WORD,
} from "./shape.ts";

/** The longest x86 instruction, bytes. */
export const MAXIMUM_INSTRUCTION = 15;

/**
 * Writes the block that starts at `place` in the pool to `words[at...]`. Returns false, and writes nothing
 * that counts, if already its first instruction goes on in the next page.
 */
export function buildBlock(
  table: HandlerTable,
  words: Int32Array,
  at: number,
  bytes: Uint8Array,
  place: number,
): boolean {
  const limit = (place & ~PAGE_MASK) + PAGE_SIZE;
  let offset = 0, count = 0;
  let position = at + BLOCK_HEADER;
  let ends = false;
  let previous: CompiledForm | null = null, last: CompiledForm | null = null;
  while (!ends && count < MAXIMUM_BLOCK && place + offset < limit) {
    const instruction = decode(bytes, place + offset, limit);
    if (instruction === null) break;
    const form = writeInstruction(table, words, position, instruction, offset);
    offset += instruction.length;
    position += INSTRUCTION_WORDS;
    count++;
    ends = form.program.terminator;
    previous = last;
    last = form;
  }
  if (count === 0) return false;
  finish(table, words, at, position, count, offset, ends);
  if (ends && count > 1 && last !== null && previous !== null) {
    fuse(table, words, at, position - 2 * INSTRUCTION_WORDS, previous, last);
  }
  words[at + BLOCK_FRAME] = place & ~PAGE_MASK;
  words[at + BLOCK_SECOND_FRAME] = NO_FRAME;
  return true;
}

/**
 * Writes a block of one instruction that straddles two frames. `window` holds the bytes from its first one
 * on, as many as the two pages have, up to MAXIMUM_INSTRUCTION.
 */
export function buildStraddlingBlock(
  table: HandlerTable,
  words: Int32Array,
  at: number,
  window: Uint8Array,
  frame: number,
  secondFrame: number,
): void {
  const instruction = decode(window, 0, window.length);
  if (instruction === null) {
    throw new Error(
      "decode: expected an instruction within 15 bytes, got null; see cpu/decoder.ts",
    );
  }
  const position = at + BLOCK_HEADER;
  const form = writeInstruction(table, words, position, instruction, 0);
  const end = position + INSTRUCTION_WORDS;
  finish(table, words, at, end, 1, instruction.length, form.program.terminator);
  words[at + BLOCK_FRAME] = frame;
  words[at + BLOCK_SECOND_FRAME] = secondFrame;
}

/** Comparisons are made for the branch behind them: both run as one handler, and the flags need no detour. */
function fuse(
  table: HandlerTable,
  words: Int32Array,
  at: number,
  position: number,
  first: CompiledForm,
  second: CompiledForm,
): void {
  if (!first.setsFlagsLast || !second.isConditionalJump) return;
  words[at + BLOCK_UNFUSED] = first.index;
  words[at + BLOCK_RUN_WORDS] -= INSTRUCTION_WORDS;
  words[position + HANDLER_WORD] = table.getPair(first, second);
}

function finish(
  table: HandlerTable,
  words: Int32Array,
  at: number,
  position: number,
  count: number,
  bytes: number,
  ends: boolean,
): void {
  if (!ends) {
    words[position + HANDLER_WORD] = table.fallThrough;
    words[position + START_WORD] = words[position + END_WORD] = bytes;
    position += INSTRUCTION_WORDS;
  }
  words[at + BLOCK_COUNT] = count;
  words[at + BLOCK_WORDS] = words[at + BLOCK_RUN_WORDS] = position - at - BLOCK_HEADER;
  words[at + BLOCK_UNFUSED] = -1;
}

function writeInstruction(
  table: HandlerTable,
  words: Int32Array,
  position: number,
  instruction: Instruction,
  offset: number,
): CompiledForm {
  const { key, slots, relative, form } = shapeOf(instruction);
  const compiled = table.get(key, form);
  const end = offset + instruction.length;
  words[position + HANDLER_WORD] = compiled.index;
  words[position + START_WORD] = offset;
  words[position + END_WORD] = end;
  for (let i = 0; i < slots.length; i++) {
    words[position + FIRST_SLOT + i] = i === relative ? slots[i] + end : slots[i];
  }
  return compiled;
}
