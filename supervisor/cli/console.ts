/**
 * `denali console`: stdin and stdout joined to a VM's keyboard and console, over a WebSocket.
 *
 * On a terminal each key goes to the VM as it is typed, Ctrl-C too; Ctrl-] leaves, as in telnet.
 */

import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, EXIT, Failure, oneWord, writeAll } from "./command.ts";

const HELP = `usage: denali console [--host URL] VM

Shows the console of a virtual machine as it writes, and types what comes on stdin. Ends when the
virtual machine ends. On a terminal every key is the machine's, Ctrl-C too: Ctrl-] leaves, and the
machine goes on. Elsewhere the end of stdin ends its input.

${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

/** Ctrl-]. */
const LEAVE = 0x1d;

export const attach: Command = {
  name: "console",
  summary: "talk to a VM on its console",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args);
    await converse(client, oneWord(read, "VM"));
    return EXIT.OK;
  },
};

async function converse(client: Client, vm: string): Promise<void> {
  const socket = await client.socket(vmPath(vm, "console"));
  const isTerminal = Deno.stdin.isTerminal();
  if (isTerminal) {
    // First: until then Ctrl-C would end this program.
    Deno.stdin.setRaw(true);
    console.error("(Ctrl-] leaves)\r");
  }
  try {
    const shown = show(socket);
    // Not awaited: a read of stdin cannot be ended, and the VM may end first.
    const endInput = () => client.send("POST", vmPath(vm, "console?close=1"), "");
    type(socket, isTerminal, endInput).catch((error) => console.error(`denali: ${error.message}`));
    await shown;
  } finally {
    if (isTerminal) Deno.stdin.setRaw(false);
  }
}

/** Writes what comes; resolves when the console has ended, rejects when nobody reads any more. */
async function show(socket: WebSocket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let written = Promise.resolve();
    socket.onmessage = ({ data }) => {
      written = written.then(() => writeAll(Deno.stdout, new Uint8Array(data)));
      written.catch(reject);
    };
    socket.onclose = ({ code, reason }) => {
      if (code === 1000) written.then(resolve, reject);
      else reject(new Failure(reason || `the console broke off (${code})`));
    };
  });
}

async function type(
  socket: WebSocket,
  isTerminal: boolean,
  endInput: () => Promise<unknown>,
): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (socket.readyState !== WebSocket.OPEN) return;
    if (count === null) return void await endInput();
    const leave = isTerminal ? buffer.subarray(0, count).indexOf(LEAVE) : -1;
    socket.send(buffer.slice(0, leave < 0 ? count : leave));
    if (leave >= 0) return socket.close(1000);
  }
}
