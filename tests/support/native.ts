/** Guest programs on the real processor: as Linux programs, and as images by tests/native/runner.c. */

import { fromRoot } from "../../guests/paths.ts";

export interface NativeResult {
  readonly output: string;
  readonly status: number;
}

const COMPILE = ["-m32", "-msse2", "-mfpmath=sse", "-w"];
/** The runner lies out of the way of the guest's memory, which begins at 0x1000. */
const RUNNER = ["-O2", "-static", "-no-pie", "-Wl,-Ttext-segment=0x60000000"];

/** Calls `use` with the path of a Linux program (i386) made from the source. */
export async function withNativeProgram<T>(
  source: string,
  use: (program: string) => Promise<T>,
  flags: readonly string[] = ["-O2"],
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "denali-native-" });
  try {
    const program = `${folder}/program`;
    const args = [...COMPILE, ...flags, "-o", program, source, "-lm", "-lpthread"];
    const { code, stderr } = await new Deno.Command("gcc", { args }).output();
    if (code !== 0) throw new Error(`gcc ${args.join(" ")}:\n${new TextDecoder().decode(stderr)}`);
    return await use(program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Calls `use` with the path of the runner. */
export function withRunner<T>(use: (runner: string) => Promise<T>): Promise<T> {
  return withNativeProgram(fromRoot("tests/native/runner.c"), use, RUNNER);
}

/** Runs a program with nothing on its standard input; gives up on it after a minute. */
export async function runNative(program: string, args: string[] = []): Promise<NativeResult> {
  const command = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(60_000),
  });
  const { code, stdout } = await command.output();
  return { output: new TextDecoder().decode(stdout), status: code };
}
