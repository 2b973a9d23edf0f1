/**
 * Images by the hash of their content, under names.
 *
 * With a data folder they outlive the process: `images/HASH` holds the bytes and `images/index.json`
 * the names; both are written to a temporary file and renamed, so a crash leaves the old or the new
 * one. A name that is not in the store may be a built-in guest's.
 */

import { guestImage, guestNames } from "./builtin.ts";
import { IMAGE_BYTES_MAXIMUM } from "../cell/protocol.ts";
import { RequestError } from "../request_error.ts";

export interface StoredImage {
  readonly name: string;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly hash: string;
  readonly file: Uint8Array<ArrayBuffer>;
  readonly builtin: boolean;
}

export interface ImageSummary {
  readonly name: string;
  readonly hash: string;
  readonly bytes: number;
  readonly builtin: boolean;
}

const NAME_EXPECTED = "1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit";

export class ImageStore {
  readonly #folder: string | undefined;
  readonly #images = new Map<string, StoredImage>();
  /** Built-in guests as they were last read. */
  readonly #builtins = new Map<string, StoredImage>();

  private constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** Opens the store of a data folder, or one in memory. Refuses a file whose hash is not its name. */
  static async open(dataFolder?: string): Promise<ImageStore> {
    const store = new ImageStore(dataFolder && `${dataFolder}/images`);
    await store.#load();
    return store;
  }

  /** An image by name or hash. Throws a RequestError if there is none. */
  async get(name: string): Promise<StoredImage> {
    const stored = this.#images.get(name) ?? this.#byHash(name) ?? await this.#builtin(name);
    if (stored !== undefined) return stored;
    const known = [...new Set([...this.#images.keys(), ...await guestNames()])].sort();
    throw new RequestError(
      "image",
      `no image ${JSON.stringify(name)}`,
      known.length > 0
        ? `one of ${known.join(", ")}, or upload it first`
        : "an uploaded image; the built-in guests are not built: run `deno task guests`",
      404,
    );
  }

  /** Stores a file under a name; an image of that name is replaced for VMs that come later. */
  async put(name: string, file: Uint8Array<ArrayBuffer>): Promise<StoredImage> {
    const image = await this.check(name, file);
    if (this.#folder !== undefined) {
      await Deno.mkdir(this.#folder, { recursive: true });
      await writeWhole(`${this.#folder}/${image.hash}`, file);
    }
    this.#images.set(name, image);
    await this.#saveIndex();
    return image;
  }

  /** Forgets a name. Throws a RequestError if no upload has it. */
  async remove(name: string): Promise<void> {
    if (!this.#images.delete(name)) {
      const expected = "the name of an image that was uploaded";
      throw new RequestError("name", `no image ${JSON.stringify(name)}`, expected, 404);
    }
    await this.#saveIndex();
  }

  /** The image as it would be stored, without storing it. */
  async check(name: string, file: Uint8Array<ArrayBuffer>): Promise<StoredImage> {
    if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)) {
      throw new RequestError("name", `got ${JSON.stringify(name.slice(0, 80))}`, NAME_EXPECTED);
    }
    if (file.length > IMAGE_BYTES_MAXIMUM) {
      const got = `got ${file.length} bytes`;
      throw new RequestError("body", got, `at most ${IMAGE_BYTES_MAXIMUM} bytes`, 413);
    }
    return await describeImage(name, file);
  }

  async list(): Promise<ImageSummary[]> {
    const builtins = (await guestNames()).filter((name) => !this.#images.has(name));
    const images = [...this.#images.values()];
    for (const name of builtins) images.push((await this.#builtin(name))!);
    return images
      .map(({ name, hash, file, builtin }) => ({ name, hash, bytes: file.length, builtin }))
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  #byHash(hash: string): StoredImage | undefined {
    return [...this.#images.values()].find((image) => image.hash === hash);
  }

  async #builtin(name: string): Promise<StoredImage | undefined> {
    const file = await guestImage(name);
    if (file === undefined) return undefined;
    const known = this.#builtins.get(name);
    if (known?.file === file) return known;
    const image = { name, hash: await sha256(file), file, builtin: true };
    this.#builtins.set(name, image);
    return image;
  }

  async #load(): Promise<void> {
    if (this.#folder === undefined) return;
    const path = `${this.#folder}/index.json`;
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "{}";
      throw error;
    });
    for (const [name, hash] of Object.entries(JSON.parse(text) as Record<string, string>)) {
      const file = await Deno.readFile(`${this.#folder}/${hash}`);
      const actual = await sha256(file);
      if (actual !== hash) {
        throw new Error(
          `image ${name}: expected a file with SHA-256 ${hash} in ${this.#folder}, got ${actual}; ` +
            `remove it from ${path} and upload it again`,
        );
      }
      this.#images.set(name, { name, hash, file, builtin: false });
    }
  }

  async #saveIndex(): Promise<void> {
    if (this.#folder === undefined) return;
    const index = Object.fromEntries([...this.#images].map(([name, { hash }]) => [name, hash]));
    const bytes = new TextEncoder().encode(JSON.stringify(index, null, 2) + "\n");
    await writeWhole(`${this.#folder}/index.json`, bytes);
  }
}

/** An image that need not be in a store. */
export async function describeImage(
  name: string,
  file: Uint8Array<ArrayBuffer>,
): Promise<StoredImage> {
  return { name, hash: await sha256(file), file, builtin: false };
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    await file.sync();
  }
  await Deno.rename(temporary, path);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
