/** `denali run`: one VM in the foreground, in a process of its own without a server. */

import type { EngineSettings } from "../../cpu/engine_settings.ts";
import type { Mechanisms } from "../../kernel/mechanisms.ts";
import { Supervisor } from "../supervisor.ts";
import { POOL_MAXIMUM } from "../supervisor_settings.ts";
import { CHUNK_BYTES } from "../cell/protocol.ts";
import { describeImage, type StoredImage } from "../image/store.ts";
import { RequestError } from "../request_error.ts";
import type { VmSummary } from "../vm/record.ts";
import type { Resources } from "../vm/resources.ts";
import { MEMORY_DEFAULT, parseMemory, parseName, parsePublish } from "../vm/request.ts";
import { withProtocol } from "../vm/show.ts";
import {
  type Command,
  describe,
  EXIT,
  Failure,
  oneWord,
  readPairs,
  readWords,
  UsageError,
  writeAll,
} from "./command.ts";
import { type DiskFileSpec, readDiskFile } from "./disk_file.ts";
import { ENGINE_OPTIONS, engineHelp, readEngine } from "./engine.ts";
import { MECHANISM_OPTIONS, mechanismHelp, readMechanisms } from "./mechanisms.ts";
import { readImageBytes } from "./image_file.ts";
import { readResources, RESOURCE_HELP, RESOURCE_OPTIONS } from "./resources.ts";
import { readPool } from "./pool.ts";
import { readSwap, SWAP_OPTIONS, swapHelp } from "./swap.ts";
import { EXIT_SIGNAL, onSignals } from "./signals.ts";

const HELP = `usage: denali run [options] IMAGE [-- ARGUMENTS...]

Runs one virtual machine in the foreground: its console goes to stdout, stdin is its keyboard.
IMAGE is the path of an ELF executable linked with Ilwaco, or the name of a built-in guest.

  --memory SIZE         memory of the VM, 1M to 1G (default 16M)
  --pool SIZE           memory of the host for it, at least 4M (default: enough for all of it)
${swapHelp(24)}
  --name NAME           name of the VM (default vm-1)
  --publish HOST:GUEST  let a port of this host lead to one of the VM; /udp behind it for UDP;
                        ADDRESS:HOST:GUEST listens elsewhere than on 127.0.0.1, HOST 0 on any port;
                        may be repeated
  --disk FILE[:ro]      a disk: a file of raw blocks, which the VM may write to or only read; its
                        name is the file's without what follows the first dot; may be repeated
  -e, --env KEY=VALUE   a variable of the guest's environment; may be repeated
${RESOURCE_HELP}
  --deterministic       time is a function of the instructions executed, there is no network, and
                        input is handed over in blocks of 4096 bytes whenever the guest waits for
                        nothing else: the same input gives the same run
${engineHelp(24)}
  --report FILE         write the final state (reason, code, exception, registers, EFLAGS, FPU, XMM,
                        instructions executed) as JSON

${mechanismHelp(24)}

Exit status:
  0-125  the code the guest ended with; a greater code becomes 125, with a note on stderr
  126    the VM could not be made: the image cannot be loaded, or does not fit, or a port is taken
  127    bad command line
  130    ended by SIGINT
  134    the guest crashed; the crash report is on stderr
  141    nobody reads stdout any more
  143    ended by SIGTERM
`;

/** Room in the pool besides the VM's memory: the image's pages, and some. */
const POOL_EXTRA = 16 * 2 ** 20;
const GUEST_CODE_MAXIMUM = 125;
/** How long a run that was interrupted waits for a reader of its output. */
const OUTPUT_GRACE_MS = 500;
const INPUT_BLOCK = 4096;

export const run: Command = {
  name: "run",
  summary: "run one VM in the foreground",
  help: HELP,
  async run(args) {
    const options = readOptions(args);
    const image = await readImage(options.image);
    if (options.report !== undefined) await writeReport(options.report, "");
    const supervisor = await Supervisor.start({
      cells: 1,
      poolBytes: options.pool ?? poolBytes(options.memory, image.file.length),
      swap: options.swap,
      deterministic: options.deterministic,
      engine: options.engine,
      mechanisms: options.mechanisms,
      disks: { files: options.disks },
    });
    try {
      return await runVm(supervisor, image, options);
    } finally {
      await supervisor.close();
    }
  },
};

interface RunOptions {
  image: string;
  name: string | undefined;
  memory: number;
  pool: number | undefined;
  swap: ReturnType<typeof readSwap>;
  publish: string[];
  disks: readonly DiskFileSpec[];
  env: Record<string, string>;
  resources: Resources;
  args: readonly string[];
  deterministic: boolean;
  engine: EngineSettings;
  mechanisms: Partial<Mechanisms>;
  report: string | undefined;
}

