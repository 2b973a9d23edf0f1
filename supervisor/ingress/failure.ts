/** Why a request to a VM failed, as the client is told. */

import { GatewayError } from "../gateway/gateway.ts";

export class Failure extends Error {
  /**
   * `stale`: sending the same request again is safe and may succeed. `refused`: nobody listened, so
   * nothing was sent.
   */
  constructor(
    readonly status: number,
    message: string,
    override readonly cause?: "stale" | "refused",
  ) {
    super(message);
  }
}

/** The connection ended before the answer began. */
export class BrokenOff extends Error {}

export interface Circumstances {
  readonly name: string;
  /** The request may be sent again, and its connection had served another before. */
  readonly repeatable: boolean;
  /** The head of the answer has come. */
  readonly answering: boolean;
}

export function explain(error: unknown, circumstances: Circumstances): Failure {
  if (error instanceof Failure) return error;
  const { name, repeatable, answering } = circumstances;
  const { message } = error as Error;
  if (answering) return new Failure(502, message);
  const code = error instanceof GatewayError ? error.code : undefined;
  if (code === "refused") {
    return new Failure(502, `"${name}" refused the connection: ${message}`, "refused");
  }
  if (code === "timeout" || code === "unreachable") {
    return new Failure(504, `"${name}" does not answer: ${message}`);
  }
  if (code === "exhausted") return new Failure(503, message);
  const brokenOff = code !== undefined || error instanceof BrokenOff;
  const what = brokenOff ? "broke off before it answered" : "did not answer with HTTP";
  const stale = brokenOff && repeatable;
  return new Failure(502, `"${name}" ${what}: ${message}`, stale ? "stale" : undefined);
}
