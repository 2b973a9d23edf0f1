/**
 * Fetches the bytes of a disk from far away: the URL comes with the SHA-256 that they must have, so that
 * neither the server nor the way is trusted.
 */

import { createHash } from "node:crypto";
import { RequestError } from "../request_error.ts";
import { show } from "../vm/show.ts";
import { PATIENCE_MS, withPatience } from "./patience.ts";

export interface Fetched {
  /** Bytes in all, if the server says so. */
  readonly bytes: number | undefined;
  /** Fails if the server stops sending. */
  readonly body: ReadableStream<Uint8Array>;
  /** Throws a RequestError unless what was read has the hash. */
  check(): void;
}

export interface FetchOptions {
  /** Whoever asked does not want it any more. */
  readonly signal?: AbortSignal;
  /** Without an answer, and without a piece of it. */
  readonly patienceMs?: number;
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
  { url, sha256 }: { url: string; sha256: string },
  { signal, patienceMs = PATIENCE_MS }: FetchOptions = {},
): Promise<Fetched> {
  const abort = new AbortController();
  const stop = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", stop);
  const timer = setTimeout(() => abort.abort(new Error("no answer came")), patienceMs);
  let response: Response;
  try {
    response = await fetch(url, { signal: abort.signal });
  } catch (error) {
    throw refused(url, (error as Error).message);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw refused(url, `it answered ${response.status}`);
  }
  const hash = createHash("sha256");
  const hashing = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      hash.update(piece);
      controller.enqueue(piece);
    },
  });
  return {
    bytes: Number(response.headers.get("content-length")) || undefined,
    body: withPatience(response.body, patienceMs, refused(url, "it broke off")).pipeThrough(
      hashing,
    ),
    check() {
      signal?.removeEventListener("abort", stop);
      const got = hash.digest("hex");
      if (got === sha256) return;
      throw new RequestError("sha256", `${url} has ${got}`, sha256, 422);
    },
  };
}

function refused(url: string, why: string): RequestError {
  return new RequestError("url", `${url}: ${why}`, "a URL that answers with the file", 502);
}
