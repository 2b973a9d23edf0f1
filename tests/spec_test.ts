/** docs/SPEC.md promises nothing that is not held: its promises are numbered, and what it names exists. */

import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

interface Reference {
  readonly path: string;
  readonly name: string;
}

interface Promised {
  readonly number: number;
  readonly references: Reference[];
  readonly pending: boolean;
}

/** A promise begins with `12. `; below it stand `` - `file`: name of the test `` or `- pending: ...`. */
function readPromises(text: string): Promised[] {
  const found: Promised[] = [];
  for (const part of text.split(/^(?=\d+\. )/m).slice(1)) {
    const [, ...lines] = part.split(/^#/m)[0].split(/^ +- /m);
    const items = lines.map((item) => item.replace(/\s+/g, " ").trim());
    const references = items.flatMap((item) => {
      const match = /^`([^`]+)`: (.+)$/.exec(item);
      return match ? [{ path: match[1], name: match[2] }] : [];
    });
    const pending = items.some((item) => item.startsWith("pending: "));
    found.push({ number: Number.parseInt(part), references, pending });
  }
  return found;
}

/** Names as they stand in the source of a test; `${...}` in a template stands for any text. */
function literals(source: string): string[] {
  return [...source.matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\\n]|\\.)*)`/g)]
    .map(([, text, template]) => text ?? template);
}

/** Whether `name` is a literal, or a template whose gaps are filled by literals or by `...`. */
function isNamed(name: string, known: readonly string[]): boolean {
  if (known.includes(name)) return true;
  return known.some((literal) => {
    const parts = literal.split(/\$\{[^}]*\}/);
    if (parts.length === 1 || parts.every((part) => part.trim() === "")) return false;
    const pattern = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("(.+)");
    const match = new RegExp(`^${pattern}$`).exec(name);
    return match !== null && match.slice(1).every((gap) => gap === "..." || known.includes(gap));
  });
}

async function check({ path, name }: Reference): Promise<string | null> {
  const source = await Deno.readTextFile(new URL(path, ROOT)).catch(() => null);
  if (source === null) return `${path}: there is no such file`;
  if (path.startsWith("tests/bench/") && name === "benchmark") return null;
  if (!path.endsWith("_test.ts")) return `${path}: expected a test or a benchmark`;
  return isNamed(name, literals(source)) ? null : `${path}: no test is called "${name}"`;
}

const promises = readPromises(await Deno.readTextFile(new URL("docs/SPEC.md", ROOT)));

Deno.test("the promises are numbered from 1 without a gap", () => {
  assertEquals(promises.map(({ number }) => number), promises.map((_, index) => index + 1));
});

Deno.test("every promise names what holds it, or says that it is pending", () => {
  const bare = promises.filter(({ references, pending }) => references.length === 0 && !pending);
  assertEquals(bare.map(({ number }) => number), []);
});

Deno.test("every test and benchmark that a promise names exists", async () => {
  const wrong = await Promise.all(promises.flatMap((promise) => promise.references.map(check)));
  assertEquals(wrong.filter((text) => text !== null), []);
});

Deno.test("a name is found in a literal or a template, and nowhere else", () => {
  const known = ["a guest that ${what} lives", "reads nothing", "frames leave in turns", "${x}"];
  for (
    const [name, found] of [
      ["frames leave in turns", true],
      ["a guest that reads nothing lives", true],
      ["a guest that ... lives", true],
      ["a guest that never was lives", false],
      ["frames leave", false],
    ] as const
  ) assertEquals(isNamed(name, known), found, name);
});
