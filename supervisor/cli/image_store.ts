/** `denali image ls`, `push`: the images that a server keeps. */

import type { ImageSummary } from "../image/store.ts";
import { formatSize } from "../size.ts";
import { readClientWords } from "./client.ts";
import { EXIT, noWords, oneWord, someWords } from "./command.ts";
import { each } from "./each.ts";
import { table } from "./table.ts";
import { storedName, uploadImage } from "./upload.ts";

export async function listImages(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, {
    flag: ["json", "quiet"],
    alias: { q: "quiet" },
  });
  noWords(read);
  const images = await client.get<ImageSummary[]>("/v1/images");
  if (read.flag.json) console.log(JSON.stringify(images, null, 2));
  else if (read.flag.quiet) images.forEach(({ name }) => console.log(name));
  else console.log(table([["NAME", "HASH", "SIZE", "FROM"], ...images.map(row)]));
  return EXIT.OK;
}

export async function pushImage(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { text: ["name"], flag: ["json"] });
  const path = oneWord(read, "FILE");
  const name = read.text.name ?? storedName(path);
  const hash = await uploadImage(client, path, name);
  console.log(read.flag.json ? JSON.stringify({ name, hash }, null, 2) : hash);
  return EXIT.OK;
}

export async function removeImages(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args);
  return await each(someWords(read, "IMAGE"), async (image) => {
    await client.delete(`/v1/images/${encodeURIComponent(image)}`);
    console.log(image);
  });
}

function row({ name, hash, bytes, builtin }: ImageSummary): string[] {
  return [name, hash.slice(0, 12), formatSize(bytes), builtin ? "Denali" : "upload"];
}
