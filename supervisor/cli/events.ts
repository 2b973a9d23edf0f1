/** `denali events`: what happened on a server. */

import { TextLineStream } from "@std/streams";
import type { SupervisorEvent } from "../event_log.ts";
import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords, writeLine } from "./command.ts";
import { readNumber } from "./number.ts";

const HELP = `usage: denali events [-f] [--after ID] [--json] [--host URL]

Prints what happened on the server, oldest first: VMs that were made, started, ended or crashed,
disks that failed, cells that died.

  -f, --follow  go on with what happens
  --after ID  only events with a greater number
  --json      print each event as a line of JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

export const events: Command = {
  name: "events",
  summary: "print what happened on a server",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, {
      text: ["after"],
      flag: ["json", "follow"],
      alias: { f: "follow" },
    });
    noWords(read);
    const after = readNumber("after", read.text.after ?? "0", 0, Number.MAX_SAFE_INTEGER);
    const all = read.flag.follow
      ? follow(client, after)
      : client.log<SupervisorEvent>("/v1/events", after);
    for await (const event of all) {
      await writeLine(read.flag.json ? JSON.stringify(event) : describe(event));
    }
    return EXIT.OK;
  },
};

/** Server-sent events (WHATWG HTML, 9.2): of each, the line that begins with "data:". */
async function* follow(client: Client, after: number): AsyncGenerator<SupervisorEvent> {
  const headers = { accept: "text/event-stream", "last-event-id": String(after) };
  const response = await client.send("GET", "/v1/events", undefined, headers);
  const lines: ReadableStream<string> = ReadableStream.from(client.bytes(response))
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (line.startsWith("data:")) yield JSON.parse(line.slice("data:".length));
  }
}

function describe({ id, time, type, vm, message }: SupervisorEvent): string {
  const subject = vm === undefined ? "" : ` vm ${vm}`;
  return `${id} ${time} ${type}${subject}${message === undefined ? "" : `: ${message}`}`;
}
