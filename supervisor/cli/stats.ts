/** `denali stats`: what the VMs of a server have done. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords } from "./command.ts";
import { about, look, memoryOf } from "./look.ts";
import { table } from "./table.ts";
import { paintState } from "./terminal.ts";

const HELP = `usage: denali stats [--json] [--host URL]

Shows of every virtual machine its exact state, the instructions that it has executed, its own
memory (what it shares with others is not counted), how much more of it is in swap, how often it had
to wait for that, and what it takes no turns for at this moment though it is running: memory (a page
in swap, or a free frame), processor (what its cap leaves it is used up) or console (nobody takes
its output).

  --json      print the counters of the whole server as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const HEADING = ["ID", "NAME", "STATE", "INSTRUCTIONS", "MEMORY", "SWAP", "FAULTS", "WAITS FOR"];

export const stats: Command = {
  name: "stats",
  summary: "show what the VMs of a server have done",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, { flag: ["json"] });
    noWords(read);
    const { rows, names } = await look(client);
    if (read.flag.json) {
      const system = await client.get<Record<string, unknown>>("/v1/system");
      console.log(JSON.stringify({ ...system, machines: rows }, null, 2));
      return EXIT.OK;
    }
    const lines = rows.map((row) => [
      ...about(row, names),
      String(row.instructions),
      ...memoryOf(row),
      String(row.faults),
      row.waits ?? "",
    ]);
    console.log(table([HEADING, ...lines], { paint: { STATE: paintState } }));
    return EXIT.OK;
  },
};
