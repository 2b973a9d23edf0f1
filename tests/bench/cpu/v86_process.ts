/**
 * A process that answers lines with what a Multiboot kernel gives on npm's v86.
 *
 *     deno run --no-lock --allow-read v86_process.ts FILE
 *
 * v86 needs no BIOS for a Multiboot kernel, but its WebAssembly module, which lies in the same package.
 * The kernel polls for input, so the emulator is stopped between answer and question. The import is not a
 * literal, so that neither `deno check` nor the lock file of the program knows the package.
 */

interface Emulator {
  add_listener(event: "serial0-output-byte", listener: (byte: number) => void): void;
  run(): Promise<void>;
  stop(): Promise<void>;
  serial0_send(text: string): void;
}

const [specifier, path] = Deno.args;
const { V86 } = await import(specifier) as {
  V86: new (options: Record<string, unknown>) => Emulator;
};
const file = Deno.readFileSync(path);
const emulator = new V86({
  wasm_path: new URL(import.meta.resolve(`${specifier}/build/v86.wasm`)).pathname,
  memory_size: 16 << 20,
  vga_memory_size: 1 << 20,
  multiboot: { buffer: file.buffer },
  autostart: true,
});

let line: number[] = [];
let stopping = Promise.resolve();
emulator.add_listener("serial0-output-byte", (byte) => {
  line.push(byte);
  if (byte !== 10) return;
  Deno.stdout.writeSync(Uint8Array.from(line));
  line = [];
  stopping = emulator.stop();
});

for await (const question of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  await stopping;
  await emulator.run();
  emulator.serial0_send(question);
}
Deno.exit(0);
