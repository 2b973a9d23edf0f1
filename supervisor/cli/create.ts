/** `denali create`: new VMs on a server. */

import type { VmSummary } from "../vm/record.ts";
import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, oneWord, readPairs, UsageError } from "./command.ts";
import { readRules, VM_EGRESS_HELP } from "./egress.ts";
import { progress } from "./progress.ts";
import { readResources, RESOURCE_HELP, RESOURCE_OPTIONS } from "./resources.ts";
import { readRestart } from "./restart.ts";
import { resolveImage } from "./upload.ts";

const HELP = `usage: denali create [options] IMAGE [-- ARGUMENTS...]

Creates a virtual machine on the server, starts it, and prints its name. IMAGE is the name of a
built-in guest or of an uploaded image, or the path of an ELF file, which is uploaded first.

  --memory SIZE         memory of the VM, 1M to 1G (default 16M)
  --name NAME           a DNS label (default vm-N)
  --publish HOST:GUEST  let a port of the server's host lead to one of the VM; /udp behind it for
                        UDP; may be repeated
  --disk NAME[:ro]      a disk of the server, to write to or only to read; may be repeated
  -e, --env KEY=VALUE   a variable of the guest's environment; may be repeated
  --label KEY=VALUE     for \`denali ps --filter\`, and for tokens; may be repeated
  --restart POLICY      no (default), on-failure[:N], always or unless-stopped, as in docker
${VM_EGRESS_HELP}
${RESOURCE_HELP}
  --count N             create N of them, at most 100000; --name then gets -1 to -N behind it
  --no-start            do not start it
  --json                print the whole VM as JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const COUNT_MAXIMUM = 100_000;
/** Requests that are under way at once. */
const PARALLEL = 16;

export const create: Command = {
  name: "create",
  summary: "create a VM on a server and start it",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, {
      text: ["memory", "name", "count", "restart", ...RESOURCE_OPTIONS],
      list: ["publish", "disk", "env", "label", "egress"],
      flag: ["json", "no-start"],
      alias: { e: "env" },
    });
    const { text, list, flag } = read;
    const word = oneWord(read, "IMAGE (arguments of the guest go behind --)");
    const names = namesOf(text.name, text.count);
    const request = {
      memory: text.memory,
      publish: list.publish,
      disks: list.disk,
      env: readPairs("env", list.env),
      labels: readPairs("label", list.label),
      restart: readRestart(text.restart),
      egress: readRules(list.egress),
      args: read.rest,
      ...readResources(text),
      start: !flag["no-start"],
      image: await resolveImage(client, word),
    };
    await createAll(client, request, names, (vm) => {
      console.log(flag.json ? JSON.stringify(vm, null, 2) : vm.name);
    });
    return EXIT.OK;
  },
};

/** Undefined where the server is to find a name. */
function namesOf(name: string | undefined, count: string | undefined): (string | undefined)[] {
  if (count === undefined) return [name];
  const length = /^\d{1,6}$/.test(count) ? Number(count) : 0;
  if (length < 1 || length > COUNT_MAXIMUM) {
    throw new UsageError(`--count: expected a whole number from 1 to 100000, got "${count}"`);
  }
  return Array.from({ length }, (_, index) => name && `${name}-${index + 1}`);
}

/** Many at once, told in their order. Throws at the first refusal; what was made stays, and is told. */
async function createAll(
  client: Client,
  request: Readonly<Record<string, unknown>>,
  names: readonly (string | undefined)[],
  tell: (vm: VmSummary) => void,
): Promise<void> {
  const bar = progress("creating", names.length > 1 ? names.length : 0);
  const made: VmSummary[] = [];
  let next = 0, told = 0;
  const worker = async () => {
    while (next < names.length) {
      const index = next++;
      made[index] = await client.post<VmSummary>("/v1/vms", { ...request, name: names[index] });
      if (made[told] === undefined) continue;
      bar.finish();
      while (made[told] !== undefined) tell(made[told++]);
      bar.update(told);
    }
  };
  // One that is refused lets no other begin, but the others' requests are under way.
  const workers = Array.from(
    { length: Math.min(PARALLEL, names.length) },
    () =>
      worker().catch((error) => {
        next = names.length;
        throw error;
      }),
  );
  const results = await Promise.allSettled(workers);
  bar.finish();
  for (; told < made.length; told++) if (made[told] !== undefined) tell(made[told]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
