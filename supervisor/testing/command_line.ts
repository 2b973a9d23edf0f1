/** The command line from outside, for tests: a process for each command. */

import { assertEquals } from "@std/assert";
import { crashGuest, echoGuest, exitGuest, floodGuest, printGuest, spinGuest } from "./guests.ts";

export const MAIN = new URL("../../main.ts", import.meta.url).pathname;
/** What follows `deno` to run Denali. */
export const DENO_ARGS: readonly string[] = ["run", "-A", "--no-prompt", "--cached-only", MAIN];

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server, and verbs that talk to it. */
export interface CliServer {
  readonly url: string;
  run(...args: string[]): Promise<Outcome>;
  /** A verb that is done without a word on stderr; its standard output. */
  ok(...args: string[]): Promise<string>;
  /** A verb that is refused; what it says. */
  fails(...args: string[]): Promise<string>;
}

export function denali(args: readonly string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...DENO_ARGS, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

export async function runDenali(
  args: readonly string[],
  input = "",
  env: Record<string, string> = {},
): Promise<Outcome> {
  const child = denali(args, env).spawn();
  const writer = child.stdin.getWriter();
  // The command may end without reading its input.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** `denali up` on a free port; ended by SIGTERM, and its status checked. */
export async function withCliServer(
  options: readonly string[],
  test: (server: CliServer) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const words = ["up", "--listen", "127.0.0.1:0", "--cells", "1", ...options];
  const child = denali(words, env).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let url: string | undefined;
  while (url === undefined) {
    const { value } = await reader.read();
    if (value === undefined) throw new Error(`expected the URL of a server, got "${text}"`);
    text += value;
    url = /(https?:\/\/\S+)\n/.exec(text)?.[1];
  }
  const host = { DENALI_HOST: url };
  const run = (...args: string[]) => runDenali(args, "", host);
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };
  const fails = async (...args: string[]) => {
    const { code, stderr } = await run(...args);
    assertEquals(code, 1, args.join(" "));
    return stderr;
  };
  try {
    await test({ url, run, ok, fails });
  } finally {
    child.kill("SIGTERM");
  }
  assertEquals((await child.status).code, 0);
  await release(child, reader);
}

/** Ends a child that is still there, and lets go of its pipes. */
export async function release(
  child: Deno.ChildProcess,
  reader: { cancel(): Promise<void> },
): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended.
  }
  await child.status;
  await reader.cancel();
  await child.stderr.cancel();
  await child.stdin.close().catch(() => {});
}

export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denali-test-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A folder with the tiny guests as files, and two that cannot be loaded. */
export function withGuests(test: (folder: string) => Promise<void>): Promise<void> {
  const files = {
    hello: printGuest("hello\nthere\n"),
    five: printGuest("", 5),
    big: exitGuest(200),
    crash: crashGuest(),
    echo: echoGuest(),
    spin: spinGuest(),
    flood: floodGuest(64),
    broken: printGuest("").slice(0, 60),
    text: new TextEncoder().encode("this is no executable, whatever its name says\n"),
  };
  return withFolder(async (folder) => {
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.writeFile(`${folder}/${name}.elf`, bytes);
    }
    await test(folder);
  });
}
