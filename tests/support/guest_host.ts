/** Guests of the catalog as their users meet them: in a supervisor with real ports, or as Linux programs. */

import { buildGuests, GUESTS } from "../../guests/build.ts";
import { sourcesIn } from "../../guests/library.ts";
import { fromRoot } from "../../guests/paths.ts";
import { Supervisor, type VmParameters } from "../../supervisor/supervisor.ts";

/** Bound of every wait. */
const PATIENCE_MS = 60_000;
const decoder = new TextDecoder();

export interface RunningGuest {
  readonly name: string;
  /** IPv4, for other VMs. */
  readonly address: string;
  /** On 127.0.0.1: where its first published port is. */
  readonly port: number;
  /** What it has written so far. */
  console(): string;
  /** Waits until the console has it; throws if the VM ends or a minute passes before. */
  says(expected: string | RegExp): Promise<string>;
  /** Waits for its end: the exit code and the console. */
  ended(): Promise<{ code: number | undefined; console: string }>;
}

export type BootOptions = Omit<VmParameters, "image" | "publish"> & {
  /** Ports of the guest that the host gets; the first is `port`. */
  readonly publish?: readonly number[];
};

export class GuestHost {
  constructor(readonly supervisor: Supervisor) {}

  /** Builds nothing: call `prepare` once per test file. */
  static async use(test: (host: GuestHost) => Promise<void>, cells = 1): Promise<void> {
    const dataFolder = await Deno.makeTempDir({ prefix: "denali-guests-" });
    const supervisor = await Supervisor.start({ cells, poolBytes: 512 * 2 ** 20, dataFolder });
    try {
      await test(new GuestHost(supervisor));
    } finally {
      await supervisor.close();
      await Deno.remove(dataFolder, { recursive: true });
    }
  }

  /** Makes a disk of `bytes` with this content. */
  async importDisk(name: string, content: ReadableStream<Uint8Array>, bytes: number) {
    await this.supervisor.disks!.store.import(name, content, { bytes });
  }

  /** Boots a guest of the catalog. */
  async boot(image: string, options: BootOptions = {}): Promise<RunningGuest> {
    const publish = (options.publish ?? []).map((guest) => ({
      hostname: "127.0.0.1",
      host: 0,
      guest,
    }));
    const vm = await this.supervisor.create({ ...options, image, publish });
    const { supervisor } = this, { name, address } = vm;
    const text = () => decoder.decode(supervisor.consoleHistory(name));
    return {
      name,
      address,
      port: vm.publish[0]?.host ?? 0,
      console: text,
      async says(expected) {
        const has = (text: string) =>
          typeof expected === "string" ? text.includes(expected) : expected.test(text);
        const signal = AbortSignal.timeout(PATIENCE_MS);
        while (!has(text())) {
          const { state, reason } = supervisor.get(name);
          if (signal.aborted || state !== "running") {
            throw new Error(`expected ${expected}, ${state} ${reason ?? ""} with:\n${text()}`);
          }
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return text();
      },
      async ended() {
        const { exitCode } = await supervisor.ended(name, AbortSignal.timeout(PATIENCE_MS));
        return { code: exitCode, console: text() };
      },
    };
  }
}

/** Builds guests of the catalog, as images. */
export async function prepare(...names: string[]): Promise<void> {
  await buildGuests(names);
}

/** Compiles a guest of the catalog with the host's gcc for the host; the caller removes the file. */
export async function nativeGuest(name: string, flags: readonly string[] = []): Promise<string> {
  const guest = GUESTS.find((guest) => guest.name === name)!;
  const sources = (await Promise.all(
    [...guest.sources, ...guest.native ?? []].map(async (path) =>
      path.endsWith(".c") ? [path] : await sourcesIn(path)
    ),
  )).flat();
  const program = await Deno.makeTempFile({ prefix: `denali-${name}-` });
  const args = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", ...flags, "-pthread"];
  // Ilwaco's own headers are found behind the host's, so that only those that Linux lacks are used.
  args.push("-D_GNU_SOURCE", "-DDENALI_NATIVE", "-idirafter", fromRoot("ilwaco/include"));
  const result = await new Deno.Command("gcc", {
    args: [...args, "-o", program, ...sources.map(fromRoot)],
  }).output();
  if (!result.success) throw new Error(decoder.decode(result.stderr));
  return program;
}

export interface NativeGuest {
  readonly port: number;
  /** Waits until it has written this. */
  says(expected: string): Promise<string>;
  /** Ends it and returns what it wrote. */
  stop(signal?: Deno.Signal): Promise<string>;
}

/** Starts a native guest that prints "listening on port N". */
export async function startNative(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<NativeGuest> {
  const command = new Deno.Command(program, { args: [...args], env, stdout: "piped" });
  const process = command.spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  async function until(condition: () => boolean): Promise<string> {
    while (!condition()) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${program} ended; it wrote:\n${text}`);
      text += value;
    }
    return text;
  }
  await until(() => /listening on port \d+/.test(text));
  return {
    port: Number(/listening on port (\d+)/.exec(text)![1]),
    says: (expected) => until(() => text.includes(expected)),
    async stop(signal = "SIGKILL") {
      process.kill(signal);
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      await process.status;
      return text;
    },
  };
}

/** Calls `test` with the port of a native guest, which lives until that ends. */
export async function onLinux(
  program: string,
  env: Record<string, string>,
  test: (port: number) => Promise<void>,
): Promise<void> {
  const server = await startNative(program, [], { port: "0", ...env });
  try {
    await test(server.port);
  } finally {
    await server.stop();
  }
}

/** Calls `test` with the port of a guest in a VM and, after that, of `program`, the same on Linux. */
export async function onVmAndLinux(
  image: string,
  program: string,
  options: BootOptions,
  test: (port: number) => Promise<void>,
): Promise<void> {
  await GuestHost.use(async (host) => {
    const vm = await host.boot(image, options);
    await vm.says("listening");
    await test(vm.port);
  });
  await onLinux(program, { ...options.env }, test);
}

/** Runs a program to its end, a minute at most. */
export async function runTool(program: string, args: readonly string[], stdin?: Uint8Array) {
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const process = command.spawn();
  if (stdin) {
    const writer = process.stdin.getWriter();
    writer.write(stdin).then(() => writer.close()).catch(() => {});
  }
  const { code, stdout, stderr } = await process.output();
  return { code, bytes: stdout, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
