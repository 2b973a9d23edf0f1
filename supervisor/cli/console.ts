/** `denali console`: stdin and stdout joined to a VM's keyboard and console. */

import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, EXIT, oneWord } from "./command.ts";
import { printConsole } from "./logs.ts";

const HELP = `usage: denali console [--host URL] VM

Shows the console of a virtual machine as it writes, and types what comes on stdin. Ends when the
virtual machine ends, or with Ctrl-C; the machine goes on. The end of stdin ends its input.

${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const attach: Command = {
  name: "console",
  summary: "talk to a VM on its console",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args);
    const vm = oneWord(read, "VM");
    // Not awaited: a read of stdin cannot be ended, and the VM may end first.
    type(client, vm).catch((error) => console.error(`denali: ${error.message}`));
    await printConsole(client, vm, true);
    return EXIT.OK;
  },
};

async function type(client: Client, vm: string): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    const path = vmPath(vm, count === null ? "console?close=1" : "console");
    await client.send("POST", path, buffer.slice(0, count ?? 0), {
      "content-type": "application/octet-stream",
    });
    if (count === null) return;
  }
}
