/**
 * For tests: a TAP device in a network namespace of its own, so that Linux's TCP stack judges ours.
 *
 * Linux is 10.0.0.2 on the far end of the link, the gateway 10.0.0.1. Needs root, /dev/net/tun and
 * iproute2; `missing()` says what is not there. Nothing outside the namespace is touched.
 */
import { Gateway } from "./gateway.ts";
import { ADDRESS_A, NETMASK, seededRandom } from "./simulation.ts";

const O_RDWR_NONBLOCK = 0o4002;
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const POLLIN = 1;
const FRAME_BUFFER = 2048;

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  });
}

export interface LinuxPeer {
  gateway: Gateway;
  /** Starts a command in the namespace. */
  spawn(command: string, ...args: string[]): Deno.ChildProcess;
  /** Runs one to its end; throws when it fails. */
  run(command: string, ...args: string[]): Promise<string>;
  close(): Promise<void>;
}

/** What keeps these tests from running here, or null. */
export function missing(): string | null {
  if (Deno.build.os !== "linux") return "they need Linux";
  if (Deno.uid() !== 0) return "they need root, for a network namespace and a TAP device";
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
  } catch (error) {
    return `/dev/net/tun does not open (${(error as Error).message}); load the tun module`;
  }
  for (const tool of ["ip", "python3"]) {
    try {
      new Deno.Command(tool, { args: ["-V"], stdout: "null", stderr: "null" }).outputSync();
    } catch {
      return `${tool} is not installed; install iproute2 and python3`;
    }
  }
  return null;
}

async function ip(...args: string[]): Promise<string> {
  return await output("ip", args);
}

async function output(command: string, args: string[]): Promise<string> {
  const result = await new Deno.Command(command, { args }).output();
  const text = new TextDecoder().decode(result.stdout);
  if (result.success) return text;
  const errors = new TextDecoder().decode(result.stderr);
  throw new Error(`${command} ${args.join(" ")} ended with ${result.code}: ${errors}${text}`);
}

/**
 * `loss`: the share of frames lost in each direction, here between TAP and gateway rather than by
 * `tc netem`, which many kernels lack.
 */
export async function startLinuxPeer(loss = 0): Promise<LinuxPeer> {
  const libc = openLibc();
  const space = `denali-${Deno.pid}-${Math.floor(Math.random() * 1e6)}`;
  const device = `tap${Deno.pid % 100_000}`;
  const tap = openTap(libc.symbols, device);
  await ip("netns", "add", space);
  await ip("link", "set", device, "netns", space);
  await ip("-n", space, "address", "add", "10.0.0.2/8", "dev", device);
  await ip("-n", space, "link", "set", device, "address", "02:44:4e:00:00:02", "up");
  await ip("-n", space, "link", "set", "lo", "up");
  const random = seededRandom(3);
  const lost = () => random() < loss * 2 ** 32;
  const gateway = new Gateway({
    address: ADDRESS_A,
    netmask: NETMASK,
    mac: new Uint8Array([2, 0x44, 0x4e, 0xff, 0xff, 1]),
    send: (frame) => {
      if (lost()) return true;
      return Number(libc.symbols.write(tap, frame as BufferSource, BigInt(frame.length))) > 0;
    },
    now: () => performance.now(),
    setTimer: (ms, f) => {
      const id = setTimeout(f, ms);
      return () => clearTimeout(id);
    },
  });
  const control = { stopped: false };
  const pumping = pump(libc.symbols, tap, (frame) => lost() || gateway.receive(frame), control);
  const inside = (command: string, args: string[]) => ["netns", "exec", space, command, ...args];
  return {
    gateway,
    spawn: (command, ...args) =>
      new Deno.Command("ip", { args: inside(command, args), stdout: "piped", stderr: "inherit" })
        .spawn(),
    run: (command, ...args) => output("ip", inside(command, args)),
    close: async () => {
      gateway.close();
      control.stopped = true;
      await pumping;
      libc.symbols.close(tap);
      libc.close();
      await ip("netns", "delete", space);
    },
  };
}

type Libc = ReturnType<typeof openLibc>["symbols"];

function openTap(libc: Libc, device: string): number {
  const tap = libc.open(new TextEncoder().encode("/dev/net/tun\0"), O_RDWR_NONBLOCK);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(device));
  new DataView(request.buffer).setUint16(16, IFF_TAP | IFF_NO_PI, true);
  if (tap < 0 || libc.ioctl(tap, BigInt(TUNSETIFF), request) < 0) {
    throw new Error(`cannot make the TAP device ${device}: run as root`);
  }
  return tap;
}

async function pump(
  libc: Libc,
  tap: number,
  deliver: (frame: Uint8Array) => void,
  control: { stopped: boolean },
) {
  const buffer = new Uint8Array(FRAME_BUFFER);
  const wait = new Uint8Array(8);
  const fields = new DataView(wait.buffer);
  fields.setInt32(0, tap, true);
  fields.setInt16(4, POLLIN, true);
  while (!control.stopped) {
    for (let frames = 0; frames < 64; frames++) {
      const length = Number(libc.read(tap, buffer, BigInt(FRAME_BUFFER)));
      if (length <= 0) break;
      deliver(buffer.subarray(0, length));
    }
    await libc.poll(wait, 1n, 20);
  }
}
