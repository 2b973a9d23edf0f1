/**
 * Why a connection through the gateway could not be made, or ended early.
 *
 * | code          | meaning                                                             |
 * | ------------- | ------------------------------------------------------------------- |
 * | `refused`     | the VM answered the SYN with RST: nothing listens on that port      |
 * | `unreachable` | nobody answers ARP for the address: no such VM, or it is not booted |
 * | `timeout`     | the VM stopped answering                                            |
 * | `aborted`     | this side gave up: `abort()`, an AbortSignal, or a closing gateway  |
 * | `reset`       | the VM reset an established connection                              |
 * | `exhausted`   | every local port towards this endpoint is in use                    |
 */
export type GatewayErrorCode =
  | "refused"
  | "unreachable"
  | "timeout"
  | "aborted"
  | "reset"
  | "exhausted";

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  constructor(readonly code: GatewayErrorCode, message: string) {
    super(message);
  }
}
