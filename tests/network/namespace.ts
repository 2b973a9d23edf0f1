/**
 * For tests: network namespaces, in which Linux is the far end of a TAP device or of a veth pair.
 *
 * Needs root and iproute2. Nothing outside of a namespace gets an address or a route, and everything goes
 * with its namespace.
 */

import { hasTool } from "../tools.ts";

const WHY = "Linux is the far end of the virtual machines' link";

/** Whether namespaces and TAP devices can be made here; otherwise says what keeps them from it. */
export async function hasNamespaces(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    console.warn(`ignored here, because it takes root on Linux: ${WHY}`);
    return false;
  }
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
  } catch (error) {
    console.warn(`ignored here, because of ${(error as Error).message}: ${WHY}`);
    return false;
  }
  return await hasTool("ip", WHY) && await hasTool("python3", WHY);
}

/** A name of at most 15 characters that nobody else uses. */
export function uniqueName(prefix: string): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0];
  return `${prefix}${(random % 0x10000000).toString(16).padStart(7, "0")}`;
}

/** Runs a program to its end; what it wrote. Throws if it failed. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  const errors = new TextDecoder().decode(stderr);
  throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors}${text}`);
}

export class Namespace implements AsyncDisposable {
  private constructor(readonly name: string) {}

  static async create(): Promise<Namespace> {
    const name = uniqueName("denali-");
    await run("ip", "netns", "add", name);
    const namespace = new Namespace(name);
    await namespace.ip("link", "set", "lo", "up");
    return namespace;
  }

  /** `ip` in this namespace. */
  ip(...args: string[]): Promise<string> {
    return run("ip", "-n", this.name, ...args);
  }

  /** The words that run a command in this namespace. */
  inside(command: string, ...args: string[]): [string, ...string[]] {
    return ["ip", "netns", "exec", this.name, command, ...args];
  }

  run(command: string, ...args: string[]): Promise<string> {
    return run(...this.inside(command, ...args));
  }

  python(program: string, ...args: string[]): Promise<string> {
    return this.run("python3", "-c", program, ...args);
  }

  /** Starts a program; its stdout is piped. */
  spawn(command: string, ...args: string[]): Deno.ChildProcess {
    const [program, ...words] = this.inside(command, ...args);
    return new Deno.Command(program, { args: words, stdout: "piped", stderr: "inherit" }).spawn();
  }

  /** Moves a device of the host's here, with an address, and sets it up. */
  async take(device: string, address: string): Promise<void> {
    await run("ip", "link", "set", device, "netns", this.name);
    await this.quiet(device);
    await this.ip("address", "add", address, "dev", device);
    await this.ip("link", "set", device, "up");
  }

  /** No IPv6, whose announcements would come into counts of frames. */
  async quiet(device: string): Promise<void> {
    const setting = `/proc/sys/net/ipv6/conf/${device}/disable_ipv6`;
    await this.run("sh", "-c", `! [ -e ${setting} ] || echo 1 >${setting}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("ip", "netns", "delete", this.name);
  }
}
