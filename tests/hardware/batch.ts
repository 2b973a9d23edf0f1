/** Many cases that share the contents of memory and a set of x87 and SSE states. */

import {
  BATCH,
  CODE_PAGES,
  FIRST_CODE_PAGE,
  IMAGE_BYTES,
  IMAGES,
  IN_CODE_BYTE,
  IN_CODE_BYTES,
  IN_EFLAGS,
  IN_EIP,
  IN_IMAGE,
  IN_POKE,
  IN_POKES,
  IN_REGISTERS,
  IN_SCRUB,
  INPUT_BYTES,
  PAGE,
  PAGES,
  SMALL_IMAGES,
} from "./layout.ts";
import { putExtended, putValues, Random } from "./random.ts";
import type { Sequence } from "./sequence.ts";

export interface Batch {
  /** The pages of layout.ts, one after the other. */
  readonly memory: Uint8Array;
  /** FXSAVE images. */
  readonly images: Uint8Array;
  readonly cases: readonly Sequence[];
}

export function createMemory(random: Random): Uint8Array {
  const memory = new Uint8Array(PAGES.length * PAGE);
  const view = new DataView(memory.buffer);
  for (let at = 0; at < memory.length; at += 16) putValues(view, at, random);
  const code = FIRST_CODE_PAGE * PAGE;
  memory.fill(0xcc, code, code + CODE_PAGES * PAGE);
  return memory;
}

export function createImages(random: Random): Uint8Array {
  const images = new Uint8Array(IMAGES * IMAGE_BYTES);
  for (let i = 0; i < IMAGES; i++) {
    const at = i * IMAGE_BYTES;
    fillImage(new DataView(images.buffer, at, IMAGE_BYTES), random, i);
  }
  return images;
}

/** FXSAVE image: Intel SDM vol. 1, table 10-2. */
function fillImage(view: DataView, random: Random, number: number): void {
  const top = random.below(8);
  let control = 0x37f, status = (random.next() & 0x4700) | top << 11;
  if (random.once(2)) control = 0x40 | (random.next() & (random.once(2) ? 0xf3f : 0xf00) | 0x3f);
  if (random.once(4)) control = 0x40 | (random.next() & 0x1f3f);
  if (random.once(3)) status |= random.next() & 0x7f;
  // A pending exception now and then; otherwise only flags that are masked.
  if ((status & ~control & 0x3f) !== 0) status = random.once(2) ? status | 0x8080 : status & ~0x3f;
  view.setUint16(0, control, true);
  view.setUint16(2, status, true);
  // Mostly a few registers in use from TOP up.
  const used = (1 << random.below(9)) - 1;
  const inUse = random.once(4) ? random.next() & 0xff : (used << top | used >> 8 - top) & 0xff;
  view.setUint8(4, inUse);
  const sticky = random.next() & 0x3f;
  const mxcsr = [0x1f80, 0x1f80 | sticky, 0x1f80 | sticky | (random.next() & 0xe040)];
  view.setUint32(24, random.once(4) ? random.next() & 0xffff : random.pick(mxcsr), true);
  for (let i = 0; i < 8; i++) {
    if (number >= SMALL_IMAGES) {
      putExtended(view, 32 + 16 * i, random);
    } else {
      view.setInt32(32 + 16 * i, random.next(), true);
      view.setInt32(36 + 16 * i, random.next() | 0x80000000, true);
      const exponent = random.once(8) ? 0x3ffc - random.below(80) : 0x3ffc - random.below(8);
      view.setUint16(40 + 16 * i, (random.next() & 0x8000) | exponent, true);
    }
    putValues(view, 160 + 16 * i, random);
  }
}

/** The cases as oracle.c reads them. */
export function encodeBatch(batch: Batch, dumps: number): Uint8Array {
  const { memory, images, cases } = batch;
  if (cases.length > BATCH) throw new Error(`expected at most ${BATCH} cases, got ${cases.length}`);
  const header = 8 + memory.length + images.length;
  const bytes = new Uint8Array(header + cases.length * INPUT_BYTES);
  const words = new Int32Array(bytes.buffer);
  words[0] = cases.length;
  words[1] = dumps;
  bytes.set(memory, 8);
  bytes.set(images, 8 + memory.length);
  for (let i = 0; i < cases.length; i++) {
    const one = cases[i], at = header + i * INPUT_BYTES >> 2;
    words[at + IN_EIP] = one.eip;
    words[at + IN_CODE_BYTES] = one.code.length;
    words[at + IN_IMAGE] = one.image;
    words[at + IN_SCRUB] = one.scrub;
    words[at + IN_EFLAGS] = one.eflags;
    words.set(one.registers, at + IN_REGISTERS);
    words[at + IN_POKES] = one.pokes.length / 2;
    words.set(one.pokes, at + IN_POKE);
    bytes.set(one.code, at * 4 + IN_CODE_BYTE);
  }
  return bytes;
}
