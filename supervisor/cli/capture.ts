/** `denali capture`: what goes over a VM's Ethernet, for Wireshark and tcpdump. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, EXIT, oneWord, UsageError, writeAll } from "./command.ts";

const HELP = `usage: denali capture [--host URL] VM > FILE
       denali capture VM | wireshark -k -i -

Writes the frames that a virtual machine sends and receives from now on as a pcap file, until Ctrl-C
or until the machine ends.

${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const capture: Command = {
  name: "capture",
  summary: "capture the network traffic of a VM",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args);
    const vm = oneWord(read, "VM");
    if (Deno.stdout.isTerminal()) {
      throw new UsageError("expected a file or a pipe as stdout, got a terminal: > FILE");
    }
    const response = await client.send("GET", vmPath(vm, "pcap"));
    for await (const bytes of client.bytes(response)) await writeAll(Deno.stdout, bytes);
    return EXIT.OK;
  },
};
