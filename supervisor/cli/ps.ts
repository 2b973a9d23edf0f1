/** `denali ps`: the VMs of a server. */

import type { VmSummary } from "../vm/record.ts";
import { formatSize } from "../size.ts";
import { withProtocol } from "../vm/show.ts";
import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords } from "./command.ts";
import { FILTER_HELP, filterQuery } from "./filter.ts";
import { table } from "./table.ts";
import { paintState } from "./terminal.ts";
import { listVms } from "./vms.ts";

const HELP = `usage: denali ps [options]

Lists the virtual machines of the server.

${FILTER_HELP}
  -q, --quiet  print their names only
  --json      print them as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const ps: Command = {
  name: "ps",
  summary: "list the VMs of a server",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, {
      list: ["filter"],
      flag: ["json", "quiet"],
      alias: { q: "quiet" },
    });
    noWords(read);
    const vms = await listVms(client, filterQuery(read.list.filter));
    if (read.flag.json) console.log(JSON.stringify(vms, null, 2));
    else if (read.flag.quiet) vms.forEach(({ name }) => console.log(name));
    else console.log(vmTable(vms));
    return EXIT.OK;
  },
};

const HEADING = ["ID", "NAME", "IMAGE", "STATE", "MEMORY", "CELL", "ADDRESS", "PORTS"];

export function vmTable(vms: readonly VmSummary[]): string {
  return table([HEADING, ...vms.map(row)], { paint: { STATE: paintState } });
}

function row(vm: VmSummary): string[] {
  const ports = vm.publish.map(({ hostname, host, guest, protocol }) =>
    `${hostname}:${host}->${withProtocol(guest, protocol)}`
  );
  const state = vm.exitCode === undefined ? vm.state : `${vm.state} (${vm.exitCode})`;
  const { id, name, image, memory, cell, address } = vm;
  const where = [String(cell ?? "-"), address, ports.join(", ")];
  return [String(id), name, image, state, formatSize(memory), ...where];
}
