/** `denali update`: other limits for VMs that exist, also while they run. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, readPairs, someWords, UsageError } from "./command.ts";
import { each } from "./each.ts";
import { readRules, VM_EGRESS_HELP } from "./egress.ts";
import { readRestart } from "./restart.ts";
import { readResources, RESOURCE_HELP, RESOURCE_OPTIONS } from "./resources.ts";

const HELP = `usage: denali update [options] VM...

Changes what virtual machines may use of the processor and the network, and when they are started
again, from now on, also while they run. VM is a number or a name. What is not named stays as it is;
the value none takes a limit away.

${VM_EGRESS_HELP}. default: what the server lets all reach
${RESOURCE_HELP}
  --disk NAME[:ro]      the disks that a stopped VM has from now on, instead of those before; may be
                        repeated; none: no disks
  --label KEY=VALUE     the labels from now on, instead of those before; may be repeated
  --restart POLICY      no, on-failure[:N], always or unless-stopped
  --json                print each virtual machine afterwards as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const update: Command = {
  name: "update",
  summary: "change what VMs may use",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, {
      text: ["restart", ...RESOURCE_OPTIONS],
      list: ["egress", "disk", "label"],
      flag: ["json"],
    });
    const words = someWords(read, "VM");
    const restart = readRestart(read.text.restart);
    const { egress, disk, label } = read.list;
    const disks = disk.length === 1 && disk[0] === "none" ? [] : disk;
    const rules = egress?.length === 1 && egress[0] === "default" ? null : readRules(egress);
    const change = {
      ...readResources(read.text),
      ...restart !== undefined && { restart },
      ...rules !== undefined && { egress: rules },
      ...disk.length > 0 && { disks },
      ...label.length > 0 && { labels: readPairs("label", label) },
    };
    if (Object.keys(change).length === 0) {
      throw new UsageError("expected something to change, got nothing");
    }
    return await each(words, async (vm) => {
      const answer = await client.patch(vmPath(vm), change);
      console.log(read.flag.json ? JSON.stringify(answer, null, 2) : vm);
    });
  },
};
