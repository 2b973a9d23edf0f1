/**
 * `denali.yaml`: several VMs and their disks, as one thing.
 *
 *     name: shop                  # the project; default: the name of the folder
 *     disks:
 *       data: { size: 64M }
 *       site: { import: ./site.tar }
 *     vms:
 *       web:
 *         image: ./web.elf        # a file (with a dot or slash in it), or an image of the server
 *         memory: 16M             # ... and whatever else POST /v1/vms takes
 *         publish: ["8000:80"]
 *         disks: ["data", "site:ro"]
 *
 * Paths are relative to the file. VMs are checked as the server checks them, all of them before anything
 * is done; the options of a disk are the server's business.
 */

import { parse, YAMLParseError } from "yaml";
import { RequestError } from "../request_error.ts";
import { parseVmRequest } from "../vm/request.ts";
import { describe, Failure } from "./command.ts";

/** What the file says of one VM or disk. */
export type Description = Readonly<Record<string, unknown>>;

export interface Project {
  readonly name: string;
  /** Where relative paths begin. */
  readonly folder: string;
  /** By name, in the order of the file. */
  readonly vms: ReadonlyMap<string, Description>;
  readonly disks: ReadonlyMap<string, Description>;
}

const NAMES = ["denali.yaml", "denali.yml"];
const KEYS = ["name", "vms", "disks"];
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Reads `path`, or the file with a usual name in the working folder. Throws a Failure. */
export async function readProject(path: string | undefined): Promise<Project> {
  const file = path ?? await findFile();
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new Failure(`${file}: cannot be read: ${(error as Error).message}`);
  }
  return parseProject(text, await Deno.realPath(file), file);
}

/** `path` is absolute; `shown` is how the file is called in messages. */
export function parseProject(text: string, path: string, shown = path): Project {
  const fail = (where: string, expected: string, got: unknown) => {
    const what = got === undefined ? "nothing" : JSON.stringify(got);
    return new Failure(`${shown}: ${where}: expected ${expected}, got ${what}`);
  };
  const record = (where: string, value: unknown) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    throw fail(where, "a mapping", value);
  };
  const named = (where: string, value: unknown) =>
    new Map(
      Object.entries(record(where, value)).map(([name, item]) => {
        if (!LABEL.test(name)) throw fail(`${where}.${name}`, "a DNS label as the name", name);
        return [name, record(`${where}.${name}`, item)];
      }),
    );
  const top = record("the file", parseYaml(text, shown));
  for (const key of Object.keys(top)) {
    if (!KEYS.includes(key)) throw fail(key, `only ${KEYS.join(", ")}`, key);
  }
  const folder = path.slice(0, Math.max(1, path.lastIndexOf("/")));
  const name = top.name ?? folder.slice(folder.lastIndexOf("/") + 1).toLowerCase();
  if (typeof name !== "string" || !LABEL.test(name)) {
    throw fail("name", "a DNS label (1 to 63 of a-z, 0-9 and '-')", name);
  }
  const vms = named("vms", top.vms);
  for (const [vm, description] of vms) {
    if ("name" in description) {
      throw fail(`vms.${vm}.name`, `no name: it is "${vm}" already`, description.name);
    }
    checkVm(`${shown}: vms.${vm}`, { ...description, name: vm });
  }
  const disks = named("disks", top.disks ?? {});
  for (const [disk, { import: file }] of disks) {
    if (file === undefined || typeof file === "string") continue;
    throw fail(`disks.${disk}.import`, "the path of a file", file);
  }
  return { name, folder, vms, disks };
}

/** Before anything is replaced: what the server would refuse must not cost the VM that runs. */
function checkVm(where: string, description: Description): void {
  try {
    parseVmRequest(description);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new Failure(`${where}.${describe(error)}`);
  }
}

function parseYaml(text: string, shown: string): unknown {
  try {
    // A few aliases are a habit; very many are an attack on the reader.
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof YAMLParseError) && !(error instanceof ReferenceError)) throw error;
    throw new Failure(`${shown}: expected YAML: ${error.message.split("\n")[0]}`);
  }
}

async function findFile(): Promise<string> {
  for (const name of NAMES) {
    const isFile = await Deno.stat(name).then((info) => info.isFile, () => false);
    if (isFile) return name;
  }
  throw new Failure(`expected ${NAMES.join(" or ")} in this folder, or --file FILE`);
}
