/** `denali image`: looks into an image without running it, and keeps images on a server. */

import { listCode } from "../../cpu/listing.ts";
import { type Extent, type Finding, type Verdict, verify } from "../../cpu/verifier.ts";
import type { SymbolTable } from "../../kernel/symbols.ts";
import {
  type Command,
  EXIT,
  nearest,
  readWords,
  subcommand,
  UsageError,
  writeAll,
} from "./command.ts";
import { type ImageFile, readImageFile } from "./image_file.ts";
import { HOST_HELP } from "./client.ts";
import { listImages, pushImage, removeImages } from "./image_store.ts";
import { table } from "./table.ts";

const HELP = `usage: denali image verify [--json] IMAGE
       denali image disasm IMAGE [SYMBOL]
       denali image ls [--quiet] [--json]
       denali image push [--name NAME] [--json] FILE
       denali image rm IMAGE...

For verify and disasm, IMAGE is the path of an ELF executable, or the name of a built-in guest; they
need no server.

verify  follows the code from the entry point and from every function, and lists the instructions
        that Denali does not virtualise: each raises an exception in the virtual machine that runs
        it. Code that no direct branch leads to is listed apart; it may be data.
disasm  prints the executable segments, or one function, as Denali decodes them.
ls      lists the images that the server has.
push    stores an ELF executable on the server, and prints its hash.
rm      removes images, by name or hash; virtual machines that were made of them stay.

  --json      print JSON: what verify found, or what the server has
  --name NAME  name of the stored image (default: the file's)
  -q, --quiet  print names only
${HOST_HELP}

Exit status:
  0    done; verify: no such instruction can be reached
  1    verify: one can, or the image is too large to look at all of it; or the server refused
  126  the image cannot be loaded
  127  bad command line, or no such symbol
  141  nobody reads stdout any more
`;

const EXIT_FOUND = 1;
/** Characters that are written at once. */
const PIECE = 1 << 16;

const VERBS: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  verify: verifyImage,
  disasm: disassembleImage,
  ls: listImages,
  push: pushImage,
  rm: removeImages,
};

export const image: Command = {
  name: "image",
  summary: "verify, disassemble, store and list images",
  help: HELP,
  run: subcommand("image", VERBS),
};

/** The same as `image verify`. */
export const verifyVerb: Command = {
  name: "verify",
  summary: "verify that an image runs only what is virtualised",
  help: `usage: denali verify [--json] IMAGE

The same as \`denali image verify\`, of which \`denali image --help\` tells more.

  --json      print what was found as JSON
`,
  run: verifyImage,
};

async function verifyImage(args: string[]): Promise<number> {
  const { words, flag } = readWords(args, { flag: ["json"] });
  if (words.length !== 1) throw new UsageError(`verify: expected one IMAGE, got ${list(words)}`);
  const file = await readImageFile(words[0]);
  const functions = file.symbols.functions.filter((symbol) => symbol.isFunction);
  const verdict = verify({
    regions: file.regions,
    roots: [file.entry, ...functions.map(({ address }) => address)],
    extents: extentsOf(file),
  });
  const report = flag.json ? jsonReport : textReport;
  const written = await writeLines(report(file, functions.length, verdict));
  if (!written) return EXIT.PIPE;
  return verdict.reachableFindings > 0 || !verdict.complete ? EXIT_FOUND : EXIT.OK;
}

async function disassembleImage(args: string[]): Promise<number> {
  const { words } = readWords(args, {});
  if (words.length < 1 || words.length > 2) {
    throw new UsageError(`disasm: expected IMAGE and perhaps a SYMBOL, got ${list(words)}`);
  }
  const file = await readImageFile(words[0]);
  const extents = words.length === 1
    ? file.regions.filter(({ executable }) => executable)
      .map(({ address, bytes }) => ({ address, end: address + bytes.length }))
    : extentsNamed(file, words[1]);
  return await writeLines(listExtents(file, extents)) ? EXIT.OK : EXIT.PIPE;
}

function list(words: readonly string[]): string {
  return words.length === 0 ? "none" : words.join(" ");
}

