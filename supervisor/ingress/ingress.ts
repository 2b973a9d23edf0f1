/**
 * HTTP ingress by name: a request for `http://NAME.localhost:PORT/` goes to the VM called NAME.
 *
 * The handler fits Deno.serve and Hono. Bodies stream both ways with back-pressure; hop-by-hop
 * headers stop here (RFC 9110 section 7.6.1) and X-Forwarded-* are added. The client always gets an
 * answer that says what happened: 404 for an unknown name, 502 when the VM refuses, breaks off or
 * answers garbage, 504 when it does not answer. A client that hangs up aborts the VM's connection.
 *
 * A VM that was started a moment ago and does not listen yet is asked again until it does. Otherwise
 * only a request that can be repeated without harm, and has no body, is sent again, once, when it
 * went out on a pooled connection that the VM had closed meanwhile (RFC 9110 section 9.2.2).
 */
import { bootPause } from "../booting.ts";
import type { Endpoint, Gateway } from "../gateway/gateway.ts";
import { Exchange } from "./exchange.ts";
import { Failure } from "./failure.ts";
import type { IngressInfo } from "./headers.ts";
import { ConnectionPool, type PoolOptions } from "./pool.ts";
import { Patience } from "./patience.ts";

export type { IngressInfo } from "./headers.ts";

export interface Upstream extends Endpoint {
  /** Why it need not be asked, for the end of a sentence that begins with its name. */
  readonly down?: string;
  /** It was started so lately that its server may not listen yet: what it refuses is tried again. */
  readonly booting?: boolean;
}

export interface IngressOptions extends Partial<PoolOptions> {
  gateway: Pick<Gateway, "connect">;
  /** Where the VM of that name serves HTTP, or undefined when there is none. */
  resolve(name: string): Upstream | undefined;
  /** Silence after the last byte of the request went out, ms; default 60,000. */
  firstByteTimeoutMs?: number;
}

export interface Ingress {
  (request: Request, info?: IngressInfo): Promise<Response>;
  /** Unused connections in the pool. */
  readonly idle: () => number;
  /** Closes all connections. */
  readonly close: () => void;
}

const POOL: PoolOptions = {
  connectTimeoutMs: 10_000,
  idleMs: 45_000,
  perVm: 256,
  idlePerVm: 64,
  idleTotal: 16_384,
};
const FIRST_BYTE_TIMEOUT_MS = 60_000;

/** The VM's name in a Host header: "vm-42" of "vm-42.localhost:8080"; undefined for other hosts. */
export function ingressName(host: string | null): string | undefined {
  return host?.match(/^([a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)\.localhost\.?(?::\d+)?$/i)?.[1]
    .toLowerCase();
}

export function createIngress(options: IngressOptions): Ingress {
  const { gateway, resolve, firstByteTimeoutMs = FIRST_BYTE_TIMEOUT_MS, ...sizes } = options;
  const pool = new ConnectionPool(gateway, { ...POOL, ...sizes });
  const patience = new Patience(firstByteTimeoutMs);
  const means = { pool, patience };
  const handler = async (request: Request, info?: IngressInfo): Promise<Response> => {
    const host = request.headers.get("host") ?? new URL(request.url).host;
    const name = ingressName(host);
    if (name === undefined) {
      return problem(404, `expected a host of the form NAME.localhost, got "${host}"`);
    }
    const vm = resolve(name);
    if (vm === undefined) return problem(404, `there is no VM named "${name}"`);
    if (vm.down !== undefined) return problem(502, `"${name}" ${vm.down}`);
    let repeated = false;
    for (let attempts = 1;; attempts++) {
      try {
        return await new Exchange(means, name, vm, request, host, info).run();
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        // Asked again: the VM may have ended meanwhile, which is then the reason.
        const { down, booting = false } = resolve(name) ?? {};
        if (down !== undefined) return problem(502, `"${name}" ${down}`);
        if (error.cause === "stale" && !repeated) {
          repeated = true;
          pool.dropIdle(vm);
        } else if (error.cause === "refused" && booting && request.body === null) {
          await bootPause(attempts);
        } else {
          return problem(error.status, error.message);
        }
      }
    }
  };
  const close = () => {
    pool.close();
    patience.close();
  };
  return Object.assign(handler, { idle: () => pool.idle, close });
}

function problem(status: number, reason: string): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return new Response(`${reason}\n`, { status, headers });
}
