/** `denali up`: the supervisor, its control endpoint and the ingress, until a signal. */

import type { EngineSettings } from "../../cpu/engine_settings.ts";
import type { Mechanisms } from "../../kernel/mechanisms.ts";
import { checkPlace, listen, ListenError, type Place } from "../listen.ts";
import { RequestError } from "../request_error.ts";
import type { SwapSettings } from "../swap/swap_worker.ts";
import { Supervisor } from "../supervisor.ts";
import { CELLS_MAXIMUM } from "../supervisor_settings.ts";
import { type Command, describe, EXIT, Failure, readWords, UsageError } from "./command.ts";
import type { DiskLimits } from "../disk/store.ts";
import { DISK_LIMIT_OPTIONS, readDiskLimits } from "./disk_limits.ts";
import { ENGINE_OPTIONS, engineHelp, readEngine } from "./engine.ts";
import { MECHANISM_OPTIONS, mechanismHelp, readMechanisms } from "./mechanisms.ts";
import { readPool } from "./pool.ts";
import { readSwap, SWAP_OPTIONS, swapHelp } from "./swap.ts";
import { EGRESS_HELP, readEgressOptions } from "./egress.ts";
import type { EgressSettings } from "../egress/egress.ts";
import { onSignals } from "./signals.ts";
import { readUplink, UPLINK_HELP } from "./uplink.ts";
import type { UplinkSettings } from "../uplink/settings.ts";
import { UplinkError } from "../uplink/tap_wire.ts";

const HELP = `usage: denali up [options]

Runs the supervisor. Its control endpoint and the web servers of the VMs share one address:
http://127.0.0.1:8080/v1/vms is the endpoint, http://NAME.localhost:8080/ is the VM called NAME.
SIGINT and SIGTERM stop it: every VM is ended and every port closed.

  --listen HOST:PORT  where to listen (default 127.0.0.1:8080; port 0: any free one)
                      an address that others reach needs a token, and --cert and --key or --plain
  --socket PATH       listen on a unix socket, for its owner only; with --listen on both
  --cert FILE         certificate chain for TLS (PEM)
  --key FILE          its private key (PEM)
  --plain             no TLS where others reach it: something else keeps that network private
  --admin-token FILE  file with a token of at least 16 characters that may do everything
  --cors ORIGIN       let pages of that site use the endpoint; may be repeated
  --cells N           threads that run VMs, 1 to 64 (default: one per processor, at most 8, and no
                      more than have their pools in the host's memory)
  --pool SIZE         memory of each cell for its VMs (default 1G; taken only as it is used)
${swapHelp(22)}
${UPLINK_HELP}
${EGRESS_HELP}
  --data DIR          folder that keeps VMs, images, disks, tokens and events
                      (default: all of them are gone with the server)
  --disk-max SIZE     bytes that one disk may hold (default 1T)
  --disks-max SIZE    bytes that all disks together may hold, written or not (default 16T)
${engineHelp(22)}

${mechanismHelp(22)}

Exit status: 0 stopped by a signal, 1 it could not start, 127 bad command line.
`;

/** How long requests that are under way may still take. */
const SHUTDOWN_MS = 2000;

export const up: Command = {
  name: "up",
  summary: "run the supervisor with its control endpoint",
  help: HELP,
  async run(args) {
    const { places, origins, adminToken, ...options } = readOptions(args);
    const supervisor = await startSupervisor(options);
    // Only here: the schemas of the endpoint take a while to load, and other verbs need none.
    const { createHandler } = await import("../server.ts");
    const handler = createHandler(supervisor, { origins });
    const servers: Deno.HttpServer[] = [];
    try {
      if (adminToken !== undefined) {
        await supervisor.tokens.admit("file", await readToken(adminToken));
      }
      for (const place of places) checkPlace(place, supervisor.tokens.size);
      for (const place of places) {
        servers.push(
          await listen(place, handler, (url) => console.log(`denali: listening on ${url}`)),
        );
      }
    } catch (error) {
      await supervisor.close();
      if (error instanceof ListenError) throw new Failure(error.message);
      if (error instanceof RequestError) throw new Failure(`--admin-token: ${describe(error)}`);
      throw error;
    }
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    let signals = 0;
    const stopListening = onSignals(() => {
      // Who asks twice does not want to wait.
      if (++signals > 1) Deno.exit(EXIT.FAILED);
      stop();
    });
    await stopped;
    handler.close();
    await supervisor.close();
    await within(SHUTDOWN_MS, Promise.all(servers.map((server) => server.shutdown())));
    stopListening();
    return EXIT.OK;
  },
};

