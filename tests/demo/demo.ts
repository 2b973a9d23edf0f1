/**
 * `deno task demo [--vms 100] [--seconds 5] [--warm-up 25] [--listen 127.0.0.1:0] [--serve]`: from a fresh checkout to
 * a fleet of web servers, each in its own virtual machine, checked and measured.
 *
 * Exit status 0 when every check held, 1 with the reason otherwise.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { progress } from "../../supervisor/cli/progress.ts";
import { contextSwitchMicroseconds } from "../load/context_switch.ts";
import { bootFleet, fetchPage, hostOf, strangers } from "../load/fleet.ts";
import { load, type LoadResult, percentile } from "../load/load.ts";
import { TestServer } from "../load/server.ts";

const HELP = `usage: deno task demo [--vms N] [--seconds N] [--warm-up N] [--listen HOST:PORT]
                         [--serve]

  --vms N             virtual machines to boot, 1 to 10000 (default 100)
  --seconds N         how long to load them, first cold and then warm (default 5)
  --warm-up N         seconds of load between the two (default 25): what is hot is translated
  --listen HOST:PORT  where the supervisor listens (default 127.0.0.1, any free port; 8080 with --serve)
  --serve             stay up afterwards and print the URLs`;

/** A check that did not hold; its message is the reason that the demo prints. */
class CheckFailed extends Error {}

interface Options {
  readonly vms: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly listen: string;
  readonly serve: boolean;
}

function readOptions(args: string[]): Options | string {
  const flags = parseArgs(args, {
    string: ["vms", "seconds", "warm-up", "listen"],
    boolean: ["serve", "help"],
    default: { vms: "100", seconds: "5", "warm-up": "25" },
    unknown: (word: string) => {
      throw new CheckFailed(`unknown argument "${word}"\n${HELP}`);
    },
  });
  if (flags.help) return HELP;
  const vms = wholeNumber("--vms", flags.vms, 1, 10_000);
  const seconds = wholeNumber("--seconds", flags.seconds, 1, 3600);
  const warmUp = wholeNumber("--warm-up", flags["warm-up"], 1, 3600);
  const listen = flags.listen ?? (flags.serve ? "127.0.0.1:8080" : "127.0.0.1:0");
  return { vms, seconds, warmUp, listen, serve: flags.serve };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CheckFailed(`${name}: expected a whole number from ${least} to ${most}, got "${text}"`);
}

function check(held: boolean, reason: string): void {
  if (!held) throw new CheckFailed(reason);
}

function none(problems: readonly string[], what: string): void {
  check(problems.length === 0, `${what}: ${problems.slice(0, 5).join("; ")}`);
}

/** Crashes one VM through its own page and checks that the supervisor knows and nobody else noticed. */
async function crashOne(server: TestServer, names: readonly string[]): Promise<string> {
  const victim = names[Math.floor(names.length / 2)];
  await fetchPage(server.address, victim, "/crash").catch(() => {}); // the connection dies with the VM
  const state = await stateAfterCrash(server, victim);
  check(
    state === "crashed",
    `${victim} dereferenced null; expected state "crashed", got "${state}"`,
  );
  const others = names.filter((name) => name !== victim);
  none(await strangers(server, others), "after one VM crashed, others stopped answering");
  return victim;
}

async function stateAfterCrash(server: TestServer, name: string): Promise<string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const { state } = await server.request("GET", `/v1/vms/${name}`);
    if (state === "crashed" || performance.now() > deadline) return state;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function kibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

/** How much the process has grown with each VM after the first. */
function residentPerVm(bytes: number, vms: number): string {
  return vms > 0 ? kibibytes(bytes / vms) : "not measured with one VM";
}

function print(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`  ${label.padEnd(width)}  ${value}`);
}

async function demo(options: Options, server: TestServer): Promise<void> {
  const { vms, seconds, warmUp } = options;
  // The first VM warms up the program itself; what each further one costs is counted from there.
  let firstBytes = 0;
  const booting = progress("booting", vms);
  const fleet = await bootFleet(server, vms, async (booted) => {
    booting.update(booted);
    if (booted === 1) firstBytes = await server.residentBytes();
  }).finally(booting.finish);
  console.log(`booted ${vms} virtual machines in ${fleet.seconds.toFixed(2)} s`);

  none(await strangers(server, fleet.names), "not every VM answered as itself");
  console.log(`fetched the page of each: every one answered as itself`);
  const idleBytes = await server.residentBytes();
  const system = await server.request("GET", "/v1/system");

  const connections = Math.min(32, vms);
  const drive = async (seconds: number): Promise<LoadResult> => {
    const result = await load({
      address: server.address,
      hosts: fleet.names.map(hostOf),
      path: "/",
      connections,
      seconds,
    });
    none(Object.entries(result.failures).map(([what, n]) => `${n} x ${what}`), "requests failed");
    check(result.answered > 0, "no request was answered under load");
    return result;
  };
  console.log(`loading all of them over ${connections} connections for ${seconds} s ...`);
  const cold = await drive(seconds);
  console.log(`... for ${warmUp} s more, in which their code is translated ...`);
  await drive(warmUp);
  console.log(`... and for ${seconds} s again`);
  const warm = await drive(seconds);

  if (vms > 1) {
    const victim = await crashOne(server, fleet.names);
    console.log(`crashed ${victim} on purpose: the other ${vms - 1} did not notice`);
  }

  const frames = system.frames;
  console.log("");
  print([
    ["boots per second", (vms / fleet.seconds).toFixed(0)],
    ["create to first byte, p50", milliseconds(percentile(fleet.firstByte, 0.5))],
    ["create to first byte, p99", milliseconds(percentile(fleet.firstByte, 0.99))],
    ["requests per second, at first", (cold.answered / cold.seconds).toFixed(0)],
    ["requests per second, warm", (warm.answered / warm.seconds).toFixed(0)],
    ["latency, warm, p50", milliseconds(percentile(warm.latencies, 0.5))],
    ["latency, warm, p99", milliseconds(percentile(warm.latencies, 0.99))],
    ["resident memory per VM", residentPerVm(idleBytes - firstBytes, vms - 1)],
    ["private frames per VM", `${kibibytes((frames.private * 4096) / vms)}`],
    ["page frames shared", `${frames.image} image frames, each used by ${vms} VMs`],
    ["context switch", `${contextSwitchMicroseconds().toFixed(2)} µs`],
  ]);
}

async function main(): Promise<number> {
  let server: TestServer | undefined;
  try {
    const options = readOptions(Deno.args);
    if (typeof options === "string") {
      console.log(options);
      return 0;
    }
    await buildGuests();
    server = await TestServer.start({ listen: options.listen });
    console.log(`supervisor at ${server.url}`);
    await demo(options, server);
    if (options.serve) await serve(server, options);
    return 0;
  } catch (error) {
    console.error(`demo: ${(error as Error).message}`);
    return 1;
  } finally {
    await server?.stop();
  }
}

/** Prints the URLs and waits for SIGINT or SIGTERM. */
async function serve(server: TestServer, { vms }: Options): Promise<void> {
  const { port } = server.address;
  console.log(`\ncontrol   ${server.url}/v1/vms`);
  console.log(`machines  http://vm-1.localhost:${port}/ ... http://vm-${vms}.localhost:${port}/`);
  console.log("stop with Ctrl-C");
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, resolve);
  });
}

Deno.exit(await main());
