/** `denali port`: TCP ports of the server's host that lead to VMs. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords, someWords, subcommand, UsageError } from "./command.ts";
import { each } from "./each.ts";
import { table } from "./table.ts";

interface Port {
  readonly hostname: string;
  readonly host: number;
  readonly name: string;
  readonly guest: number;
  readonly open: number;
  readonly accepted: number;
  readonly failed: number;
}

const HELP = `usage: denali port ls [--json]
       denali port add VM [ADDRESS:]HOST:GUEST...
       denali port rm [ADDRESS:]HOST...

ls   lists the published ports, where they lead to, and their connections: open now, accepted, and
     those among them that did not reach the virtual machine
add  publishes ports of a virtual machine, also while it runs; HOST 0 is any free one
rm   closes ports and their connections; ADDRESS is 127.0.0.1 unless it is given

  --json      print JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const HEADING = ["LISTENS", "VM", "PORT", "OPEN", "ACCEPTED", "FAILED"];

export const port: Command = {
  name: "port",
  summary: "publish, list and close ports of VMs",
  help: HELP,
  run: subcommand("port", { ls, add, rm }),
};

async function ls(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { flag: ["json"] });
  noWords(read);
  const ports = await client.get<Port[]>("/v1/ports");
  if (read.flag.json) console.log(JSON.stringify(ports, null, 2));
  else console.log(table([HEADING, ...ports.map(row)]));
  return EXIT.OK;
}

function row({ hostname, host, name, guest, open, accepted, failed }: Port): string[] {
  return [`${hostname}:${host}`, name, ...[guest, open, accepted, failed].map(String)];
}

async function add(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { flag: ["json"] });
  const [vm, ...publish] = someWords(read, "VM");
  if (publish.length === 0) throw new UsageError("expected HOST:GUEST behind the VM, got none");
  return await each(publish, async (word) => {
    const made = await client.post<Port>("/v1/ports", { vm, publish: word });
    console.log(read.flag.json ? JSON.stringify(made, null, 2) : `${made.hostname}:${made.host}`);
  });
}

async function rm(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args);
  return await each(someWords(read, "HOST"), async (word) => {
    const [, hostname = "127.0.0.1", host] = /^(?:\[?(.+?)\]?:)?(\d{1,5})$/.exec(word) ?? [];
    if (host === undefined) throw new UsageError(`expected [ADDRESS:]HOST, got "${word}"`);
    await client.delete(`/v1/ports/${encodeURIComponent(hostname)}/${host}`);
    console.log(word);
  });
}
