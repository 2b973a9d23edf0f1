/** `denali stats`: what the VMs of a server have done. */

import type { VmRow } from "../cell/protocol.ts";
import type { VmSummary } from "../vm/record.ts";
import { Client, CLIENT_EXIT_HELP, HOST_HELP } from "./client.ts";
import { type Command, EXIT, readWords, UsageError } from "./command.ts";
import { formatSize } from "../size.ts";
import { PAGE_BYTES } from "../swap/channel.ts";
import { table } from "./table.ts";

const HELP = `usage: denali stats [--json] [--host URL]

Shows of every virtual machine its exact state, the instructions that it has executed, its own
memory (what it shares with others is not counted), how much more of it is in swap, and how often
it had to wait for that.

  --json      print the counters of the whole server as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const stats: Command = {
  name: "stats",
  summary: "show what the VMs of a server have done",
  help: HELP,
  async run(args) {
    const { text, flag, words } = readWords(args, { text: ["host"], flag: ["json"] });
    if (words.length > 0) throw new UsageError(`expected only options, got ${words.join(" ")}`);
    const client = new Client(text.host);
    const [rows, vms] = await Promise.all([
      client.get<VmRow[]>("/v1/stats"),
      client.get<VmSummary[]>("/v1/vms"),
    ]);
    if (flag.json) {
      const system = await client.get<Record<string, unknown>>("/v1/system");
      console.log(JSON.stringify({ ...system, machines: rows }, null, 2));
      return EXIT.OK;
    }
    const names = new Map(vms.map(({ id, name }) => [id, name]));
    const lines = rows.map((row) => [
      String(row.id),
      names.get(row.id) ?? "?",
      row.state,
      String(row.instructions),
      formatSize(row.residentPages * PAGE_BYTES),
      formatSize(row.swappedPages * PAGE_BYTES),
      String(row.faults),
    ]);
    const head = ["ID", "NAME", "STATE", "INSTRUCTIONS", "MEMORY", "SWAP", "FAULTS"];
    console.log(table([head, ...lines]));
    return EXIT.OK;
  },
};
