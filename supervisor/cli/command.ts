/**
 * What all verbs of the command line share: how they are described, how their words are read, and how
 * a mistake is answered.
 */

import { parseArgs } from "@std/cli/parse-args";
import { RequestError } from "../request_error.ts";

/** Exit statuses of `denali` itself; `run` passes on 0..125 of its guest. */
export const EXIT = {
  OK: 0,
  /** The server refused or could not be reached. */
  FAILED: 1,
  /** `run`: the VM could not be made: its image, its memory or a published port. */
  IMAGE: 126,
  USAGE: 127,
  /** `run`: the VM crashed. */
  CRASHED: 134,
  /** Nobody reads stdout any more, as a shell says of a program that SIGPIPE ended. */
  PIPE: 141,
} as const;

export interface Command {
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** The whole text of `denali NAME --help`. */
  readonly help: string;
  run(args: string[]): Promise<number>;
}

/** A command line that is wrong: the message says how it would be right. */
export class UsageError extends Error {}

/** Something went wrong that is neither the user's nor our mistake; the message is all there is to say. */
export class Failure extends Error {
  /** `status`: what the server answered, if it did. */
  constructor(
    message: string,
    readonly exitCode: number = EXIT.FAILED,
    readonly status?: number,
  ) {
    super(message);
  }
}

export interface OptionNames {
  /** Options with a value that may be given once. */
  readonly text?: readonly string[];
  /** Options with a value that may be given again and again. */
  readonly list?: readonly string[];
  readonly flag?: readonly string[];
  /** Short forms: `{ f: "follow" }`. */
  readonly alias?: Readonly<Record<string, string>>;
}

export interface Words {
  readonly text: Readonly<Record<string, string | undefined>>;
  readonly list: Readonly<Record<string, readonly string[]>>;
  readonly flag: Readonly<Record<string, boolean>>;
  /** Words that are no options. */
  readonly words: readonly string[];
  /** Words after `--`. */
  readonly rest: readonly string[];
}

/** Reads the words of a verb. Throws a UsageError for an option that is unknown or has no value. */
export function readWords(args: string[], names: OptionNames): Words {
  const { text = [], list = [], flag = [], alias = {} } = names;
  const known = [...text, ...list, ...flag];
  refuseFlagValues(args, flag);
  const parsed = parseArgs(args, {
    string: [...text, ...list, "_"],
    collect: [...text, ...list],
    boolean: [...flag],
    alias: { ...alias },
    "--": true,
    unknown: (word: string, key?: string) => {
      if (key === undefined) return true;
      const right = nearest(key, known);
      throw new UsageError(`unknown option ${word}${right ? `; did you mean --${right}?` : ""}`);
    },
  }) as Record<string, unknown>;
  const values = (name: string) => (parsed[name] ?? []) as string[];
  for (const name of [...text, ...list]) {
    const { length } = values(name);
    if (text.includes(name) && length > 1) {
      throw new UsageError(`--${name}: expected it once, got it ${length} times`);
    }
    if (values(name).includes("")) throw new UsageError(`--${name}: expected a value, got none`);
  }
  const record = <T>(keys: readonly string[], value: (key: string) => T) =>
    Object.fromEntries(keys.map((key) => [key, value(key)]));
  return {
    text: record(text, (name) => values(name)[0]),
    list: record(list, values),
    flag: record(flag, (name) => parsed[name] as boolean),
    words: parsed._ as string[],
    rest: (parsed["--"] ?? []) as string[],
  };
}

/** The parser takes any value but "false" for "true". */
function refuseFlagValues(args: readonly string[], flags: readonly string[]): void {
  for (const word of args) {
    if (word === "--") return;
    const name = /^--([^=]+)=/.exec(word)?.[1];
    if (name !== undefined && flags.includes(name)) {
      throw new UsageError(`--${name}: expected no value, got "${word}"`);
    }
  }
}

/** `KEY=VALUE` pairs, the values of `--option`, as a record. */
export function readPairs(option: string, pairs: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--${option}: expected KEY=VALUE, got "${pair}"`);
    const key = pair.slice(0, at);
    if (Object.hasOwn(record, key)) {
      throw new UsageError(`--${option}: expected each KEY once, got "${key}" again`);
    }
    record[key] = pair.slice(at + 1);
  }
  return record;
}

/** For verbs that take options only. */
export function noWords({ words }: Words): void {
  if (words.length > 0) throw new UsageError(`expected only options, got ${words.join(" ")}`);
}

/** At least one word, for verbs that act on each. */
export function someWords({ words }: Words, what: string): readonly string[] {
  if (words.length > 0) return words;
  throw new UsageError(`expected at least one ${what}, got none`);
}

/** The only word, for verbs that take exactly one. */
export function oneWord({ words }: Words, what: string): string {
  if (words.length === 1) return words[0];
  throw new UsageError(
    `expected one ${what}, got ${words.length === 0 ? "none" : words.join(" ")}`,
  );
}

/** The known word that is closest to a wrong one, if it is close at all. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(word.length, Math.max(2, Math.floor(word.length / 3))) + 1;
  for (const candidate of known) {
    const distance = candidate.startsWith(word) ? 1 : editDistance(word, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** `given`, which must be one of `known`. Throws a UsageError that names them all, and the nearest. */
export function oneOf<T extends string>(what: string, given: string, known: readonly T[]): T {
  const found = known.find((word) => word === given);
  if (found !== undefined) return found;
  const expected = `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
  if (given === "") throw new UsageError(`${what}: expected ${expected}, got none`);
  const right = nearest(given, known);
  throw new UsageError(
    `${what}: expected ${expected}, got "${given}"${right ? `; did you mean "${right}"?` : ""}`,
  );
}

/** Insertions, deletions and substitutions between two words (Levenshtein, 1965). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

/** The verb of a command that has several, and its words: `image ls ...`. */
export function subcommand(
  name: string,
  verbs: Readonly<Record<string, (args: string[]) => Promise<number>>>,
): (args: string[]) => Promise<number> {
  const names = Object.keys(verbs);
  return async ([verb = "", ...args]) => await verbs[oneOf(name, verb, names)](args);
}

/** One line for a refused request. */
export function describe(error: RequestError): string {
  return `${error.field}: ${error.message}; expected ${error.expected}`;
}

/** A line on stdout, for verbs that go on: unlike console.log it throws when nobody reads any more. */
export async function writeLine(text: string): Promise<void> {
  await writeAll(Deno.stdout, new TextEncoder().encode(`${text}\n`));
}

/** Writes all of `bytes`; resolves when the reader took them. */
export async function writeAll(to: typeof Deno.stdout, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}
