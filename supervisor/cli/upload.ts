/** Files on their way to the server, with a progress bar. */

import { IMAGE_BYTES_MAXIMUM } from "../cell/protocol.ts";
import type { Client } from "./client.ts";
import { Failure } from "./command.ts";
import { progress } from "./progress.ts";

/** The name under which a file is stored, unless another is given: its own, without `.elf`. */
export function storedName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.elf$/, "").toLowerCase();
}

/** Sends a file as the body of a request. Throws a Failure if it cannot be read. */
export async function upload(
  client: Client,
  method: string,
  to: string,
  path: string,
): Promise<Response> {
  let file: Deno.FsFile;
  let size: number;
  try {
    file = await Deno.open(path);
    const stat = await file.stat();
    if (stat.isDirectory) throw new Deno.errors.IsADirectory("it is a folder");
    ({ size } = stat);
  } catch (error) {
    throw new Failure(`${path}: cannot be read: ${(error as Error).message}`);
  }
  const bar = progress(path.slice(path.lastIndexOf("/") + 1), size);
  let sent = 0;
  const counted = file.readable.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(bytes, controller) {
        bar.update(sent += bytes.length);
        controller.enqueue(bytes);
      },
    }),
  );
  try {
    return await client.send(method, to, counted, { "content-type": "application/octet-stream" });
  } finally {
    bar.finish();
  }
}

/**
 * Stores an image on the server; returns its hash, which is its name that never changes. It is sent
 * with its length, which a stream has not: the server gives a long one more time to come.
 */
export async function uploadImage(
  client: Client,
  path: string,
  name = storedName(path),
): Promise<string> {
  const file = await readImage(path);
  const to = `/v1/images?name=${encodeURIComponent(name)}`;
  const headers = { "content-type": "application/octet-stream" };
  return (await (await client.send("POST", to, file, headers)).json()).hash;
}

async function readImage(path: string): Promise<Uint8Array<ArrayBuffer>> {
  let size: number;
  try {
    ({ size } = await Deno.stat(path));
    if (size <= IMAGE_BYTES_MAXIMUM) return await Deno.readFile(path);
  } catch (error) {
    throw new Failure(`${path}: cannot be read: ${(error as Error).message}`);
  }
  throw new Failure(`${path}: expected at most ${IMAGE_BYTES_MAXIMUM} bytes, got ${size}`);
}

/** An image as a verb was given it: a file is uploaded first, a name stays what it is. */
export async function resolveImage(client: Client, word: string): Promise<string> {
  return /[/.]/.test(word) ? await uploadImage(client, word) : word;
}
