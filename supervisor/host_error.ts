/** What the host's errors mean. */

import { RequestError } from "./request_error.ts";

/** The disk, or the user's share of it, is used up. */
export function isFull(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ENOSPC" || code === "EDQUOT" ||
    /no space left|quota|disk is full/i.test(message ?? "");
}

/** What the host says of a file in the data folder, as an answer to whoever asked. */
export function asFileError(error: unknown): Error {
  if (error instanceof RequestError || !(error instanceof Error)) return error as Error;
  const status = isFull(error) ? 507 : 500;
  return new RequestError("file", error.message, "a data folder that works and has room", status);
}
