/** The body of a VM's answer, piece by piece, for each way to frame it (RFC 9112 section 6). */

import { type ByteSource, ProtocolError } from "./byte_source.ts";
import type { ResponseHead } from "./response_head.ts";

export interface Body {
  /** The next bytes; null when the body is through. Rejects with a ProtocolError if it is cut short. */
  next(): Promise<Uint8Array | null>;
}

/** A line with the size of a chunk, and all lines behind the last one. */
const SIZE_LINE_MAXIMUM = 256, TRAILER_MAXIMUM = 16_384;

export function bodyOf(source: ByteSource, framing: ResponseHead["framing"]): Body {
  if (framing === "chunked") return new ChunkedBody(source);
  if (framing === "close") return { next: () => some(source, Infinity) };
  return new MeasuredBody(source, framing);
}

/** All of a body of a known length. */
export async function wholeBody(
  source: ByteSource,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const first = source.piece(length);
  if (first?.length === length) return first as Uint8Array<ArrayBuffer>;
  const body = new Uint8Array(length);
  let at = 0;
  if (first !== undefined) {
    body.set(first);
    at = first.length;
  }
  while (at < length) {
    const piece = await some(source, length - at);
    if (piece === null) throw cutShort();
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

class MeasuredBody implements Body {
  readonly #source: ByteSource;
  #left: number;

  constructor(source: ByteSource, length: number) {
    this.#source = source;
    this.#left = length;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#left === 0) return null;
    const piece = await some(this.#source, this.#left);
    if (piece === null) throw cutShort();
    this.#left -= piece.length;
    return piece;
  }
}

class ChunkedBody implements Body {
  readonly #source: ByteSource;
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  #begun = false;
  #through = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#through) return null;
    if (this.#left === 0) {
      if (this.#begun && await line(this.#source, 0) !== "") {
        throw new ProtocolError("a chunk is longer than it says");
      }
      this.#begun = true;
      this.#left = sizeOf(await line(this.#source, SIZE_LINE_MAXIMUM));
      if (this.#left === 0) {
        let trailer = TRAILER_MAXIMUM;
        for (let text = "-"; text !== ""; trailer -= text.length) {
          text = await line(this.#source, Math.max(0, trailer));
        }
        this.#through = true;
        return null;
      }
    }
    const piece = await some(this.#source, this.#left);
    if (piece === null) throw cutShort();
    this.#left -= piece.length;
    return piece;
  }
}

/** The size at the start of a chunk; extensions are ignored. */
function sizeOf(text: string): number {
  const digits = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(text)?.[1];
  if (digits !== undefined) return parseInt(digits, 16);
  throw new ProtocolError(`expected the size of a chunk, got ${JSON.stringify(text.slice(0, 40))}`);
}

async function line(source: ByteSource, most: number): Promise<string> {
  for (;;) {
    const text = source.line(most);
    if (text !== undefined) return text;
    if (!await source.fill()) throw cutShort();
  }
}

async function some(source: ByteSource, most: number): Promise<Uint8Array | null> {
  for (;;) {
    const piece = source.piece(most);
    if (piece !== undefined) return piece;
    if (!await source.fill()) return null;
  }
}

function cutShort(): ProtocolError {
  return new ProtocolError("the connection ended within the body");
}
