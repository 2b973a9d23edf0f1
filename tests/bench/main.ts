/**
 * `deno task bench [NAME [ARGS...]]`: lists the benchmarks, or runs one in a process of its own.
 *
 * A benchmark is a file in this folder. The first sentence of its head is its description here.
 */

const FOLDER = new URL("./", import.meta.url);

async function benchmarks(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of Deno.readDir(FOLDER)) {
    if (!entry.isFile || !entry.name.endsWith(".ts") || entry.name === "main.ts") continue;
    const text = await Deno.readTextFile(new URL(entry.name, FOLDER));
    const head = text.match(/\/\*\*([\s\S]*?)\*\//)?.[1].replace(/^\s*\* ?/gm, " ").trim() ?? "";
    found.set(entry.name.slice(0, -3), head.split(/\.\s/)[0].replace(/\s+/g, " "));
  }
  return new Map([...found].sort());
}

async function main(): Promise<number> {
  const [name, ...args] = Deno.args;
  const known = await benchmarks();
  if (name === undefined || name === "--help") {
    console.log("usage: deno task bench NAME [ARGS...]\n");
    for (const [each, description] of known) console.log(`  ${each.padEnd(12)} ${description}`);
    return 0;
  }
  if (!known.has(name)) {
    console.error(`no benchmark is called "${name}"; there are: ${[...known.keys()].join(", ")}`);
    return 2;
  }
  const script = new URL(`${name}.ts`, FOLDER).pathname;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args] })
    .spawn().status;
  return code;
}

Deno.exit(await main());
