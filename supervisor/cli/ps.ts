/** `denali ps`: the VMs of a server. */

import type { VmSummary } from "../vm/record.ts";
import { formatSize } from "../size.ts";
import { Client, CLIENT_EXIT_HELP, HOST_HELP } from "./client.ts";
import { type Command, EXIT, readWords, UsageError } from "./command.ts";
import { table } from "./table.ts";

const HELP = `usage: denali ps [--json] [--host URL]

Lists the virtual machines of the server.

  --json      print them as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const ps: Command = {
  name: "ps",
  summary: "list the VMs of a server",
  help: HELP,
  async run(args) {
    const { text, flag, words } = readWords(args, { text: ["host"], flag: ["json"] });
    if (words.length > 0) throw new UsageError(`expected only options, got ${words.join(" ")}`);
    const vms = await new Client(text.host).get<VmSummary[]>("/v1/vms");
    if (flag.json) console.log(JSON.stringify(vms, null, 2));
    else console.log(table([HEADING, ...vms.map(row)]));
    return EXIT.OK;
  },
};

const HEADING = ["ID", "NAME", "IMAGE", "STATE", "MEMORY", "CELL", "ADDRESS", "PORTS"];

function row(vm: VmSummary): string[] {
  const ports = vm.publish.map(({ hostname, host, guest }) => `${hostname}:${host}->${guest}`);
  const state = vm.exitCode === undefined ? vm.state : `${vm.state} (${vm.exitCode})`;
  const { id, name, image, memory, cell, address } = vm;
  const where = [String(cell), address, ports.join(", ")];
  return [String(id), name, image, state, formatSize(memory), ...where];
}
