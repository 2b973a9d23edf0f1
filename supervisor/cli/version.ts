/** `denali version`. */

import { ABI_VERSION } from "../../kernel/abi.ts";
import { VERSION } from "../version.ts";
import { type Command, EXIT, readWords, UsageError } from "./command.ts";

export const version: Command = {
  name: "version",
  summary: "print the version",
  help: "usage: denali version [--json]\n\nPrints the versions of Denali and of its ABI.\n",
  run(args) {
    const { flag, words } = readWords(args, { flag: ["json"] });
    if (words.length > 0) throw new UsageError(`expected only options, got ${words.join(" ")}`);
    const text = `denali ${VERSION} (ABI ${ABI_VERSION})`;
    console.log(flag.json ? JSON.stringify({ version: VERSION, abi: ABI_VERSION }) : text);
    return Promise.resolve(EXIT.OK);
  },
};
