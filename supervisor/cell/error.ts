/** How a request to a cell fails, and what of that the one who asked is told. */

import { RequestError } from "../request_error.ts";

/** A cell that is not there any more, or a request it refused. */
export class CellError extends Error {
  override readonly name = "CellError";
  constructor(message: string, readonly field?: string) {
    super(message);
  }
}

/** What a cell refused is the request's fault; that the cell is gone is ours. */
export function asRequestError(error: unknown): unknown {
  if (!(error instanceof CellError)) return error;
  if (error.field === undefined) {
    return new RequestError("server", error.message, "a live cell: try again", 503);
  }
  return refusal(error.field, error.message.replace(`${error.field}: `, ""));
}

/** The kernel says "expected this, got that"; an operator is told the two apart. */
function refusal(field: string, message: string): RequestError {
  const [, before, expected, got] = /^(.*?)\bexpected (.+), (got .+)$/s.exec(message) ??
    /^(.*?)\bexpected (.+?), (.+)$/s.exec(message) ?? [];
  if (expected === undefined) return new RequestError(field, message, "another value");
  return new RequestError(field, before + got, expected);
}
