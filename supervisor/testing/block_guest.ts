/** The guest guests/test/blocks.c under a supervisor: a disk of a VM by calls. */

import { buildImage } from "../../guests/build.ts";
import { fromRoot } from "../../guests/paths.ts";
import { type TalkingGuest, talkTo } from "./talking_guest.ts";
import type { Supervisor, VmParameters } from "../supervisor.ts";

let image: Promise<Uint8Array<ArrayBuffer>> | undefined;

export async function blockImage(): Promise<Uint8Array<ArrayBuffer>> {
  image ??= buildImage([fromRoot("guests/test/blocks.c")]).then((path) => Deno.readFile(path));
  return await image;
}

/** Makes a VM with these disks and runs it. */
export async function startBlockGuest(
  supervisor: Supervisor,
  parameters: Omit<VmParameters, "image">,
): Promise<TalkingGuest> {
  await supervisor.addImage("blocks", await blockImage());
  const { id } = await supervisor.create({ image: "blocks", ...parameters });
  return talkTo(supervisor, id);
}
