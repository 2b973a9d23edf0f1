/** The executors that `deno task bench cpu` compares: which there are here, and how each is started. */

import type { BuiltProgram } from "./build.ts";
import type { LineCommand } from "./line_process.ts";

export const V86 = "npm:v86@0.5.462";

export interface Executor {
  readonly name: string;
  /** What it needs on this machine and how to get it; nothing if it is part of this repository. */
  readonly needs?: { readonly probe: readonly string[]; readonly advice: string };
  command(program: BuiltProgram): LineCommand;
}

const script = (name: string) => new URL(name, import.meta.url).pathname;

function engine(name: "evaluator" | "translator"): Executor {
  const args = ["run", "--cached-only", "--allow-read", script("denali_process.ts"), name];
  return {
    name,
    command: ({ bare }) => ({ program: Deno.execPath(), args: [...args, bare] }),
  };
}

/** The translator as users get it: in a process that boots a VM with a library OS. */
const VM: Executor = {
  name: "vm",
  command: ({ image }) => ({
    program: Deno.execPath(),
    args: ["run", "--cached-only", "--allow-read", script("vm_process.ts"), "translator", image],
  }),
};

// Nothing but the processor, memory and a serial port; the host's clock does not matter to the guest.
const QEMU_SYSTEM = ["-accel", "tcg", "-cpu", "max", "-m", "16", "-nodefaults", "-no-reboot"];
const QEMU_DEVICES = ["-display", "none", "-serial", "stdio"];

export const EXECUTORS: readonly Executor[] = [
  {
    name: "native",
    command: ({ linux }) => ({ program: linux, args: [] }),
  },
  {
    name: "qemu-i386",
    needs: { probe: ["qemu-i386", "--version"], advice: "apt-get install qemu-user" },
    command: ({ linux }) => ({ program: "qemu-i386", args: [linux] }),
  },
  {
    name: "qemu-system",
    needs: { probe: ["qemu-system-i386", "--version"], advice: "apt-get install qemu-system-x86" },
    command: ({ multiboot }) => ({
      program: "qemu-system-i386",
      args: [...QEMU_SYSTEM, ...QEMU_DEVICES, "-kernel", multiboot],
      polls: true,
    }),
  },
  {
    name: "v86",
    needs: {
      probe: [Deno.execPath(), "cache", "--no-lock", V86],
      advice: `it is fetched from npm: deno cache --no-lock ${V86}`,
    },
    command: ({ multiboot }) => ({
      program: Deno.execPath(),
      args: [
        "run",
        "--no-lock",
        "--cached-only",
        "--allow-read",
        script("v86_process.ts"),
        V86,
        multiboot,
      ],
    }),
  },
  engine("evaluator"),
  VM,
  engine("translator"),
];

/** Whether the executor can be started here; if not, says what is missing. */
export async function isAvailable({ name, needs }: Executor): Promise<boolean> {
  if (!needs) return true;
  const [program, ...args] = needs.probe;
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    if ((await command.output()).success) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.warn(`${name} is left out, because it is not installed here (${needs.advice})`);
  return false;
}
