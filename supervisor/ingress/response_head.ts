/**
 * The head of a VM's answer: status, headers, and how its body is framed (RFC 9112).
 *
 * Strict, because a VM may answer anything and the client must not take it for something else than
 * the ingress did: what the RFC allows a recipient to refuse is refused. No line is folded, nothing
 * stands before a colon but a token, and a body has one length or chunks but never both.
 */

import { type ByteSource, ProtocolError } from "./byte_source.ts";

export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn, as they came. */
  readonly headers: string[];
  /** The Connection header. */
  readonly connection: string | undefined;
  /** Bytes of the body, "chunked", or "close": up to the end of the connection. */
  readonly framing: number | "chunked" | "close";
  /** The connection can serve another request when the body is through. */
  readonly keepAlive: boolean;
}

/** Bytes of a head, its headers, and heads of interim answers (1xx) before it. */
const HEAD_MAXIMUM = 32_768, HEADERS_MAXIMUM = 256, INTERIM_MAXIMUM = 16;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Reads the head of the final answer. Undefined if the connection ended before a byte of it came; throws
 * a ProtocolError for what is not HTTP.
 */
export async function readHead(source: ByteSource): Promise<ResponseHead | undefined> {
  if (source.empty && !await source.fill()) return undefined;
  for (let interim = 0; interim <= INTERIM_MAXIMUM; interim++) {
    const lines: string[] = [];
    let left = HEAD_MAXIMUM;
    for (;;) {
      const line = source.line(left);
      if (line === undefined) {
        if (await source.fill()) continue;
        throw new ProtocolError("the connection ended within the head of the answer");
      }
      if (line === "") break;
      lines.push(line);
      left -= line.length + 2;
      if (left < 0 || lines.length > HEADERS_MAXIMUM) {
        throw new ProtocolError(
          `the head has more than ${HEAD_MAXIMUM} bytes or ${HEADERS_MAXIMUM} headers`,
        );
      }
    }
    const head = parseHead(lines);
    if (head.status >= 200 || head.status === 101) return head;
  }
  throw new ProtocolError(`more than ${INTERIM_MAXIMUM} interim answers`);
}

/** `lines`: the status line and the headers. Throws a ProtocolError. */
export function parseHead(lines: readonly string[]): ResponseHead {
  const match = STATUS_LINE.exec(lines[0] ?? "");
  if (match === null) {
    throw new ProtocolError(
      `expected the status line of HTTP/1, got ${JSON.stringify((lines[0] ?? "").slice(0, 60))}`,
    );
  }
  const [, minor, status, statusText = ""] = match;
  const headers: string[] = [];
  let length: string | undefined, encoding: string | undefined, connection: string | undefined;
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(":");
    const name = lines[i].slice(0, Math.max(0, colon)), value = trim(lines[i], colon + 1);
    if (!TOKEN.test(name) || !VALUE.test(value)) {
      throw new ProtocolError(`expected a header, got ${JSON.stringify(lines[i].slice(0, 60))}`);
    }
    headers.push(name, value);
    switch (name.toLowerCase()) {
      case "content-length":
        if (length !== undefined) throw new ProtocolError("there are two Content-Lengths");
        length = value;
        break;
      case "transfer-encoding":
        encoding = encoding === undefined ? value : `${encoding}, ${value}`;
        break;
      case "connection":
        connection = connection === undefined ? value : `${connection}, ${value}`;
    }
  }
  const framing = framingOf(length, encoding, minor);
  const keepAlive = minor === "1" && framing !== "close" &&
    !/(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(connection ?? "");
  return { status: Number(status), statusText, headers, connection, framing, keepAlive };
}

function framingOf(
  length: string | undefined,
  encoding: string | undefined,
  minor: string,
): ResponseHead["framing"] {
  if (encoding !== undefined) {
    if (minor === "0" || length !== undefined || encoding.toLowerCase() !== "chunked") {
      throw new ProtocolError(
        `expected "chunked" alone as Transfer-Encoding, got ${JSON.stringify(encoding)}` +
          (length === undefined ? "" : " and a Content-Length"),
      );
    }
    return "chunked";
  }
  if (length === undefined) return "close";
  if (/^\d{1,15}$/.test(length)) return Number(length);
  throw new ProtocolError(`expected a number as Content-Length, got ${JSON.stringify(length)}`);
}

/** Without the spaces and tabs around it (String.trim would take other bytes too). */
function trim(line: string, from: number): string {
  let start = from, end = line.length;
  while (start < end && (line[start] === " " || line[start] === "\t")) start++;
  while (end > start && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  return line.slice(start, end);
}
