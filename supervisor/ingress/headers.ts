/** Which headers the ingress passes on, and what it adds: X-Forwarded-For, -Host and -Proto. */

export interface IngressInfo {
  remoteAddr?: { hostname?: string };
}

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Deno.serve has answered it.
  "expect",
]);

/** The request target as the client wrote it: nothing is decoded or normalised again. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.indexOf("#", start);
  return start < 0 ? "/" : url.slice(start, end < 0 ? undefined : end);
}

/** Names and values in turn, for node:http. */
export function requestHeaders(
  request: Request,
  host: string,
  info: IngressInfo | undefined,
): string[] {
  const list: string[] = ["Host", host];
  const headers = [...request.headers];
  const skipped = hopByHop(headers.find(([name]) => name === "connection")?.[1] ?? null);
  let forwarded = info?.remoteAddr?.hostname ?? "";
  for (const [name, value] of headers) {
    if (name === "x-forwarded-for") forwarded = forwarded ? `${value}, ${forwarded}` : value;
    else if (name === "x-forwarded-host" || name === "x-forwarded-proto" || name === "host") {
      continue;
    } else if (!skipped.has(name)) list.push(name, value);
  }
  if (forwarded) list.push("X-Forwarded-For", forwarded);
  list.push("X-Forwarded-Host", host);
  list.push("X-Forwarded-Proto", request.url.startsWith("https:") ? "https" : "http");
  if (request.body !== null && !request.headers.has("content-length")) {
    list.push("Transfer-Encoding", "chunked");
  }
  return list;
}

/** The headers that must not be passed on, given the Connection header. */
function hopByHop(connection: string | null): ReadonlySet<string> {
  if (connection === null || /^(keep-alive|close)$/i.test(connection)) return HOP_BY_HOP;
  const named = connection.split(",").map((token) => token.trim().toLowerCase());
  // Nobody may have the framing or the address removed.
  const kept = named.filter((token) => token !== "content-length" && token !== "host");
  return new Set([...HOP_BY_HOP, ...kept]);
}

/** `raw`: names and values in turn; `connection`: the Connection header. */
export function responseHeaders(raw: string[], connection: string | undefined): Headers {
  const headers = new Headers();
  const skipped = hopByHop(connection ?? null);
  for (let i = 0; i < raw.length; i += 2) {
    if (!skipped.has(raw[i].toLowerCase())) headers.append(raw[i], raw[i + 1]);
  }
  return headers;
}
