/** The guest guests/test/blocks.c under a supervisor: a disk of a VM by calls. */

import { buildImage } from "../../guests/build.ts";
import { fromRoot } from "../../guests/paths.ts";
import type { Supervisor, VmParameters } from "../supervisor.ts";

export interface BlockGuest {
  readonly id: number;
  /** Sends a line and returns the answer. */
  ask(line: string): Promise<string>;
}

let image: Promise<Uint8Array<ArrayBuffer>> | undefined;

export async function blockImage(): Promise<Uint8Array<ArrayBuffer>> {
  image ??= buildImage([fromRoot("guests/test/blocks.c")]).then((path) => Deno.readFile(path));
  return await image;
}

/** Makes a VM with these disks and runs it. */
export async function startBlockGuest(
  supervisor: Supervisor,
  parameters: Omit<VmParameters, "image">,
): Promise<BlockGuest> {
  await supervisor.addImage("blocks", await blockImage());
  const { id } = await supervisor.create({ image: "blocks", ...parameters });
  return talkTo(supervisor, id);
}

/** A VM with that image, by its console from here on. */
export function talkTo(supervisor: Supervisor, id: number): BlockGuest {
  const reader = supervisor.followConsole(id).pipeThrough(new TextDecoderStream()).getReader();
  let text = new TextDecoder().decode(supervisor.consoleHistory(id));
  let skip = text.length;
  text = "";
  return {
    id,
    async ask(line) {
      await supervisor.keyboard(id, new TextEncoder().encode(line + "\n"));
      for (;;) {
        const end = text.indexOf("\n");
        if (end >= 0) {
          const answer = text.slice(0, end);
          text = text.slice(end + 1);
          return answer;
        }
        const { value } = await reader.read();
        if (value === undefined) throw new Error(`the VM ended, asked ${line}`);
        text += value.slice(skip);
        skip = Math.max(0, skip - value.length);
      }
    },
  };
}
