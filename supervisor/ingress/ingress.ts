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
import http from "node:http";
import { type Endpoint, type Gateway, GatewayError } from "../gateway/gateway.ts";
import { formatAddress } from "../gateway/ipv4.ts";
import { GatewayAgent, type PoolOptions } from "./agent.ts";
import { type IngressInfo, pathOf, requestHeaders, responseHeaders } from "./headers.ts";

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
  idlePerVm: 16,
  idleTotal: 16_384,
};
const FIRST_BYTE_TIMEOUT_MS = 60_000;
/** Pauses between attempts to reach a VM that boots. */
const BOOT_PAUSE_MS = 2, BOOT_PAUSE_MAXIMUM_MS = 50;
/** A body of known length up to this is passed on in one piece. */
const WHOLE_BODY_MAXIMUM = 65_536;
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const WITHOUT_BODY = new Set([204, 205, 304]);

/** The VM's name in a Host header: "vm-42" of "vm-42.localhost:8080"; undefined for other hosts. */
export function ingressName(host: string | null): string | undefined {
  return host?.match(/^([a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)\.localhost\.?(?::\d+)?$/i)?.[1]
    .toLowerCase();
}

export function createIngress(options: IngressOptions): Ingress {
  const { gateway, resolve, firstByteTimeoutMs = FIRST_BYTE_TIMEOUT_MS, ...pool } = options;
  const agent = new GatewayAgent(gateway, { ...POOL, ...pool });
  const handler = async (request: Request, info?: IngressInfo): Promise<Response> => {
    const host = request.headers.get("host") ?? new URL(request.url).host;
    const name = ingressName(host);
    if (name === undefined) {
      return problem(404, `expected a host of the form NAME.localhost, got "${host}"`);
    }
    const vm = resolve(name);
    if (vm === undefined) return problem(404, `there is no VM named "${name}"`);
    if (vm.down !== undefined) return problem(502, `"${name}" ${vm.down}`);
    const exchange = { name, vm, agent, request, info, host, firstByteTimeoutMs };
    let repeated = false;
    for (let pause = BOOT_PAUSE_MS;; pause = Math.min(2 * pause, BOOT_PAUSE_MAXIMUM_MS)) {
      try {
        return await attempt(exchange);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        // Asked again: the VM may have ended meanwhile, which is then the reason.
        const { down, booting = false } = resolve(name) ?? {};
        if (down !== undefined) return problem(502, `"${name}" ${down}`);
        if (error.cause === "stale" && !repeated) {
          repeated = true;
          agent.dropIdle(vm.address, vm.port);
        } else if (error.cause === "refused" && booting && request.body === null) {
          await new Promise((resolve) => setTimeout(resolve, pause));
        } else {
          return problem(error.status, error.message);
        }
      }
    }
  };
  return Object.assign(handler, { idle: () => agent.idle, close: () => agent.close() });
}

interface Exchange {
  name: string;
  vm: Endpoint;
  agent: GatewayAgent;
  request: Request;
  info: IngressInfo | undefined;
  host: string;
  firstByteTimeoutMs: number;
}

class Failure extends Error {
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

function problem(status: number, reason: string): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return new Response(`${reason}\n`, { status, headers });
}

/** Sends the request once and gives the answer. Rejects with a Failure. */
function attempt(exchange: Exchange): Promise<Response> {
  const { vm, agent, request, name, host, info } = exchange;
  const outgoing = http.request({
    agent,
    host: formatAddress(vm.address),
    port: vm.port,
    method: request.method,
    path: pathOf(request.url),
    headers: requestHeaders(request, host, info),
    setHost: false,
    vmAddress: vm.address,
  } as http.RequestOptions);
  const watch = new Watch(exchange, outgoing);
  return new Promise((resolve, reject) => {
    outgoing.on("error", (error) => {
      watch.end();
      reject(watch.failure ?? explain(error, exchange, outgoing));
    });
    outgoing.on("upgrade", (_incoming, socket) => {
      socket.destroy();
      watch.end();
      reject(new Failure(502, `"${name}" switched protocols, which nobody asked for`));
    });
    outgoing.on("response", (incoming) => {
      // Whoever reads the body is told; without a listener it would end the process.
      incoming.on("error", () => {});
      answer(incoming, outgoing, watch, request).then(resolve, (error) => {
        watch.end();
        outgoing.destroy();
        reject(watch.failure ?? explain(error, exchange, outgoing));
      });
    });
    upload(request, outgoing, watch);
  });
}

/** Ends an exchange whose VM does not answer in time or whose client has hung up. */
class Watch {
  failure: Failure | null = null;
  #progress = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #onAbort = () => this.fail(new Failure(499, "the client hung up"));

  constructor(readonly exchange: Exchange, readonly outgoing: http.ClientRequest) {
    exchange.request.signal.addEventListener("abort", this.#onAbort);
    this.#arm(exchange.firstByteTimeoutMs);
  }

  progress(): void {
    this.#progress = performance.now();
  }

  /** The headers are here: from now on the VM may take its time. */
  answered(): void {
    clearTimeout(this.#timer);
  }

  fail(failure: Failure): void {
    if (this.failure !== null) return;
    this.failure = failure;
    this.outgoing.destroy(failure);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.exchange.request.signal.removeEventListener("abort", this.#onAbort);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      const { name, firstByteTimeoutMs } = this.exchange;
      const left = this.#progress + firstByteTimeoutMs - performance.now();
      if (left > 0) return this.#arm(left);
      this.fail(new Failure(504, `"${name}" did not answer within ${firstByteTimeoutMs} ms`));
    }, ms);
  }
}

function explain(error: Error, exchange: Exchange, outgoing: http.ClientRequest): Failure {
  const { name, request, agent } = exchange;
  if (error instanceof Failure) return error;
  if (error instanceof GatewayError && error.code === "refused") {
    return new Failure(502, `"${name}" refused the connection: ${error.message}`, "refused");
  }
  if (error instanceof GatewayError && ["timeout", "unreachable"].includes(error.code)) {
    return new Failure(504, `"${name}" does not answer: ${error.message}`);
  }
  if (error instanceof GatewayError && error.code === "exhausted") {
    return new Failure(503, error.message);
  }
  const repeatable = REPEATABLE.has(request.method) && request.body === null;
  const brokenOff = error instanceof GatewayError || /hang up|aborted/.test(error.message);
  const what = brokenOff ? "broke off before it answered" : "did not answer with HTTP";
  const stale = brokenOff && repeatable && agent.wasPooled(outgoing);
  return new Failure(502, `"${name}" ${what}: ${error.message}`, stale ? "stale" : undefined);
}

async function upload(request: Request, outgoing: http.ClientRequest, watch: Watch): Promise<void> {
  if (request.body === null) {
    outgoing.end();
    return;
  }
  const reader = request.body.getReader();
  outgoing.once("close", () => void reader.cancel().catch(() => {}));
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      watch.progress();
      if (outgoing.destroyed) return;
      if (!outgoing.write(part.value)) await drained(outgoing);
    }
    watch.progress();
    outgoing.end();
  } catch (error) {
    watch.fail(new Failure(400, `the request body broke off: ${(error as Error).message}`));
  }
}

