/**
 * Fetches the bytes of a disk from far away: the URL comes with the SHA-256 that they must have, so that
 * neither the server nor the way is trusted.
 */

import { createHash } from "node:crypto";
import { RequestError } from "../request_error.ts";
import { show } from "../vm/show.ts";

/** Time for the headers, and between two pieces of the body. */
const PATIENCE_MS = 30_000;

export interface Fetched {
  /** Fails if the server stops sending. */
  readonly body: ReadableStream<Uint8Array>;
  /** Throws a RequestError unless what was read has the hash. */
  check(): void;
}

export interface FetchOptions {
  /** Default: the host's. */
  fetch?(url: string, init: RequestInit): Promise<Response>;
  /** Bytes so far, and in all if the server says so. */
  progress?(done: number, total: number | undefined): void;
  patienceMs?: number;
}

export function checkSource(url: unknown, sha256: unknown): { url: string; sha256: string } {
  const known = typeof url === "string" && URL.canParse(url) &&
    ["http:", "https:"].includes(new URL(url).protocol);
  if (!known) throw new RequestError("url", `got ${show(url)}`, "an http or https URL");
  if (typeof sha256 === "string" && /^[0-9a-f]{64}$/i.test(sha256)) {
    return { url: url as string, sha256: sha256.toLowerCase() };
  }
  throw new RequestError("sha256", `got ${show(sha256)}`, "the SHA-256 of the file, 64 hex digits");
}

/** Begins to fetch. Throws a RequestError if the server cannot be reached or refuses. */
export async function fetchDisk(
  source: { url: string; sha256: string },
  options: FetchOptions = {},
): Promise<Fetched> {
  const { url, sha256 } = source;
  const { progress, patienceMs = PATIENCE_MS } = options;
  const abort = new AbortController();
  const late = () => abort.abort(new Error(`nothing came for ${patienceMs / 1000} seconds`));
  let timer = setTimeout(late, patienceMs);
  const fail = (error: unknown): never => {
    clearTimeout(timer);
    throw new RequestError("url", `${url}: ${(error as Error).message}`, "a URL that answers", 502);
  };
  const response = await (options.fetch ?? fetch)(url, { signal: abort.signal }).catch(fail);
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    return fail(new Error(`status ${response.status}`));
  }
  const total = Number(response.headers.get("content-length")) || undefined;
  const hash = createHash("sha256");
  const reader = response.body.getReader();
  let done = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(timer);
      timer = setTimeout(late, patienceMs);
      const { value } = await reader.read().catch(fail);
      if (value === undefined) {
        clearTimeout(timer);
        return controller.close();
      }
      hash.update(value);
      done += value.length;
      progress?.(done, total);
      controller.enqueue(value);
    },
    async cancel(reason) {
      clearTimeout(timer);
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return {
    body,
    check() {
      const got = hash.digest("hex");
      if (got === sha256) return;
      throw new RequestError("sha256", `got ${got} from ${url}`, sha256, 422);
    },
  };
}
