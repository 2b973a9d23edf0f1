/**
 * `deno task bench [NAME [ARGS...]]`: lists the benchmarks, or runs one in a process of its own.
 *
 * A benchmark is a file in this folder. The first sentence of its head is its description here, and its
 * head is what `deno task bench NAME --help` prints.
 */

const FOLDER = new URL("./", import.meta.url);

/** The text of the comment at a benchmark's head. */
function headOf(source: string): string {
  return source.match(/\/\*\*([\s\S]*?)\*\//)?.[1].replace(/^\s*\* ?/gm, "").trim() ?? "";
}

/** Name to head. */
async function benchmarks(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of Deno.readDir(FOLDER)) {
    if (!entry.isFile || !entry.name.endsWith(".ts") || entry.name === "main.ts") continue;
    found.set(
      entry.name.slice(0, -3),
      headOf(await Deno.readTextFile(new URL(entry.name, FOLDER))),
    );
  }
  return new Map([...found].sort());
}

async function main(): Promise<number> {
  const [name, ...args] = Deno.args;
  const known = await benchmarks();
  if (name === undefined || name === "--help") {
    console.log("usage: deno task bench NAME [ARGS...]\n");
    for (const [each, head] of known) {
      console.log(`  ${each.padEnd(12)} ${head.split(/\.\s/)[0].replace(/\s+/g, " ")}`);
    }
    return 0;
  }
  if (!known.has(name)) {
    console.error(`no benchmark is called "${name}"; there are: ${[...known.keys()].join(", ")}`);
    return 2;
  }
  if (args.includes("--help")) {
    console.log(known.get(name));
    return 0;
  }
  const script = new URL(`${name}.ts`, FOLDER).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args] })
    .spawn().status;
  return code;
}

Deno.exit(await main());
