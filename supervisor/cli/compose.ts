/**
 * `denali compose`: makes a server hold what `denali.yaml` says, and takes it away again.
 *
 * A VM of a project carries two labels: the project's name, and a digest of what the file said when it
 * was made. So `up` finds out by itself what is there, what has changed and what went, and can be
 * repeated; nothing is kept beside the server's own state.
 */

import type { ImageSummary } from "../image/store.ts";
import type { VmSummary } from "../vm/record.ts";
import { VM_FIELDS } from "../vm/request.ts";
import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords, vmPath } from "./client.ts";
import { type Command, EXIT, Failure, noWords, subcommand } from "./command.ts";
import { type Description, type Project, readProject } from "./compose_file.ts";
import { filterQuery } from "./filter.ts";
import { vmTable } from "./ps.ts";
import { resolveImage, upload } from "./upload.ts";
import { listVms } from "./vms.ts";

const HELP = `usage: denali compose up|down|ps [options]

Runs the virtual machines that denali.yaml tells of, with their disks and ports, as one project.

up      creates and starts what is missing, replaces virtual machines whose description has changed
        or that have ended, and removes those that are not in the file any more; disks are created
        or imported when they are missing, and never replaced
down    removes the virtual machines of the project; its disks stay
ps      lists them

    name: shop                      # default: the name of the folder
    disks:
      data: { size: 64M }
      site: { import: ./site.tar }
    vms:
      web:
        image: httpd                # or the path of an ELF file
        memory: 16M                 # ... and whatever else POST /v1/vms takes
        publish: ["8000:80"]
        disks: ["site:ro"]

  --file FILE  the description (default: denali.yaml or denali.yml in this folder)
  --disks     with down: remove the disks of the file too
  --json      with ps: print JSON
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const PROJECT_LABEL = "denali.project";
const DIGEST_LABEL = "denali.digest";

export const compose: Command = {
  name: "compose",
  summary: "run what denali.yaml describes",
  help: HELP,
  run: subcommand("compose", { up: composeUp, down: composeDown, ps: composePs }),
};

async function composeUp(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { text: ["file"] });
  noWords(read);
  const project = await readProject(read.text.file);
  const there = new Map((await listVms(client)).map((vm) => [vm.name, vm]));
  for (const name of project.vms.keys()) refuseForeign(project, name, there.get(name));
  const images = await findImages(client, project);
  await requireDisks(client, project);
  await createDisks(client, project);
  for (const [name, vm] of there) {
    if (isOf(project, vm) && !project.vms.has(name)) await remove(client, name);
  }
  for (const [name, description] of project.vms) {
    const described = { ...description, image: images.get(name) };
    const vm = there.get(name);
    console.log(
      `${name}: ${await told(`vms.${name}`, bringUp(client, project, name, described, vm))}`,
    );
  }
  return EXIT.OK;
}

async function composeDown(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { text: ["file"], flag: ["disks"] });
  noWords(read);
  const project = await readProject(read.text.file);
  for (const { name } of await projectVms(client, project)) await remove(client, name);
  if (!read.flag.disks) return EXIT.OK;
  const there = await diskNames(client);
  for (const name of project.disks.keys()) {
    if (!there.has(name)) continue;
    await client.delete(`/v1/disks/${name}`);
    console.log(`disk ${name}: removed`);
  }
  return EXIT.OK;
}

async function composePs(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { text: ["file"], flag: ["json"] });
  noWords(read);
  const vms = await projectVms(client, await readProject(read.text.file));
  console.log(read.flag.json ? JSON.stringify(vms, null, 2) : vmTable(vms));
  return EXIT.OK;
}

/** The image of each VM; files are uploaded. What is not there must not cost a VM that runs. */
async function findImages(client: Client, project: Project): Promise<Map<string, string>> {
  const images = new Map<string, string>();
  for (const [name, { image }] of project.vms) {
    images.set(name, await resolveImage(client, imageOf(project, image as string)));
  }
  const there = await client.get<ImageSummary[]>("/v1/images");
  const known = new Set(there.flatMap(({ name, hash }) => [name, hash]));
  for (const [name, image] of images) {
    if (known.has(image)) continue;
    const names = there.map((image) => image.name).join(", ") || "one that was uploaded";
    throw new Failure(
      `vms.${name}.image: no image "${image}"; expected one of ${names}, or ./FILE`,
    );
  }
  return images;
}

/** The disks that VMs name must be there or in the file: that, too, is found out first. */
async function requireDisks(client: Client, project: Project): Promise<void> {
  const known = new Set([...await diskNames(client), ...project.disks.keys()]);
  for (const [vm, description] of project.vms) {
    for (const { name } of VM_FIELDS.disks(description.disks)) {
      if (known.has(name)) continue;
      throw new Failure(`vms.${vm}.disks: no disk "${name}" here, and none in the file`);
    }
  }
}

/** Makes one VM be as it is described; returns what that took. */
async function bringUp(
  client: Client,
  project: Project,
  name: string,
  description: Description,
  vm: VmSummary | undefined,
): Promise<string> {
  const digest = await digestOf(description);
  const hasEnded = vm?.state === "stopped" || vm?.state === "crashed";
  if (vm?.labels[DIGEST_LABEL] === digest && !hasEnded) return "unchanged";
  if (vm !== undefined) await client.delete(vmPath(name));
  const labels = { ...description.labels as Record<string, string> };
  labels[PROJECT_LABEL] = project.name;
  labels[DIGEST_LABEL] = digest;
  await client.post("/v1/vms", { ...description, name, labels });
  return vm === undefined ? "created" : "replaced";
}

async function createDisks(client: Client, project: Project): Promise<void> {
  const there = await diskNames(client);
  for (const [name, disk] of project.disks) {
    if (there.has(name)) continue;
    await told(`disks.${name}`, createDisk(client, project, name, disk));
    console.log(`disk ${name}: created`);
  }
}

/** `{ size }`, `{ import, size }` or `{ url, sha256, size }`. */
async function createDisk(
  client: Client,
  project: Project,
  name: string,
  { import: file, url, size, ...rest }: Description,
): Promise<void> {
  if (typeof file === "string") {
    const query = size === undefined ? "" : `?size=${encodeURIComponent(String(size))}`;
    await upload(client, "PUT", `/v1/disks/${name}/data${query}`, fileOf(project, file));
  } else if (url !== undefined) {
    await client.post(`/v1/disks/${name}/fetch`, { url, size, ...rest });
  } else await client.post("/v1/disks", { name, size, ...rest });
}

/** What is refused is told with its place in the file. */
async function told<T>(place: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(`${place}: ${error.message}`, error.exitCode, error.status);
  }
}

async function diskNames(client: Client): Promise<Set<string>> {
  return new Set((await client.get<{ name: string }[]>("/v1/disks")).map(({ name }) => name));
}

async function projectVms(client: Client, { name }: Project): Promise<VmSummary[]> {
  return await listVms(client, filterQuery([`label=${PROJECT_LABEL}=${name}`]));
}

function isOf({ name }: Project, vm: VmSummary): boolean {
  return vm.labels[PROJECT_LABEL] === name;
}

function refuseForeign(project: Project, name: string, vm: VmSummary | undefined): void {
  if (vm === undefined || isOf(project, vm)) return;
  const owner = vm.labels[PROJECT_LABEL];
  const whose = owner === undefined ? "is of no project" : `is of the project "${owner}"`;
  throw new Failure(`a VM called "${name}" exists and ${whose}; rename one of the two`);
}

async function remove(client: Client, name: string): Promise<void> {
  await client.delete(vmPath(name));
  console.log(`${name}: removed`);
}

/** Paths of images have a dot or a slash in them; what has not is a name of the server's. */
function imageOf(project: Project, word: string): string {
  return /[/.]/.test(word) ? fileOf(project, word) : word;
}

function fileOf({ folder }: Project, path: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

/** The same for the same description, whatever the order of its keys. */
async function digestOf(description: Description): Promise<string> {
  const text = JSON.stringify(
    description,
    (_, value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
        : value,
  );
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 16);
}
