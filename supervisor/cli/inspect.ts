/** `denali inspect`: everything about one VM. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, EXIT, oneWord } from "./command.ts";

const HELP = `usage: denali inspect [--host URL] VM

Prints everything the server knows of one virtual machine as JSON, its processor's state included.
VM is a number or a name. The report of a crash is its "crash": \`denali inspect VM | jq -r .crash\`.

  --json      accepted and ignored: the output always is JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const inspect: Command = {
  name: "inspect",
  summary: "show everything about one VM",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, { flag: ["json"] });
    const vm = await client.get(vmPath(oneWord(read, "VM")));
    console.log(JSON.stringify(vm, null, 2));
    return EXIT.OK;
  },
};
