import { assertEquals, assertRejects } from "@std/assert";
import { bodyOf } from "./body.ts";
import { ByteSource, ProtocolError } from "./byte_source.ts";
import { readHead } from "./response_head.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A connection that brings these texts one after the other, and then its end. */
function sourceOf(...texts: string[]): ByteSource {
  const pieces = texts.map(bytesOf);
  return new ByteSource({ read: () => Promise.resolve(pieces.shift() ?? null) });
}

/** Status, headers, body, and what is left behind it. */
async function readAll(source: ByteSource) {
  const head = await readHead(source);
  if (head === undefined) throw new Error("there is no answer");
  const body = bodyOf(source, head.framing);
  let text = "";
  for (let piece = await body.next(); piece !== null; piece = await body.next()) {
    text += String.fromCharCode(...piece);
  }
  const left = source.piece(Infinity);
  return { status: head.status, headers: head.headers, text, left: left?.length ?? 0 };
}

const ANSWERS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200\r\ncontent-length:0\r\nX-Empty:\r\nX-Padded: \t a b \t\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
  "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" +
  "5\r\nhello\r\n00a;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
  "HTTP/1.0 200 OK\r\nX-Bytes: \xe9\xff\r\n\r\nup to the end",
];

Deno.test("an answer is the same however it is cut into pieces", async () => {
  for (const answer of ANSWERS) {
    const whole = await readAll(sourceOf(answer));
    assertEquals(whole.left, 0);
    for (let at = 1; at < answer.length; at++) {
      assertEquals(await readAll(sourceOf(answer.slice(0, at), answer.slice(at))), whole);
    }
    assertEquals(await readAll(sourceOf(...answer)), whole, "byte by byte");
  }
});

Deno.test("values lose the spaces and tabs around them and nothing else", async () => {
  const { headers } = await readAll(sourceOf(ANSWERS[1]));
  assertEquals(headers, ["content-length", "0", "X-Empty", "", "X-Padded", "a b"]);
  const { headers: raw, text } = await readAll(sourceOf(ANSWERS[4]));
  assertEquals([raw[1], text], ["\xe9\xff", "up to the end"]);
});

const OK = "HTTP/1.1 200 OK\r\n";
const REFUSED: [string, string][] = [
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
  ["a status that is none", "HTTP/1.1 600 OK\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
  ["a CR within a line", `${OK}X: a\rb\r\n\r\n`],
  ["a folded header", `${OK}X: a\r\n b\r\n\r\n`],
  ["a space before the colon", `${OK}Content-Length : 0\r\n\r\n`],
  ["a header without a colon", `${OK}nothing\r\n\r\n`],
  ["a NUL", `${OK}X: a\0b\r\n\r\n`],
  ["two lengths", `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
  ["a list of lengths", `${OK}Content-Length: 1, 1\r\n\r\na`],
  ["a negative length", `${OK}Content-Length: -1\r\n\r\n`],
  ["a hexadecimal length", `${OK}Content-Length: 0x1\r\n\r\na`],
  ["an empty length", `${OK}Content-Length:\r\n\r\n`],
  ["a length and chunks", `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["chunks twice", `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ["chunks named twice", `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n`],
  ["another encoding", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["an endless header", `${OK}X: ${"x".repeat(100_000)}`],
  ["headers without end", OK + "X: x\r\n".repeat(1000)],
  ["interim answers without end", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)],
  ["a head that ends early", `${OK}X: a\r\n`],
  ["a body that ends early", `${OK}Content-Length: 2\r\n\r\na`],
  ["chunks that end early", `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhel`],
  ["a chunk longer than its size", `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
  ["a signed chunk", `${OK}Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n`],
  ["an empty chunk size", `${OK}Transfer-Encoding: chunked\r\n\r\n\r\na\r\n0\r\n\r\n`],
  ["a huge chunk", `${OK}Transfer-Encoding: chunked\r\n\r\n${"f".repeat(20)}\r\n`],
  ["an endless extension", `${OK}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(1000)}`],
  [
    "trailers without end",
    `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${"X: x\r\n".repeat(9999)}`,
  ],
];

for (const [what, answer] of REFUSED) {
  Deno.test(`an answer with ${what} is refused, however it is cut`, async () => {
    await assertRejects(() => readAll(sourceOf(answer)), ProtocolError);
    if (answer.length < 200) await assertRejects(() => readAll(sourceOf(...answer)), ProtocolError);
  });
}

Deno.test("an answer that never began is none", async () => {
  assertEquals(await readHead(sourceOf()), undefined);
});
