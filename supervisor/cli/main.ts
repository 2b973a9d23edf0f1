/** Finds the verb, and turns what goes wrong into a message on stderr and an exit status. */

import { isFull } from "../host_error.ts";
import { RequestError } from "../request_error.ts";
import { type Command, describe, EXIT, Failure, nearest, UsageError } from "./command.ts";
import { audit } from "./audit.ts";
import { capture } from "./capture.ts";
import { completionOf } from "./completion.ts";
import { compose } from "./compose.ts";
import { attach } from "./console.ts";
import { create } from "./create.ts";
import { events } from "./events.ts";
import { disk } from "./disk.ts";
import { image, verifyVerb } from "./image.ts";
import { inspect } from "./inspect.ts";
import { kill, pause, restart, resume, rm, start, stop } from "./lifecycle.ts";
import { logs } from "./logs.ts";
import { port } from "./port.ts";
import { ps } from "./ps.ts";
import { run } from "./run.ts";
import { stats } from "./stats.ts";
import { token } from "./token.ts";
import { top } from "./top.ts";
import { up } from "./up.ts";
import { update } from "./update.ts";
import { version } from "./version.ts";
import { wait } from "./wait.ts";

export const COMMANDS: readonly Command[] = [
  run,
  up,
  create,
  ps,
  inspect,
  logs,
  attach,
  start,
  stop,
  kill,
  restart,
  pause,
  resume,
  wait,
  update,
  rm,
  stats,
  top,
  events,
  image,
  disk,
  port,
  capture,
  compose,
  token,
  audit,
  verifyVerb,
  version,
  completionOf(() => COMMANDS),
];

const HELP = `usage: denali COMMAND [options]

Denali runs small x86 programs, each in a virtual machine of its own.

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join("\n")}

\`denali COMMAND --help\` tells more, exit statuses included.
`;

/** Runs one command line; returns the exit status of the process. Never throws. */
export async function main(args: string[]): Promise<number> {
  const [word, ...rest] = args;
  try {
    return await dispatch(word, rest);
  } catch (error) {
    if (error instanceof UsageError || error instanceof RequestError) {
      const message = error instanceof RequestError ? describe(error) : error.message;
      console.error(`denali: ${message}`);
      console.error(`Try \`denali ${find(word) ? `${word} ` : ""}--help\`.`);
      return EXIT.USAGE;
    }
    if (error instanceof Failure) {
      console.error(`denali: ${error.message}`);
      return error.exitCode;
    }
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.PIPE;
    if (isFull(error)) {
      console.error(`denali: stdout: ${(error as Error).message}`);
      return EXIT.FAILED;
    }
    console.error("denali: this is a bug in Denali; please report it:");
    console.error(error);
    return EXIT.FAILED;
  }
}

async function dispatch(word: string | undefined, rest: string[]): Promise<number> {
  if (word === undefined) throw new UsageError("expected a command, got none");
  if (word === "help" && rest.length > 0) return await dispatch(rest[0], ["--help"]);
  if (["help", "--help", "-h"].includes(word)) {
    console.log(HELP.trimEnd());
    return EXIT.OK;
  }
  if (word === "--version") return await version.run(rest);
  const command = find(word);
  if (command === undefined) {
    const right = nearest(word, COMMANDS.map(({ name }) => name));
    throw new UsageError(`unknown command "${word}"${right ? `; did you mean "${right}"?` : ""}`);
  }
  if (asksForHelp(rest)) {
    console.log(command.help.trimEnd());
    return EXIT.OK;
  }
  return await command.run(rest);
}

function find(word: string | undefined): Command | undefined {
  return COMMANDS.find(({ name }) => name === word);
}

/** Words behind `--` are the guest's. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const ours = end < 0 ? args : args.slice(0, end);
  return ours.includes("--help") || ours.includes("-h");
}
