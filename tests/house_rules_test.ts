/**
 * Rules of the house that no compiler checks: imports run one way, and the parts that run guest
 * code stand on nothing but the language.
 */

import { assertEquals } from "@std/assert";

/** Each folder may import itself and the folders after it. */
const ORDER = ["supervisor", "kernel", "devices", "cpu"];

/** Folders whose code (tests aside) runs inside a cell without any permission. */
const BARE = ["kernel", "devices", "cpu"];

const ROOT = new URL("../", import.meta.url);

async function sources(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder + "/", ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await sources(path));
    else if (path.endsWith(".ts")) found.push(path);
  }
  return found.sort();
}

function imports(text: string): string[] {
  const pattern = /(?:^(?:import|export|\})[^"';]*\bfrom|^import|\bimport\()\s*["']([^"']+)["']/gm;
  return [...text.matchAll(pattern)].map((match) => match[1]);
}

function isTestSupport(path: string): boolean {
  return path.endsWith("_test.ts") || path.includes("/testing/");
}

Deno.test("imports run supervisor -> kernel -> devices -> cpu and never back", async () => {
  const wrong: string[] = [];
  for (const [rank, folder] of ORDER.entries()) {
    for (const path of await sources(folder)) {
      if (isTestSupport(path)) continue;
      for (const specifier of imports(await Deno.readTextFile(new URL(path, ROOT)))) {
        if (!specifier.startsWith(".")) continue;
        const target = new URL(specifier, new URL(path, ROOT)).pathname.slice(ROOT.pathname.length);
        const targetRank = ORDER.indexOf(target.split("/")[0]);
        if (targetRank >= 0 && targetRank < rank) wrong.push(`${path} imports ${target}`);
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("kernel, devices and cpu use nothing of Deno, Node or npm", async () => {
  const wrong: string[] = [];
  for (const folder of BARE) {
    for (const path of await sources(folder)) {
      if (isTestSupport(path)) continue;
      const text = await Deno.readTextFile(new URL(path, ROOT));
      const foreign = imports(text).filter((specifier) => !specifier.startsWith("."));
      wrong.push(...foreign.map((specifier) => `${path} imports ${specifier}`));
      const main = text.indexOf("import.meta.main");
      const library = main < 0 ? text : text.slice(0, main);
      if (/\bDeno\.|\bprocess\./.test(library.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""))) {
        wrong.push(`${path} uses Deno or process`);
      }
    }
  }
  assertEquals(wrong, []);
});
