/** The image that a verb works on: a file, or a built-in guest by its name. */

import type { CodeRegion } from "../../cpu/verifier.ts";
import { type Executable, readExecutable } from "../../kernel/elf.ts";
import { ImageError } from "../../kernel/errors.ts";
import { SymbolTable } from "../../kernel/symbols.ts";
import { guestImage, guestNames } from "../image/builtin.ts";
import { EXIT, Failure } from "./command.ts";

export interface ImageFile {
  /** As it was given on the command line. */
  readonly name: string;
  readonly entry: number;
  /** The bytes of each segment, in order of their addresses. */
  readonly regions: readonly (CodeRegion & { readonly executable: boolean })[];
  readonly symbols: SymbolTable;
}

/** Reads and checks an image. Throws a Failure with the loader's message. */
export async function readImageFile(word: string): Promise<ImageFile> {
  const file = await readImageBytes(word);
  const { entry, segments, functions } = check(word, file);
  return {
    name: word,
    entry,
    regions: segments.map(({ address, offset, fileBytes, executable }) => ({
      address,
      bytes: file.subarray(offset, offset + fileBytes),
      executable,
    })),
    symbols: new SymbolTable(functions),
  };
}

/** The bytes of an image, unchecked. Throws a Failure if there is no such file or guest. */
export async function readImageBytes(word: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await guestImage(word) ?? await Deno.readFile(word);
  } catch (error) {
    const names = await guestNames();
    const guests = names.length === 0
      ? "the name of a built-in guest, when `deno task guests` has built them"
      : `one of the built-in guests ${names.join(", ")}`;
    const reason = (error as Error).message.replace(/: readfile .*/, "");
    throw new Failure(
      `"${word}": expected an ELF executable or ${guests}: ${reason}`,
      EXIT.IMAGE,
    );
  }
}

function check(word: string, file: Uint8Array): Executable {
  try {
    return readExecutable(file);
  } catch (error) {
    if (error instanceof ImageError) throw new Failure(`${word}: ${error.message}`, EXIT.IMAGE);
    throw error;
  }
}
