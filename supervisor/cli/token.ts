/** `denali token`: who may use a server. */

import { ROLES } from "../http/security/access.ts";
import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import {
  type Command,
  EXIT,
  noWords,
  oneOf,
  oneWord,
  readPairs,
  someWords,
  subcommand,
} from "./command.ts";
import { each } from "./each.ts";
import { table } from "./table.ts";

interface Token {
  readonly name: string;
  readonly role: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly created: string;
}

const HELP = `usage: denali token create [--role ROLE] [--label KEY=VALUE] NAME
       denali token ls [--json]
       denali token rm NAME...

Tokens let programs use a server: DENALI_TOKEN holds one. Without any token whoever reaches the
server may do everything; from the first one on, which must be an admin's, every request needs one.

create  makes a token and prints it; it is never shown again
ls      lists names and roles
rm      takes tokens back: they are refused from then on

  --role ROLE  reader looks, operator (default) makes and changes VMs and disks, admin also tokens
  --label KEY=VALUE  only VMs with this label exist for it; may be repeated
  --json      print JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const token: Command = {
  name: "token",
  summary: "make, list and take back tokens",
  help: HELP,
  run: subcommand("token", { create, ls, rm }),
};

async function create(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, {
    text: ["role"],
    list: ["label"],
    flag: ["json"],
  });
  const name = oneWord(read, "NAME");
  const role = oneOf("--role", read.text.role ?? "operator", ROLES);
  const labels = read.list.label.length > 0 ? readPairs("label", read.list.label) : undefined;
  const made = await client.post<Token & { token: string }>("/v1/tokens", { name, role, labels });
  console.log(read.flag.json ? JSON.stringify(made, null, 2) : made.token);
  return EXIT.OK;
}

async function ls(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { flag: ["json"] });
  noWords(read);
  const tokens = await client.get<Token[]>("/v1/tokens");
  if (read.flag.json) console.log(JSON.stringify(tokens, null, 2));
  else console.log(table([["NAME", "ROLE", "LABELS", "CREATED"], ...tokens.map(row)]));
  return EXIT.OK;
}

function row({ name, role, labels = {}, created }: Token): string[] {
  const limits = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [name, role, limits.join(" ") || "-", created];
}

async function rm(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args);
  return await each(someWords(read, "NAME"), async (name) => {
    await client.delete(`/v1/tokens/${encodeURIComponent(name)}`);
    console.log(name);
  });
}
