/** `denali disk`: the disks that a server keeps. */

import type { DiskMaking, DiskSummary } from "../disk/store.ts";
import { SparseWriter } from "../disk/sparse.ts";
import { formatSize } from "../size.ts";
import { type Client, CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import {
  type Command,
  EXIT,
  Failure,
  noWords,
  someWords,
  subcommand,
  UsageError,
  type Words,
} from "./command.ts";
import { each } from "./each.ts";
import { progress } from "./progress.ts";
import { table } from "./table.ts";
import { upload } from "./upload.ts";

const HELP = `usage: denali disk create [options] NAME SIZE
       denali disk ls [options]
       denali disk inspect [options] NAME...
       denali disk import [options] NAME FILE|URL
       denali disk export [options] NAME FILE
       denali disk clone [options] NAME COPY
       denali disk resize [options] NAME SIZE
       denali disk rm [options] NAME...

Disks outlive virtual machines. One VM may write to a disk, or many may read it: see --disk of
\`denali create\`. SIZE is a multiple of 4K; a disk takes room on the host only as it is written.

  create   a disk of zeros
  ls       the disks, their sizes, what they take on the host, and which VMs have them
  inspect  the same as JSON
  import   a disk with the bytes of a file, or of a URL that the server fetches
  export   the bytes of a disk into a file that does not exist yet, or "-" for stdout
  clone    a copy of a disk
  resize   makes a disk larger, while no VM that has it runs
  rm       removes disks and their bytes, while no VM has them

  --sha256 HASH  import of a URL: the SHA-256 of the file
  --size SIZE    import: the size of the disk, if it is to be larger than the file
  --json         print the disk, or all, as JSON
  -q, --quiet    ls: names only
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const POLL_MS = 200;

export const disk: Command = {
  name: "disk",
  summary: "make, fill, copy, list and remove disks on a server",
  help: HELP,
  run: subcommand("disk", {
    create: async (args) => {
      const { read, client } = readClientWords(args, { flag: ["json"] });
      const [name, size] = twoWords(read, "NAME and SIZE");
      return show(read, await client.post<DiskSummary>("/v1/disks", { name, size }));
    },
    ls,
    inspect: async (args) => {
      const { read, client } = readClientWords(args);
      const found: DiskSummary[] = [];
      for (const name of someWords(read, "disk")) found.push(await client.get(diskPath(name)));
      console.log(JSON.stringify(found, null, 2));
      return EXIT.OK;
    },
    import: importDisk,
    export: exportDisk,
    clone: async (args) => {
      const { read, client } = readClientWords(args, { flag: ["json"] });
      const [name, copy] = twoWords(read, "NAME and COPY");
      const clone = client.post<DiskSummary>(diskPath(name, "clone"), { name: copy });
      return show(read, await watch(client, copy, clone));
    },
    resize: async (args) => {
      const { read, client } = readClientWords(args, { flag: ["json"] });
      const [name, size] = twoWords(read, "NAME and SIZE");
      return show(read, await client.patch<DiskSummary>(diskPath(name), { size }));
    },
    rm: async (args) => {
      const { read, client } = readClientWords(args);
      return await each(someWords(read, "disk"), async (name) => {
        await client.delete(diskPath(name));
        console.log(name);
      });
    },
  }),
};

async function ls(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, {
    flag: ["json", "quiet"],
    alias: { q: "quiet" },
  });
  noWords(read);
  const disks = await client.get<DiskSummary[]>("/v1/disks");
  if (read.flag.json) console.log(JSON.stringify(disks, null, 2));
  else if (read.flag.quiet) disks.forEach(({ name }) => console.log(name));
  else console.log(table([["NAME", "SIZE", "USED", "VMS"], ...disks.map(row)]));
  return EXIT.OK;
}

function row({ name, bytes, usedBytes, vms }: DiskSummary): string[] {
  const users = vms.slice(0, 4).map(({ id, readOnly }) => `${id}${readOnly ? ":ro" : ""}`);
  if (vms.length > users.length) users.push(`and ${vms.length - users.length} more`);
  const used = usedBytes === null ? "file is gone" : formatSize(usedBytes);
  return [name, formatSize(bytes), used, users.join(" ") || "-"];
}

async function importDisk(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args, { text: ["sha256", "size"], flag: ["json"] });
  const [name, source] = twoWords(read, "NAME and FILE or URL");
  const { sha256, size } = read.text;
  if (/^https?:\/\//i.test(source)) {
    if (sha256 === undefined) {
      throw new UsageError("--sha256: expected the SHA-256 of what the URL leads to, got none");
    }
    const order = { url: source, sha256, size };
    const fetched = client.post<DiskSummary>(diskPath(name, "fetch"), order);
    return show(read, await watch(client, name, fetched));
  }
  if (sha256 !== undefined) throw new UsageError("--sha256: expected it with a URL only");
  const query = size === undefined ? "" : `?size=${encodeURIComponent(size)}`;
  const response = await upload(client, "PUT", diskPath(name, "data") + query, source);
  return show(read, await response.json());
}

async function exportDisk(args: string[]): Promise<number> {
  const { read, client } = readClientWords(args);
  const [name, path] = twoWords(read, "NAME and FILE");
  const response = await client.send("GET", diskPath(name, "data"));
  const bar = progress(name, Number(response.headers.get("content-length")));
  let done = 0;
  const counted = ReadableStream.from(client.bytes(response)).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        bar.update(done += bytes.length);
        controller.enqueue(bytes);
      },
    }),
  );
  try {
    if (path === "-") await counted.pipeTo(Deno.stdout.writable, { preventClose: true });
    else await saveSparse(counted, path);
  } finally {
    bar.finish();
  }
  return EXIT.OK;
}

/**
 * Blocks of zeros take no room in the file either. It has its name when it is whole: what is left of an
 * export that was killed is PATH.part.
 */
async function saveSparse(bytes: ReadableStream<Uint8Array>, path: string): Promise<void> {
  const part = `${path}.part`;
  using file = await createFile(path, part);
  try {
    const writer = new SparseWriter(file);
    for await (const piece of bytes) await writer.write(piece);
    await writer.end(writer.length);
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error instanceof Failure ? error : new Failure(`${path}: ${(error as Error).message}`);
  }
}

async function createFile(path: string, part: string): Promise<Deno.FsFile> {
  const isThere = await Deno.lstat(path).then(() => true, () => false);
  if (isThere) throw new Failure(`${path}: cannot be made: there is a file of that name`);
  try {
    return await Deno.open(part, { write: true, createNew: true });
  } catch (error) {
    throw new Failure(`${part}: cannot be made: ${(error as Error).message}`);
  }
}

/** Shows how far the server is. */
async function watch<T>(client: Client, name: string, work: Promise<T>): Promise<T> {
  let ended = false;
  const end = work.finally(() => ended = true);
  let bar: ReturnType<typeof progress> | undefined;
  if (Deno.stderr.isTerminal()) {
    while (!ended) {
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
      const making = await client.get<DiskMaking>(diskPath(name, "making")).catch(() => undefined);
      if (making === undefined || making.bytes === null) continue;
      bar ??= progress(name, making.bytes);
      bar.update(making.doneBytes);
    }
    bar?.finish();
  }
  return await end;
}

function show(read: Words, disk: DiskSummary): number {
  console.log(read.flag.json ? JSON.stringify(disk, null, 2) : disk.name);
  return EXIT.OK;
}

function diskPath(name: string, verb = ""): string {
  return `/v1/disks/${encodeURIComponent(name)}${verb === "" ? "" : `/${verb}`}`;
}

function twoWords(read: Words, what: string): readonly string[] {
  if (read.words.length === 2) return read.words;
  const got = read.words.length === 0 ? "nothing" : read.words.join(" ");
  throw new UsageError(`expected ${what}, got ${got}`);
}