function drained(outgoing: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.on("drain", done);
    outgoing.on("close", done);
  });
}

async function answer(
  incoming: http.IncomingMessage,
  outgoing: http.ClientRequest,
  watch: Watch,
  request: Request,
): Promise<Response> {
  const status = incoming.statusCode!;
  if (status < 200 || status > 599) throw new Error(`status ${status} is not one of HTTP`);
  const headers = responseHeaders(incoming.rawHeaders, incoming.headers.connection);
  const init = { status, statusText: incoming.statusMessage, headers };
  const length = Number(headers.get("content-length") ?? Infinity);
  if (request.method === "HEAD" || WITHOUT_BODY.has(status)) {
    if (status === 204) headers.delete("content-length");
    incoming.resume();
    watch.end();
    return new Response(null, init);
  }
  if (length <= WHOLE_BODY_MAXIMUM) {
    const body = await wholeBody(incoming, length);
    watch.end();
    return new Response(body, init);
  }
  watch.answered();
  return new Response(streamBody(incoming, outgoing, watch), init);
}

async function wholeBody(
  incoming: http.IncomingMessage,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Uint8Array(length);
  let at = 0;
  for await (const bytes of incoming) {
    body.set(bytes, at);
    at += bytes.length;
  }
  return body;
}

function streamBody(
  incoming: http.IncomingMessage,
  outgoing: http.ClientRequest,
  watch: Watch,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const parts = incoming[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      try {
        const part = await parts.next();
        if (!part.done) return controller.enqueue(part.value);
        watch.end();
        controller.close();
      } catch (error) {
        watch.end();
        const { name } = watch.exchange;
        const broken = new Error(`"${name}" broke off its answer: ${(error as Error).message}`);
        // Deno.serve prints the error; a VM should not fill the log with our stack.
        broken.stack = broken.message;
        controller.error(broken);
      }
    },
    cancel() {
      watch.end();
      outgoing.destroy();
    },
  }, { highWaterMark: 0 });
}