/** The functions of that name: there are several where they are static. */
function extentsNamed(file: ImageFile, name: string): Extent[] {
  const { functions } = file.symbols;
  const extents = extentsOf(file).filter((_, index) => functions[index].name === name);
  if (extents.length > 0) return extents;
  const right = nearest(name, functions.map((symbol) => symbol.name));
  throw new UsageError(
    `no symbol "${name}" in the code of ${file.name}` + (right ? `; did you mean "${right}"?` : ""),
  );
}

/** The bytes of each symbol; one without a size goes to the next address that has one. */
function extentsOf({ regions, symbols }: ImageFile): Extent[] {
  let next = Infinity;
  const extents = symbols.functions.toReversed().map(({ address, size }, index, reversed) => {
    if (index > 0 && reversed[index - 1].address > address) next = reversed[index - 1].address;
    const region = regions.find((candidate) => holds(candidate, address));
    if (region === undefined) return { address, end: address };
    const end = size > 0 ? address + size : next;
    return { address, end: Math.min(end, region.address + region.bytes.length) };
  });
  return extents.reverse();
}

function holds({ address: start, bytes }: ImageFile["regions"][number], address: number): boolean {
  return address >= start && address < start + bytes.length;
}

function* listExtents(file: ImageFile, extents: readonly Extent[]): Generator<string> {
  const { symbols } = file;
  yield "";
  yield `${file.name}:     elf32-i386`;
  for (const { address, end } of extents) {
    const region = file.regions.find((candidate) => holds(candidate, address));
    if (region === undefined) continue;
    const { bytes, address: start } = region;
    const describe = (target: number) => symbols.describe(target);
    yield* listCode(bytes, start, [address, end], symbols.functions, describe);
  }
}

function jsonReport(file: ImageFile, functions: number, verdict: Verdict): string[] {
  const findings = verdict.findings.map(({ address, text, exception, unless, reachable }) => ({
    address,
    symbol: file.symbols.describe(address),
    instruction: text,
    exception,
    unless: unless === "" ? null : unless,
    reachable,
  }));
  const { complete, reached, swept, omitted } = verdict;
  const report = { image: file.name, complete, functions, reached, swept, findings, omitted };
  return [JSON.stringify(report, null, 2)];
}

function* textReport(file: ImageFile, functions: number, verdict: Verdict): Generator<string> {
  const { findings, omitted, reached, swept, reachableFindings, complete } = verdict;
  const reachable = findings.filter((finding) => finding.reachable);
  const others = findings.filter((finding) => !finding.reachable);
  if (reachable.length > 0) {
    yield "Not virtualised, and reachable:";
    yield findingTable(reachable, file.symbols);
  }
  if (others.length > 0) {
    yield "Not virtualised; no direct branch leads there, and it may be data:";
    yield findingTable(others, file.symbols);
  }
  if (omitted > 0) yield `and ${omitted} more`;
  const seen = `${reached} instructions from the entry point and ${functions} functions` +
    (swept > 0 ? `, ${swept} apart from them` : "");
  const result = reachableFindings === 0
    ? "all that can be reached are"
    : `${reachableFindings} are not`;
  yield `${file.name}: ${seen}; ${result} virtualised`;
  if (functions === 0) {
    yield "It has no function symbols: only what direct branches lead to was looked at.";
  }
  if (!complete) yield "There are more: the walk was given up, and the image is not verified.";
}

function findingTable(findings: readonly Finding[], symbols: SymbolTable): string {
  const rows = findings.map(({ address, text, exception, unless }) => [
    address.toString(16).padStart(8, "0"),
    symbols.describe(address) || "-",
    text,
    exception + (unless === "" ? "" : ` unless ${unless}`),
  ]);
  return table([["ADDRESS", "SYMBOL", "INSTRUCTION", "RAISES"], ...rows]);
}

/** Writes lines to stdout as they come; false if nobody reads it any more. */
async function writeLines(lines: Iterable<string>): Promise<boolean> {
  const encoder = new TextEncoder();
  let piece = "";
  try {
    for (const line of lines) {
      piece += line + "\n";
      if (piece.length < PIECE) continue;
      await writeAll(Deno.stdout, encoder.encode(piece));
      piece = "";
    }
    await writeAll(Deno.stdout, encoder.encode(piece));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}
