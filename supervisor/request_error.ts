type ErrorStatus =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 408
  | 409
  | 413
  | 422
  | 429
  | 500
  | 502
  | 503
  | 507;

/** A request that cannot be met as it was asked, and what would be right. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /**
   * `field` is the part of the request at fault, `message` says what came, `expected` what would be
   * taken, `status` is the HTTP status (RFC 9110): 400 malformed, 403 not for this token,
   * 404 unknown, 409 not now.
   */
  constructor(
    readonly field: string,
    message: string,
    readonly expected: string,
    readonly status: ErrorStatus = 400,
  ) {
    super(message);
  }
}
