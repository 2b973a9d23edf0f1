/** `denali audit`: who changed what, from where. */

import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords } from "./command.ts";
import { readNumber } from "./number.ts";
import { table } from "./table.ts";

interface Entry {
  readonly id: number;
  readonly time: string;
  readonly caller: string;
  readonly remote: string;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly subject: string | null;
}

const HELP = `usage: denali audit [--after ID] [--json] [--host URL]

Prints every change that was asked of the server, oldest first: when, by which token ("-" where
none was needed), from where, what, and how it was answered. Needs an admin's token where there are
tokens.

  --after ID  only entries with a greater number
  --json      print JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const HEADING = ["ID", "TIME", "BY", "FROM", "ANSWER", "REQUEST", "SUBJECT"];

export const audit: Command = {
  name: "audit",
  summary: "print who changed what on a server",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, { text: ["after"], flag: ["json"] });
    noWords(read);
    const after = readNumber("after", read.text.after ?? "0", 0, Number.MAX_SAFE_INTEGER);
    const entries = await Array.fromAsync(client.log<Entry>("/v1/audit", after));
    if (read.flag.json) console.log(JSON.stringify(entries, null, 2));
    else console.log(table([HEADING, ...entries.map(row)]));
    return EXIT.OK;
  },
};

function row({ id, time, caller, remote, method, path, status, subject }: Entry): string[] {
  const answer = status === null ? "none" : String(status);
  return [String(id), time, caller || "-", remote, answer, `${method} ${path}`, subject ?? ""];
}
