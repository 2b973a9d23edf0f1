/** `--disk FILE[:ro]` of `denali run`: a file of raw blocks that belongs to no server. */

import { checkDiskName } from "../disk/checks.ts";
import { RequestError } from "../request_error.ts";
import { UsageError } from "./command.ts";

export interface DiskFileSpec {
  readonly name: string;
  readonly path: string;
  readonly readOnly: boolean;
}

export function readDiskFile(text: string): DiskFileSpec {
  const readOnly = text.endsWith(":ro");
  const path = text.replace(/:r[ow]$/, "");
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/(?<=.)\..*$/, "").toLowerCase();
  try {
    return { name: checkDiskName(name), path, readOnly };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new UsageError(
      `--disk: the name of ${path}: ${error.message}; expected ${error.expected}`,
    );
  }
}