async function readToken(path: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    throw new Failure(`--admin-token: cannot read ${path}: ${(error as Error).message}`);
  }
}

async function startSupervisor(
  options: Omit<UpOptions, "places" | "origins" | "adminToken">,
): Promise<Supervisor> {
  if (options.dataFolder === undefined && options.swap?.bytes !== 0) await requireTemporary();
  try {
    return await Supervisor.start(options);
  } catch (error) {
    if (error instanceof UplinkError) throw new Failure(`--uplink: ${error.message}`);
    if (options.dataFolder === undefined) throw error;
    const reason = (error as Error).message;
    throw new Failure(`--data: cannot use the folder ${options.dataFolder}: ${reason}`);
  }
}

/** Swap is opened when it is needed first: too late to find out that there is no place for it. */
async function requireTemporary(): Promise<void> {
  try {
    await Deno.remove(await Deno.makeTempDir({ prefix: "denali-swap-" }));
  } catch (error) {
    throw new Failure(
      "expected a temporary folder for what does not fit into memory: " +
        `${(error as Error).message}; set TMPDIR, or give --data DIR or --swap 0`,
    );
  }
}

interface UpOptions {
  places: Place[];
  origins: readonly string[];
  /** Path of a file. */
  adminToken: string | undefined;
  cells: number | undefined;
  poolBytes: number | undefined;
  dataFolder: string | undefined;
  uplink: UplinkSettings;
  disks: DiskLimits;
  egress: EgressSettings;
  swap: Omit<SwapSettings, "folder"> | undefined;
  engine: EngineSettings;
  mechanisms: Partial<Mechanisms>;
}

function readOptions(args: string[]): UpOptions {
  const { text, list, flag, words } = readWords(args, {
    text: [
      "listen",
      "socket",
      "cert",
      "key",
      "admin-token",
      "cells",
      "pool",
      "data",
      "uplink",
      ...DISK_LIMIT_OPTIONS,
      "dns",
      ...SWAP_OPTIONS,
      ...ENGINE_OPTIONS,
      ...MECHANISM_OPTIONS,
    ],
    list: ["cors", "egress"],
    flag: ["plain"],
  });
  if (words.length > 0) throw new UsageError(`expected only options, got ${words.join(" ")}`);
  return {
    places: readPlaces(text, flag.plain),
    origins: list.cors.map(readOrigin),
    adminToken: text["admin-token"],
    cells: text.cells === undefined ? undefined : readCells(text.cells),
    poolBytes: text.pool === undefined ? undefined : readPool(text.pool),
    dataFolder: text.data,
    uplink: readUplink(text.uplink),
    disks: readDiskLimits(text),
    egress: readEgressOptions(list.egress, text.dns),
    swap: readSwap(text),
    engine: readEngine(text),
    mechanisms: readMechanisms(text),
  };
}

function readPlaces(text: Readonly<Record<string, string | undefined>>, plain: boolean): Place[] {
  const { cert, key, socket } = text;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key: expected both or none");
  }
  const tls = cert === undefined || key === undefined ? undefined : { cert, key };
  const places: Place[] = [];
  if (socket !== undefined) places.push({ path: socket });
  if (socket === undefined || text.listen !== undefined) {
    places.push({ ...readListen(text.listen ?? "127.0.0.1:8080"), tls, plain });
  }
  return places;
}

function readOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new UsageError(`--cors: expected an origin such as https://example.org, got "${text}"`);
}

function readListen(text: string): { hostname: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65535) {
    throw new UsageError(`--listen: expected HOST:PORT, got "${text}"`);
  }
  return { hostname: match[1] ?? match[2], port: Number(match[3]) };
}

function readCells(text: string): number {
  const cells = Number(text);
  if (Number.isInteger(cells) && cells >= 1 && cells <= CELLS_MAXIMUM) return cells;
  throw new UsageError(
    `--cells: expected a whole number from 1 to ${CELLS_MAXIMUM}, got "${text}"`,
  );
}

async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
