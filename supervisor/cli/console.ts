/**
 * `denali console`: stdin and stdout joined to a VM's keyboard and console, over a WebSocket.
 *
 * On a terminal each key goes to the VM as it is typed, Ctrl-C too; Ctrl-] leaves, as in telnet.
 */

import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { EXIT_SIGNAL, onSignals } from "./signals.ts";
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
/** Bytes of a request, and the pause when so many wait for the VM already. */
const PIECE = 64 * 1024, PAUSE_MS = 20;
/** Conflict and Too Many Requests: the VM does not run; its keyboard is full. */
const ENDED = 409, FULL = 429;

export const attach: Command = {
  name: "console",
  summary: "talk to a VM on its console",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args);
    const vm = oneWord(read, "VM");
    // A WebSocket that is refused does not tell why.
    await client.get(vmPath(vm));
    await converse(client, vm);
    return EXIT.OK;
  },
};

async function converse(client: Client, vm: string): Promise<void> {
  const broken = Promise.withResolvers<never>();
  let written = Promise.resolve();
  const { socket, closed } = await client.socket(vmPath(vm, "console"), (bytes) => {
    written = written.then(() => writeAll(Deno.stdout, new Uint8Array(bytes)));
    written.catch(broken.reject);
  });
  const isTerminal = Deno.stdin.isTerminal();
  // Whatever ends this program, the terminal must be as it was.
  const stopListening = onSignals((signal) =>
    broken.reject(new Failure(`ended by ${signal}`, EXIT_SIGNAL[signal]))
  );
  if (isTerminal) {
    // First: until then Ctrl-C would end this program.
    Deno.stdin.setRaw(true);
    console.error("(Ctrl-] leaves)\r");
  }
  try {
    const shown = closed.then(({ code, reason }) => {
      if (code !== 1000) throw new Failure(reason || `the console broke off (${code})`);
      return written;
    });
    const typed = isTerminal ? typeKeys(socket) : typeAll(client, vm);
    // A read of stdin cannot be ended, and the VM may end first.
    await Promise.race([broken.promise, shown, typed.then(() => shown)]);
  } finally {
    stopListening();
    if (isTerminal) Deno.stdin.setRaw(false);
  }
}

/** Each key as it comes, until the one that leaves. */
async function typeKeys(socket: WebSocket): Promise<void> {
  for await (const bytes of Deno.stdin.readable) {
    if (socket.readyState !== WebSocket.OPEN) return;
    const leave = bytes.indexOf(LEAVE);
    socket.send(leave < 0 ? bytes : bytes.subarray(0, leave));
    if (leave >= 0) return socket.close(1000);
  }
}

/** All of stdin and its end, no faster than the VM takes it: who sends has to wait for that. */
async function typeAll(client: Client, vm: string): Promise<void> {
  for await (const bytes of Deno.stdin.readable) {
    for (let done = 0; done < bytes.length; done += PIECE) {
      if (!await send(bytes.subarray(done, done + PIECE))) return;
    }
  }
  await send(new Uint8Array(0), "?close=1");

  /** False: the VM has ended. */
  async function send(bytes: Uint8Array<ArrayBuffer>, query = ""): Promise<boolean> {
    for (;;) {
      try {
        await (await client.send("POST", vmPath(vm, `console${query}`), bytes)).body?.cancel();
        return true;
      } catch (error) {
        const status = error instanceof Failure ? error.status : undefined;
        if (status === ENDED) return false;
        if (status !== FULL) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
