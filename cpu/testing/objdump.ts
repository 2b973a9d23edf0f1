/**
 * GNU objdump as the witness for the decoder and the disassembler: its listings of byte strings and of
 * object files, and the spellings in which its text and ours may differ.
 */

/** One instruction as objdump shows it. */
export interface Listing {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Room for one byte string: an instruction of at most 15 bytes, and NOPs that put objdump in step again. */
const SLOT = 32;
const SLOT_START = /^ *(0|[0-9a-f]*[02468ace]0):\t/;

const OPTIONS = ["-z", "-w", "-M", "intel,i386", "--insn-width=16"];
const LINE = /^\s*([0-9a-f]+):\t([0-9a-f ]+)\t(.*)$/;

/** Without comments and symbols; next to a symbol the address of a branch has no 0x. */
function plain(text: string): string {
  return text.replace(/\s+#.*/, "").replace(/\b([0-9a-f]+) <.*>$/, "0x$1").trim();
}

/** An instruction's line of `objdump -d`, or undefined for any other line. */
export function parseLine(line: string): Listing | undefined {
  const match = LINE.exec(line);
  if (!match) return undefined;
  const [, address, hex, text] = match;
  const bytes = Uint8Array.from(hex.trim().split(" "), (pair) => parseInt(pair, 16));
  return {
    address: parseInt(address, 16),
    bytes,
    text: plain(text),
  };
}

/** Runs objdump; only lines that match `wanted` are parsed. */
async function* run(args: string[], wanted = /\t/): AsyncGenerator<Listing> {
  const child = new Deno.Command("objdump", { args, stdout: "piped" }).spawn();
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const listing = wanted.test(line) ? parseLine(line) : undefined;
      if (listing) yield listing;
    }
  }
  const { success } = await child.status;
  if (!success) throw new Error(`objdump ${args.join(" ")} failed`);
}

/** Every instruction in the code sections of an i386 object file, archive or library. */
export function listFile(path: string): AsyncGenerator<Listing> {
  return run(["-d", ...OPTIONS, path]);
}

/** The instruction at the start of each byte string (at most 15 bytes), decoded on its own. */
export async function listEach(strings: readonly Uint8Array[]): Promise<Listing[]> {
  const image = new Uint8Array(strings.length * SLOT).fill(0x90);
  strings.forEach((bytes, i) => image.set(bytes, i * SLOT));
  const path = await Deno.makeTempFile({ suffix: ".bin" });
  const listings: Listing[] = [];
  try {
    await Deno.writeFile(path, image);
    const args = ["-D", "-b", "binary", "-m", "i386", ...OPTIONS, path];
    for await (const listing of run(args, SLOT_START)) listings.push(listing);
  } finally {
    await Deno.remove(path);
  }
  return listings;
}

/** The bytes of a listing of `listEach`, as they lie in front of a decoder: with the NOPs. */
export function padded(bytes: Uint8Array): Uint8Array {
  const slot = new Uint8Array(SLOT).fill(0x90);
  slot.set(bytes);
  return slot;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Reduces both texts to what an `Instruction` can tell: without the index "none" (eiz), displacements of
 * zero, the difference between the two encodings of `mov eax,[absolute]` and of `fadd st,st`, and prefixes
 * without effect. FWAIT is an instruction here, and a prefix for objdump.
 */
export function comparable(text: string): string {
  return text
    .replace(/\b(data16|addr16|repz|repnz|xacquire|xrelease|cs|ss|ds|es|fs|gs) (?=\S)/g, "")
    .replace(/\[eiz\*1([+-])(0x[0-9a-f]+)\]/, (_, sign, value) => absolute(sign, value))
    .replace(/\+eiz\*1|eiz\*1\+/, "")
    .replace(/([defgs]s:)ds:/, "$1")
    .replace(/[+-]0x0\]/, "]")
    .replace(/^(mov +)(.*)\b[A-Z]+ PTR (.s:0x)/, "$1$2$3")
    .replace(/st\(0\)/g, "st")
    .replace(/\s+/g, " ");
}

function absolute(sign: string, value: string): string {
  const address = sign === "-" ? -parseInt(value, 16) : parseInt(value, 16);
  return `ds:0x${(address >>> 0).toString(16)}`;
}
