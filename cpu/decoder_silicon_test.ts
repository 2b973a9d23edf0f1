/**
 * The host's processor as the witness for the decoder: is it an instruction, and how long? See
 * testing/single_step.c. Lengths must always agree. Which prefixes make an instruction invalid differs
 * between vendors, so validity is compared only without a mandatory prefix.
 */

import { assertEquals } from "@std/assert";
import { hasLibc32 } from "../tests/tools.ts";
import { decode } from "./decoder.ts";
import { hex, padded } from "./testing/objdump.ts";

const X86_UD = 6;

async function buildStepper(): Promise<string | undefined> {
  const why = "it builds the program that asks the host's processor";
  if (Deno.build.arch !== "x86_64" || !await hasLibc32(why)) return undefined;
  const source = new URL("testing/single_step.c", import.meta.url).pathname;
  const path = await Deno.makeTempFile({ prefix: "single-step-" });
  const { success } = await new Deno.Command("gcc", {
    args: ["-m32", "-O1", source, "-o", path],
  }).output();
  if (!success) throw new Error(`gcc does not compile ${source}`);
  return path;
}

const stepper = await buildStepper();
globalThis.addEventListener("unload", () => stepper && Deno.removeSync(stepper));

interface Verdict {
  readonly length: number;
  readonly vector: number;
}

async function askSilicon(strings: readonly Uint8Array[]): Promise<Verdict[]> {
  const child = new Deno.Command(stepper as string, { stdin: "piped", stdout: "piped" }).spawn();
  const output = new Response(child.stdout).text();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(strings.map(hex).join("\n") + "\n"));
  await writer.close();
  const lines = (await output).trim().split("\n");
  await child.status;
  assertEquals(lines.length, strings.length, "one verdict for each string");
  return lines.map((line) => {
    const [length, vector] = line.split(" ").map(Number);
    return { length, vector };
  });
}

// Not run: what single_step.c cannot take, 0F 0A, and what AVX and XOP made of invalid encodings.
const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
const SEGMENTS_AND_CALLS = [0x17, 0x8e, 0xcd];
const SYSTEM_CALLS = [0x05, 0x07, 0x34, 0x35];

function isTestable(escape: readonly number[], opcode: number, modrm: number): boolean {
  if (escape.length === 1) return ![0x0a, 0x38, 0x3a, ...SYSTEM_CALLS].includes(opcode);
  if (escape.length > 1) return true;
  if ([0xc4, 0xc5, 0x62].includes(opcode)) return modrm < 0xc0;
  if (opcode === 0x8f) return (modrm >> 3 & 7) === 0;
  return ![0x0f, ...PREFIXES, ...SEGMENTS_AND_CALLS].includes(opcode);
}

const ESCAPES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const MODRM_SHAPES = [0x04, 0x82, 0xc1];
const TAIL = [0x25, 0x78, 0x56, 0x34, 0x12, 0x9a, 0xbc, 0xde, 0xf0];

function* strings(prefix: readonly number[]): Generator<Uint8Array> {
  for (const escape of ESCAPES) {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (let i = 0; i < 8 * MODRM_SHAPES.length; i++) {
        const modrm = MODRM_SHAPES[i >> 3] | (i & 7) << 3;
        if (!isTestable(escape, opcode, modrm)) continue;
        yield Uint8Array.from([...prefix, ...escape, opcode, modrm, ...TAIL]);
      }
    }
  }
}

function* x87Registers(): Generator<Uint8Array> {
  for (let opcode = 0xd8; opcode <= 0xdf; opcode++) {
    for (let modrm = 0xc0; modrm < 0x100; modrm++) yield Uint8Array.of(opcode, modrm, 0x90);
  }
}

/** Extensions that a processor may lack. By mnemonic. */
const OPTIONAL = new RegExp(
  "^(femms|getsec|rsm|vm.*|monitorx?|mwaitx?|rdpru|rdrand|rdseed|xbegin|xabort|xend|xtest|encl[suv]|" +
    "pconfig|serialize|wru?ssd|movdir.*|enqcmds?|sha.*|gf2.*|aes.*|pclmul.*|ad[co]x|movbe|crc32|" +
    "invept|invvpid|invpcid|clzero|invlpgb|tlbsync|rdpkru|wrpkru|rdtscp|xsave.*|xrstor.*|xgetbv|xsetbv|" +
    "clac|stac|stgi|clgi|skinit|invlpga|pf.*|pi2f.*|pavgusb|pmulhrw|pswapd|salc|prefetchw.*|prefetch)$",
);

/** What newer processors, or those of one vendor, execute: RAO-INT; 0F 0D with a register (Intel: NOP). */
const NEWER = /^(0f38fc|0f0d[c-f])/;

function difference(string: Uint8Array, silicon: Verdict, validity: boolean): string | undefined {
  const ours = decode(padded(string), 0, 32);
  if (ours === null) return `${hex(string)}: decode wants more than 32 bytes`;
  const exists = silicon.vector !== X86_UD;
  if (exists && !ours.invalid && silicon.length === ours.length) return undefined;
  if (exists === ours.invalid && !validity) return undefined;
  if (!exists && (ours.invalid || OPTIONAL.test(ours.mnemonic))) return undefined;
  if (exists && ours.invalid && NEWER.test(hex(string))) return undefined;
  const verdict = exists ? `length ${silicon.length}` : "#UD";
  return `${hex(string)}: silicon ${verdict}, we ${ours.length} ${ours.mnemonic} ${ours.invalid}`;
}

async function assertAgrees(samples: readonly Uint8Array[], validity: boolean): Promise<void> {
  const verdicts = await askSilicon(samples);
  const wrong = samples.map((sample, i) => difference(sample, verdicts[i], validity));
  const found = wrong.filter((text) => text !== undefined);
  assertEquals(found.slice(0, 20), [], `${found.length} differences`);
}

for (const prefix of [[], [0x67], [0x66], [0xf3], [0xf2]]) {
  const validity = prefix.length === 0 || prefix[0] === 0x67;
  const name = prefix.length === 0 ? "no prefix" : `prefix ${hex(Uint8Array.from(prefix))}`;
  Deno.test({
    name: `the host's processor sees the same instructions with ${name}`,
    ignore: stepper === undefined,
    fn: () => assertAgrees([...strings(prefix)], validity),
  });
}

Deno.test({
  name: "the host's processor knows the same x87 register forms",
  ignore: stepper === undefined,
  fn: () => assertAgrees([...x87Registers()], true),
});
