/** `denali port`: ports of the server's host that lead to VMs. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords, someWords, subcommand, UsageError } from "./command.ts";
import { each } from "./each.ts";
import { table } from "./table.ts";
import type { Protocol } from "../vm/request.ts";
import { withProtocol } from "../vm/show.ts";

interface Port {
  readonly hostname: string;
  readonly host: number;
  readonly name: string;
  readonly guest: number;
  readonly protocol: Protocol;
  readonly open: number;
  readonly accepted: number;
  readonly failed: number;
}

const HELP = `usage: denali port ls [--json]
       denali port add VM [ADDRESS:]HOST:GUEST[/udp]...
       denali port rm [ADDRESS:]HOST[/udp]...

ls   lists the published ports, where they lead to, and their connections: open now, accepted, and
     those among them that did not reach the virtual machine; of a UDP port clients, open are those
     of the last minute
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

function row({ hostname, host, name, guest, protocol, open, accepted, failed }: Port): string[] {
  const counts = [open, accepted, failed].map(String);
  return [`${hostname}:${host}`, name, withProtocol(guest, protocol), ...counts];
}

function place({ hostname, host, protocol }: Port): string {
  return `${hostname}:${withProtocol(host, protocol)}`;
}

async function add(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { flag: ["json"] });
  const [vm, ...publish] = someWords(read, "VM");
  if (publish.length === 0) throw new UsageError("expected HOST:GUEST behind the VM, got none");
  return await each(publish, async (word) => {
    const made = await client.post<Port>("/v1/ports", { vm, publish: word });
    console.log(read.flag.json ? JSON.stringify(made, null, 2) : place(made));
  });
}

async function rm(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args);
  return await each(someWords(read, "HOST"), async (word) => {
    const [, hostname = "127.0.0.1", host, protocol = "tcp"] =
      /^(?:\[?(.+?)\]?:)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(word) ?? [];
    if (host === undefined) throw new UsageError(`expected [ADDRESS:]HOST[/udp], got "${word}"`);
    await client.delete(`/v1/ports/${encodeURIComponent(hostname)}/${host}?protocol=${protocol}`);
    console.log(word);
  });
}