function readOptions(args: string[]): RunOptions {
  const read = readWords(args, {
    text: [
      "memory",
      "pool",
      "name",
      "report",
      ...SWAP_OPTIONS,
      ...RESOURCE_OPTIONS,
      ...ENGINE_OPTIONS,
      ...MECHANISM_OPTIONS,
    ],
    list: ["publish", "disk", "env"],
    alias: { e: "env" },
    flag: ["deterministic"],
  });
  const { text, list, flag } = read;
  const options = {
    image: oneWord(read, "IMAGE (arguments of the guest go behind --)"),
    name: text.name,
    memory: text.memory === undefined ? MEMORY_DEFAULT : parseMemory(text.memory),
    pool: text.pool === undefined ? undefined : readPool(text.pool),
    swap: readSwap(text),
    publish: [...list.publish],
    disks: list.disk.map(readDiskFile),
    env: readPairs("env", list.env),
    resources: readResources(text),
    args: read.rest,
    deterministic: flag.deterministic,
    engine: readEngine(text),
    mechanisms: readMechanisms(text),
    report: text.report,
  };
  if (options.name !== undefined) parseName(options.name);
  for (const port of options.publish) parsePublish("publish", port);
  if (options.deterministic && (options.pool ?? options.swap) !== undefined) {
    throw new UsageError("--deterministic: expected neither --pool nor --swap: disks keep no time");
  }
  if (options.deterministic && options.publish.length > 0) {
    throw new UsageError("--deterministic: expected no --publish: the network keeps no such time");
  }
  if (options.deterministic && options.disks.length > 0) {
    throw new UsageError("--deterministic: expected no --disk: disks keep no such time");
  }
  return options;
}

function poolBytes(memory: number, imageBytes: number): number {
  const wanted = memory + 2 * imageBytes + POOL_EXTRA;
  return Math.min(POOL_MAXIMUM, Math.ceil(wanted / 4096) * 4096);
}

async function readImage(word: string): Promise<StoredImage> {
  return await describeImage(word.slice(word.lastIndexOf("/") + 1), await readImageBytes(word));
}

async function runVm(
  supervisor: Supervisor,
  image: StoredImage,
  options: RunOptions,
): Promise<number> {
  /** Exit status if something other than the guest ends the run. */
  let interrupted: number | undefined;
  /** Resolves when output that nobody takes is given up. */
  const abandoned = Promise.withResolvers<void>();
  const end = (code: number) => {
    interrupted ??= code;
    supervisor.stop(1).catch(() => {});
    setTimeout(abandoned.resolve, OUTPUT_GRACE_MS);
  };
  const stopListening = onSignals((signal) => end(EXIT_SIGNAL[signal]));
  try {
    await createVm(supervisor, image, options, async (bytes) => {
      if (interrupted === EXIT.PIPE) return;
      const written = writeAll(Deno.stdout, bytes).catch(() => end(EXIT.PIPE));
      await Promise.race([written, abandoned.promise]);
    });
    await supervisor.start(1);
    typeInput(supervisor, options.deterministic);
    const vm = await supervisor.ended(1);
    if (options.report !== undefined) {
      const report = JSON.stringify(await supervisor.report(1), null, 2);
      await writeReport(options.report, report + "\n");
    }
    return interrupted ?? exitStatus(vm);
  } finally {
    stopListening();
  }
}

async function createVm(
  supervisor: Supervisor,
  image: StoredImage,
  { name, memory, publish, disks, env, resources, args }: RunOptions,
  sink: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const request = {
    name,
    memory,
    env,
    ...resources,
    args,
    publish: publish.map((port) => parsePublish("publish", port)),
    disks: disks.map(({ name, readOnly }) => ({ name, readOnly })),
    start: false,
  };
  try {
    const { publish: ports } = await supervisor.createFrom(image, request, sink);
    for (const { hostname, host, guest, protocol } of ports) {
      const port = withProtocol(guest, protocol);
      console.error(`denali: ${hostname}:${host} leads to port ${port} of the VM`);
    }
  } catch (error) {
    if (error instanceof RequestError) throw new Failure(describe(error), EXIT.IMAGE);
    throw error;
  }
}

/** Hands stdin to the keyboard; returns at once. */
async function typeInput(supervisor: Supervisor, inBlocks: boolean): Promise<void> {
  try {
    for await (const piece of readInput(inBlocks ? INPUT_BLOCK : 1)) {
      await supervisor.keyboard(1, piece);
    }
    await supervisor.closeKeyboard(1);
  } catch {
    // The VM has ended, or stdin cannot be read: there is nobody left to type for.
  }
}

/** Stdin in pieces of at least `least` bytes; only the last may be shorter. */
async function* readInput(least: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(Math.max(least, CHUNK_BYTES));
  const limit = least === 1 ? buffer.length : least;
  for (let filled = 0;;) {
    const count = await Deno.stdin.read(buffer.subarray(filled, limit));
    filled += count ?? 0;
    if (filled >= least || (count === null && filled > 0)) {
      yield buffer.slice(0, filled);
      filled = 0;
    }
    if (count === null) return;
  }
}

/** Called before the run too: that the file cannot be written must not be found out at its end. */
async function writeReport(path: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, text);
  } catch (error) {
    throw new UsageError(`--report: cannot write ${path}: ${(error as Error).message}`);
  }
}

function exitStatus({ state, exitCode = 0, crash = "" }: VmSummary): number {
  if (state === "crashed") {
    console.error(crash.trimEnd());
    return EXIT.CRASHED;
  }
  if (exitCode <= GUEST_CODE_MAXIMUM) return exitCode;
  console.error(`denali: the guest ended with code ${exitCode}; exit status ${GUEST_CODE_MAXIMUM}`);
  return GUEST_CODE_MAXIMUM;
}
