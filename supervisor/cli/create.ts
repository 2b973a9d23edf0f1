/** `denali create`: a new VM on a server. */

import type { VmSummary } from "../vm/record.ts";
import { Client, CLIENT_EXIT_HELP, HOST_HELP } from "./client.ts";
import { type Command, EXIT, Failure, oneWord, readSettings, readWords } from "./command.ts";
import { readResources, RESOURCE_HELP, RESOURCE_OPTIONS } from "./resources.ts";

const HELP = `usage: denali create [options] IMAGE [-- ARGUMENTS...]

Creates a virtual machine on the server, starts it, and prints its name. IMAGE is the name of a
built-in guest or of an uploaded image, or the path of an ELF file, which is uploaded first.

  --memory SIZE         memory of the VM, 1M to 1G (default 16M)
  --name NAME           a DNS label (default vm-N)
  --publish HOST:GUEST  let a TCP port of the server's host lead to one of the VM; may be repeated
  --arg KEY=VALUE       a setting the guest can read; may be repeated
${RESOURCE_HELP}
  --no-start            do not start it
  --json                print the whole VM as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const create: Command = {
  name: "create",
  summary: "create a VM on a server and start it",
  help: HELP,
  async run(args) {
    const read = readWords(args, {
      text: ["host", "memory", "name", ...RESOURCE_OPTIONS],
      list: ["publish", "arg"],
      flag: ["json", "no-start"],
    });
    const client = new Client(read.text.host);
    const word = oneWord(read, "IMAGE (arguments of the guest go behind --)");
    const vm = await client.post<VmSummary>("/v1/vms", {
      image: /[/.]/.test(word) ? await upload(client, word) : word,
      name: read.text.name,
      memory: read.text.memory,
      publish: read.list.publish,
      settings: readSettings(read.list.arg),
      arguments: read.rest,
      ...readResources(read.text),
      start: !read.flag["no-start"],
    });
    console.log(read.flag.json ? JSON.stringify(vm, null, 2) : vm.name);
    return EXIT.OK;
  },
};

/** Stores a file on the server; returns its hash, which is its name that never changes. */
async function upload(client: Client, path: string): Promise<string> {
  let file: Uint8Array<ArrayBuffer>;
  try {
    file = await Deno.readFile(path);
  } catch (error) {
    throw new Failure(`${path}: cannot be read: ${(error as Error).message}`);
  }
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.elf$/, "").toLowerCase();
  const to = `/v1/images?name=${encodeURIComponent(name)}`;
  const response = await client.send("POST", to, file, "application/octet-stream");
  return (await response.json()).hash;
}
