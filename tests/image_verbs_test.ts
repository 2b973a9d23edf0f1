/** `denali image verify` and `denali image disasm` from outside, on every guest there is. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { comparable, hex, listFile, type Listing, parseLine } from "../cpu/testing/objdump.ts";
import { buildGuests, buildImage } from "../guests/build.ts";
import { readExecutable } from "../kernel/elf.ts";
import { executable } from "../kernel/testing/elf_builder.ts";
import { assemble } from "../kernel/testing/assemble.ts";
import { hasTool } from "./tools.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const hasTools = await hasTool("gcc", "it builds the guests") &&
  await hasTool("objdump", "it is the witness for the listing");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function denali(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", MAIN, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Paths of the guests that come with Denali, and of those that test Ilwaco. */
async function allGuests(): Promise<string[]> {
  const paths = await buildGuests();
  for (const folder of ["guests/test/", "guests/hostile/"]) {
    const url = new URL(`../${folder}`, import.meta.url);
    for await (const { name } of Deno.readDir(url)) {
      if (name.endsWith(".c")) {
        paths.push(await buildImage([url.pathname + name], { flags: ["-w"] }));
      }
    }
  }
  return paths;
}

async function withImage(file: Uint8Array, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".elf" });
  try {
    await Deno.writeFile(path, file);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

/** A NOP as long as the virtual instructions, which objdump does not know: it would fall out of step. */
const NOP = Uint8Array.of(0x0f, 0x1f, 0x00);

/** Address, bytes and normalised text; the virtual instructions as the NOP that stands for them. */
function line({ address, bytes, text }: Listing): string {
  const virtual = text === "idle" || text === "terminate";
  const shown = virtual ? hex(NOP) + " nop DWORD PTR [eax]" : `${hex(bytes)} ${comparable(text)}`;
  return `${address.toString(16)} ${shown}`;
}

/** What objdump says of an image whose virtual instructions at `addresses` are replaced by NOPs. */
async function witness(path: string, addresses: readonly number[]): Promise<string[]> {
  const file = await Deno.readFile(path);
  for (const { address: start, offset, fileBytes } of readExecutable(file).segments) {
    for (const address of addresses) {
      if (address >= start && address < start + fileBytes) file.set(NOP, address - start + offset);
    }
  }
  let lines: string[] = [];
  await withImage(file, async (copy) => {
    lines = (await Array.fromAsync(listFile(copy))).map(line);
  });
  return lines;
}

Deno.test({
  name: "disasm of every guest has objdump's addresses, lengths and operands",
  ignore: !hasTools,
  async fn() {
    let count = 0;
    for (const path of await allGuests()) {
      const { code, stdout, stderr } = await denali("image", "disasm", path);
      assertEquals([code, stderr], [0, ""], path);
      const listings = stdout.split("\n").map(parseLine).filter((found) => found !== undefined);
      const virtual = listings.filter(({ text }) => /^(idle|terminate)$/.test(text));
      const ours = listings.map(line);
      const theirs = await witness(path, virtual.map(({ address }) => address));
      assertEquals(ours.filter((text, i) => text !== theirs[i]).slice(0, 10), [], path);
      assertEquals(ours.length, theirs.length, path);
      assert(virtual.length >= 2, path);
      count += ours.length;
    }
    assert(count > 50_000, `${count} instructions`);
  },
});

Deno.test({
  name: "verify of every guest finds nothing that can be reached",
  ignore: !hasTools,
  async fn() {
    for (const path of await allGuests()) {
      const { code, stdout, stderr } = await denali("image", "verify", "--json", path);
      const report = JSON.parse(stdout);
      assertEquals([code, stderr, report.findings], [0, "", []], path);
      assert(report.complete && report.reached > 800, stdout);
    }
  },
});

const BAD_GUEST = `
#include <stdio.h>
__attribute__((noinline)) void halt(void) { __asm__ volatile("cli\\n hlt"); }
__attribute__((noinline)) void segment(int x) { __asm__ volatile("mov %0, %%ds" :: "r"(x)); }
__attribute__((noinline)) int control(void) {
  int x; __asm__ volatile("mov %%cr0, %0" : "=r"(x)); return x;
}
int main(int argc, char **argv) {
  printf("%p\\n", (void *)argv);
  if (argc > 1) halt();
  if (argc > 2) segment(argc);
  return argc > 3 ? control() : 0;
}
`;

Deno.test({
  name: "verify tells the address, symbol and exception of what is not virtualised, and exits 1",
  ignore: !hasTools,
  async fn() {
    const source = await Deno.makeTempFile({ suffix: ".c" });
    try {
      await Deno.writeTextFile(source, BAD_GUEST);
      const path = await buildImage([source]);
      const { code, stdout } = await denali("image", "verify", path);
      assertEquals(code, 1);
      assertMatch(stdout, /^[0-9a-f]{8} +halt\+0x[0-9a-f]+ +cli +#GP$/m);
      assertMatch(stdout, /^[0-9a-f]{8} +halt\+0x[0-9a-f]+ +hlt +#GP$/m);
      assertMatch(stdout, / segment\+0x\w+ +mov ds,e\w\w +#GP unless the selector is 0x2b$/m);
      assertMatch(stdout, / control\+0x\w+ +mov e\w\w,cr0 +#GP$/m);
      const json = await denali("image", "verify", path, "--json");
      assertEquals(json.code, 1);
      const { findings, omitted, complete } = JSON.parse(json.stdout);
      assertEquals([findings.length, omitted, complete], [4, 0, true]);
      const { symbol, exception, unless, reachable } = findings[2];
      assertMatch(symbol, /^segment\+0x/);
      assertEquals([exception, unless, reachable], ["#GP", "the selector is 0x2b", true]);
    } finally {
      await Deno.remove(source);
    }
  },
});

Deno.test({
  name: "verify lists what no branch leads to apart, and exits 0",
  ignore: !hasTools,
  async fn() {
    const source = ".type _start, @function\n_start: terminate\ncli\n.size _start, . - _start";
    await withImage(await assemble(source), async (path) => {
      const { code, stdout } = await denali("image", "verify", path);
      assertEquals(code, 0);
      assertMatch(stdout, /no direct branch leads there.*\n.*\n\S+ +_start\+0x3 +cli +#GP\n/);
      assertStringIncludes(stdout, "all that can be reached are virtualised");
    });
  },
});

Deno.test("verify says what a file without symbols keeps from it", () =>
  withImage(executable([0x90, 0xfa]), async (path) => {
    const { code, stdout } = await denali("image", "verify", path);
    assertEquals(code, 1);
    assertMatch(stdout, /^00010001 +- +cli +#GP$/m);
    assertStringIncludes(stdout, "no function symbols");
  }));

const SYMBOLS = [
  { name: "first", address: 0x10000, size: 3 },
  { name: "second", address: 0x10003, size: 7 },
];
/** first: push ebp; jmp second+1 -- second: call first; ret; half of an instruction. */
const CODE = [0x55, 0xeb, 0x01, 0xe8, 0xf8, 0xff, 0xff, 0xff, 0xc3, 0xb8];

Deno.test("disasm prints headers, addresses, bytes, and symbols of branch targets", () =>
  withImage(executable(CODE, SYMBOLS), async (path) => {
    const all = await denali("image", "disasm", path);
    assertEquals(all.stdout.split("\n").slice(2), [
      "",
      "00010000 <first>:",
      "   10000:\t55                   \tpush   ebp",
      "   10001:\teb 01                \tjmp    10004 <second+0x1>",
      "",
      "00010003 <second>:",
      "   10003:\te8 f8 ff ff ff       \tcall   10000 <first>",
      "   10008:\tc3                   \tret",
      "   10009:\tb8                   \t.byte 0xb8",
      "",
    ]);
    const one = await denali("image", "disasm", path, "first");
    assertEquals(one.stdout.split("\n").slice(2), all.stdout.split("\n").slice(2, 6).concat(""));
  }));

Deno.test("a wrong image, symbol or word is answered with a status and a hint", () =>
  withImage(executable(CODE, SYMBOLS), async (path) => {
    await withImage(executable(CODE).slice(0, 60), async (broken) => {
      const cases: [string[], number, string][] = [
        [["disasm", path, "secnod"], 127, 'did you mean "second"?'],
        [["disasm", path, "xyzzy"], 127, 'no symbol "xyzzy"'],
        [["disasm"], 127, "expected IMAGE"],
        [["verify"], 127, "expected one IMAGE"],
        [["verify", path, "extra"], 127, "expected one IMAGE"],
        [["verify", "--jsno", path], 127, "did you mean --json"],
        [["verfy", path], 127, 'did you mean "verify"?'],
        [[], 127, "expected verify, disasm, ls, push or rm"],
        [["verify", broken], 126, "e_phoff"],
        [["disasm", broken], 126, "e_phoff"],
        [["verify", MAIN], 126, "EI_MAG"],
        [["disasm", "no-such-guest"], 126, "built-in guest"],
      ];
      for (const [args, status, message] of cases) {
        const { code, stdout, stderr } = await denali("image", ...args);
        assertEquals([code, stdout], [status, ""], args.join(" "));
        assertStringIncludes(stderr, message, args.join(" "));
      }
    });
  }));

Deno.test("disasm of a large image is a stream, and ends with status 141 when nobody reads on", () =>
  withImage(executable(new Uint8Array(8 << 20).fill(0x90)), async (path) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", "--v8-flags=--max-old-space-size=64", MAIN].concat([
        "image",
        "disasm",
        path,
      ]),
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    let bytes = 0;
    while (bytes < 32 << 20) bytes += (await reader.read()).value?.length ?? 32 << 20;
    await reader.cancel();
    const errors = await new Response(child.stderr).text();
    assertEquals([(await child.status).code, errors], [141, ""]);
  }));
