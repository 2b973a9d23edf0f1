/**
 * Images by the hash of their content, under names.
 *
 * With a data folder they outlive the process: `images/HASH` holds the bytes, written to a temporary
 * file and renamed, and the state store the names. A file stays as long as a name or a VM needs it. A
 * name that is not in the store may be a built-in guest's.
 */

import { guestImage, guestNames } from "./builtin.ts";
import { IMAGE_BYTES_MAXIMUM } from "../cell/protocol.ts";
import { asFileError } from "../host_error.ts";
import { syncFolder } from "../sync_folder.ts";
import { RequestError } from "../request_error.ts";
import type { Write } from "../state/statements.ts";
import type { StateStore } from "../state/store.ts";

/** Ends the name of a file that is being written. */
const PART = ".tmp";

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
  readonly #state: StateStore;
  readonly #folder: string | undefined;
  readonly #images = new Map<string, StoredImage>();
  /** Built-in guests as they were last read. */
  readonly #builtins = new Map<string, StoredImage>();
  /** Names whose file is gone or damaged, with why. */
  readonly #lost = new Map<string, string>();
  /** Files in the folder, by hash. */
  readonly #files = new Set<string>();
  /** VMs made from an image, by hash, with the image. */
  readonly #uses = new Map<string, { image: StoredImage; vms: number }>();
  /** Files are written and removed one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(state: StateStore, folder: string | undefined) {
    this.#state = state;
    this.#folder = folder;
  }

  /**
   * Opens the store of a data folder, or one in memory. An image whose file is gone or damaged costs
   * nobody else: `missing` is told, and its name is refused until it is uploaded again or removed.
   */
  static async open(
    state: StateStore,
    dataFolder?: string,
    missing: (message: string) => void = () => {},
  ): Promise<ImageStore> {
    const store = new ImageStore(state, dataFolder && `${dataFolder}/images`);
    await store.#load(missing);
    return store;
  }

  /** An image by name or hash. Throws a RequestError if there is none. */
  async get(name: string): Promise<StoredImage> {
    const lost = this.#lost.get(name);
    if (lost !== undefined) {
      throw new RequestError("image", lost, "that it is uploaded again, or removed", 404);
    }
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
    const before = this.#images.get(name);
    await this.#save(image);
    await this.#change(name, image, ["image.put", name, image.hash, file.length]);
    if (before !== undefined) await this.#discard(before);
    return image;
  }

  /** Forgets a name. Throws a RequestError if no upload has it. */
  async remove(name: string): Promise<void> {
    const image = this.#images.get(name);
    if (image === undefined && !this.#lost.has(name)) {
      const expected = "the name of an image that was uploaded";
      throw new RequestError("name", `no image ${JSON.stringify(name)}`, expected, 404);
    }
    await this.#change(name, undefined, ["image.delete", name]);
    if (image !== undefined) await this.#discard(image);
  }

  /** Lets a name mean another image, or none. What is not kept has not happened. */
  async #change(name: string, image: StoredImage | undefined, write: Write): Promise<void> {
    const before = this.#images.get(name);
    this.#set(name, image);
    try {
      await this.#state.write(write);
      this.#lost.delete(name);
    } catch (error) {
      if (this.#images.get(name) === image) this.#set(name, before);
      if (image !== undefined) await this.#discard(image);
      throw error;
    }
  }

  #set(name: string, image: StoredImage | undefined): void {
    if (image === undefined) this.#images.delete(name);
    else this.#images.set(name, image);
  }

  /** A VM is made from it: its file stays, whatever becomes of its name. */
  async hold(image: StoredImage): Promise<void> {
    const use = this.#uses.get(image.hash);
    if (use !== undefined) use.vms++;
    else this.#uses.set(image.hash, { image, vms: 1 });
    if (!this.#files.has(image.hash)) await this.#save(image);
  }

  /** The VM is gone. */
  async release(image: StoredImage): Promise<void> {
    const use = this.#uses.get(image.hash);
    if (use === undefined || --use.vms > 0) return;
    this.#uses.delete(image.hash);
    // The next VM of a built-in guest needs no new copy then.
    if (!image.builtin) await this.#discard(image);
  }

  /** The image of a VM of an earlier process, held. Rejects if its file is gone or another. */
  async kept(name: string, hash: string): Promise<StoredImage> {
    const known = this.#uses.get(hash)?.image ?? this.#byHash(hash) ??
      { name, hash, file: await this.#read(name, hash), builtin: false };
    const image = known.name === name ? known : { ...known, name };
    await this.hold(image);
    return image;
  }

  /** Names of files in the folder that belong to no name, no VM and no built-in guest. */
  async unused(): Promise<string[]> {
    const builtins = await Promise.all((await guestNames()).map((name) => this.#builtin(name)));
    const known = new Set(builtins.map((image) => image?.hash));
    return [...this.#files].filter((hash) =>
      !this.#uses.has(hash) && !known.has(hash) && this.#byHash(hash) === undefined
    );
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

  async #load(missing: (message: string) => void): Promise<void> {
    if (this.#folder === undefined) return;
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#adoptIndex();
    for await (const { name } of Deno.readDir(this.#folder)) {
      // Left by a process that was killed while it wrote: nobody was told that it is kept.
      if (name.endsWith(PART)) await Deno.remove(`${this.#folder}/${name}`);
      else this.#files.add(name);
    }
    for (const { name, hash } of await this.#state.read("images") as Record<string, string>[]) {
      try {
        const file = await this.#read(name, hash);
        this.#images.set(name, { name, hash, file, builtin: false });
      } catch (error) {
        // Whoever stores it again has to write it again.
        this.#files.delete(hash);
        this.#lost.set(name, (error as Error).message);
        missing((error as Error).message);
      }
    }
  }

  /** Earlier versions kept names in a file. */
  async #adoptIndex(): Promise<void> {
    const path = `${this.#folder}/index.json`;
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
    if (text === undefined) return;
    for (const [name, hash] of Object.entries(JSON.parse(text) as Record<string, string>)) {
      const { size } = await Deno.stat(`${this.#folder}/${hash}`);
      await this.#state.write(["image.put", name, hash, size]);
    }
    await Deno.remove(path);
  }

  async #read(name: string, hash: string): Promise<Uint8Array<ArrayBuffer>> {
    const path = `${this.#folder}/${hash}`;
    const file = await Deno.readFile(path).catch((error) => {
      throw new Error(`${name}: its file ${path} cannot be read: ${error.message}`);
    });
    const actual = await sha256(file);
    if (actual === hash) return file;
    throw new Error(`${name}: its file ${path} is damaged, its SHA-256 is ${actual}`);
  }

  /** Writes the file unless it is there. */
  async #save({ hash, file }: StoredImage): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return;
    await this.#next(async () => {
      if (this.#files.has(hash)) return;
      await writeWhole(`${folder}/${hash}`, file);
      syncFolder(folder);
      this.#files.add(hash);
    });
  }

  /** Removes the file unless a name or a VM needs it. */
  async #discard({ hash }: StoredImage): Promise<void> {
    await this.#next(async () => {
      if (!this.#files.has(hash) || this.#uses.has(hash) || this.#byHash(hash)) return;
      this.#files.delete(hash);
      await Deno.remove(`${this.#folder}/${hash}`);
    });
  }

  #next(work: () => Promise<void>): Promise<void> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
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
  const temporary = `${path}.${crypto.randomUUID()}${PART}`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw asFileError(error);
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
