/** Images on their way into a cell, piece by piece, and those that it has. */

import { VmError } from "../../kernel/errors.ts";
import type { Image } from "../../kernel/image.ts";
import type { CellKernel } from "./kernel.ts";
import type { ImageHeader } from "./protocol.ts";

export class CellImages {
  readonly #loaded = new Map<number, Image>();
  readonly #partial = new Map<number, { name: string; bytes: Uint8Array; filled: number }>();

  begin(id: number, header: ImageHeader): void {
    this.#partial.set(id, {
      name: header.name,
      bytes: new Uint8Array(header.bytes),
      filled: 0,
    });
  }

  append(id: number, chunk: Uint8Array): void {
    const image = this.#partial.get(id);
    if (image === undefined) throw new Error(`cell: chunk of image ${id}, which was not begun`);
    image.bytes.set(chunk, image.filled);
    image.filled += chunk.length;
  }

  finish(id: number, kernel: CellKernel): void {
    const image = this.#partial.get(id);
    if (image === undefined || image.filled !== image.bytes.length) {
      throw new Error(`cell: image ${id} ended before all of it came`);
    }
    this.#partial.delete(id);
    this.#loaded.set(id, kernel.loadImage(image.name, image.bytes));
  }

  loaded(id: number): Image {
    const image = this.#loaded.get(id);
    if (image === undefined) throw new VmError("image", `expected a loaded image, got ${id}`);
    return image;
  }

  drop(id: number, kernel: CellKernel): void {
    kernel.dropImage(this.loaded(id));
    this.#loaded.delete(id);
  }
}
