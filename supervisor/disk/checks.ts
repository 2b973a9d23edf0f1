/** What an operator may say about disks. */

import { CONSTANTS } from "../../kernel/abi.ts";
import { RequestError } from "../request_error.ts";
import { formatSize, parseSize, SIZE_EXPECTED } from "../size.ts";
import { show } from "../vm/show.ts";
import { BLOCK_BYTES } from "./channel.ts";

/** Characters of a disk's name. */
export const DISK_NAME_MAXIMUM = CONSTANTS.DISK_NAME_BYTES.value - 1;
export const DISK_NAME_PATTERN = /^[a-z0-9][a-z0-9._-]*$/;
export const DISK_NAME_EXPECTED =
  `1 to ${DISK_NAME_MAXIMUM} of a-z, 0-9, '.', '_' and '-', starting with a letter or digit`;
/** Disks of one VM. */
export const DISKS_MAXIMUM = CONSTANTS.DISK_MAXIMUM.value;

const ATTACHMENT_EXPECTED = 'NAME, NAME:ro, or {"name", "readOnly"}';
/** Block numbers are uint32. */
const BYTES_MAXIMUM = 0xffffffff * BLOCK_BYTES;

/** A disk of a VM that is to be made. */
export interface DiskAttachment {
  readonly name: string;
  readonly readOnly: boolean;
}

export function checkDiskName(value: unknown, field = "name"): string {
  if (
    typeof value === "string" && value.length <= DISK_NAME_MAXIMUM && DISK_NAME_PATTERN.test(value)
  ) return value;
  throw new RequestError(field, `got ${show(value)}`, DISK_NAME_EXPECTED);
}

export function checkDiskBytes(field: string, bytes: unknown, most: number): number {
  const bound = Math.min(most, BYTES_MAXIMUM);
  const whole = typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes > 0;
  if (whole && bytes % BLOCK_BYTES === 0 && bytes <= bound) return bytes;
  const expected = `${SIZE_EXPECTED}; a multiple of ${BLOCK_BYTES} of at most ${formatSize(bound)}`;
  throw new RequestError(field, `got ${show(bytes)}`, expected);
}

/** Bytes, as a number or with a unit; how many are allowed is checked later. */
export function parseDiskSize(value: unknown): number {
  const bytes = typeof value === "string" ? parseSize(value) : value;
  return checkDiskBytes("size", bytes === undefined ? value : bytes, Infinity);
}

/** Checks what a request says of a VM's disks. */
export function parseDisks(values: readonly unknown[]): DiskAttachment[] {
  if (values.length > DISKS_MAXIMUM) {
    throw new RequestError("disks", `got ${values.length}`, `at most ${DISKS_MAXIMUM} disks`);
  }
  const disks = values.map((value, index) => parseDisk(`disks[${index}]`, value));
  disks.forEach(({ name }, index) => {
    if (disks.findIndex((other) => other.name === name) === index) return;
    throw new RequestError(`disks[${index}]`, `got ${name} again`, "each disk once");
  });
  return disks;
}

function parseDisk(field: string, value: unknown): DiskAttachment {
  if (typeof value === "string") {
    const [, name, mode] = /^([^:]*)(:ro|:rw)?$/.exec(value) ?? [];
    if (name === undefined) {
      throw new RequestError(field, `got ${show(value)}`, ATTACHMENT_EXPECTED);
    }
    return { name: checkDiskName(name, field), readOnly: mode === ":ro" };
  }
  if (typeof value === "object" && value !== null) {
    const { name, readOnly = false, ...rest } = value as Record<string, unknown>;
    if (typeof readOnly === "boolean" && Object.keys(rest).length === 0) {
      return { name: checkDiskName(name, field), readOnly };
    }
  }
  throw new RequestError(field, `got ${show(value)}`, ATTACHMENT_EXPECTED);
}
