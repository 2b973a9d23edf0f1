/**
 * A client for the guests `httpd` and `echo` on Linux's own TCP, run inside a network namespace:
 *
 *     deno run -A --unstable-net net_client.ts HOST CHECK [NUMBER]...
 *
 * Exits with 0 if the check held, else with 1 and what was wrong on stderr.
 */

const encoder = new TextEncoder();
const FILL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,";

/** The first `length` bytes of httpd's document (guests/httpd/document.h). */
export function documentBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(length / 64) * 64);
  for (let line = 0; line * 64 < length; line++) {
    encoder.encodeInto(
      `${line.toString(16).padStart(8, "0")} ${FILL}\n`,
      bytes.subarray(line * 64),
    );
  }
  return bytes.subarray(0, length);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  while (bytes.length) bytes = bytes.subarray(await connection.write(bytes));
}

async function readAll(connection: Deno.TcpConn): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection.readable) chunks.push(chunk);
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function request(host: string, target: string): Uint8Array {
  return encoder.encode(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

async function fetchDocument(host: string, length: number): Promise<void> {
  const connection = await Deno.connect({ hostname: host, port: 80 });
  await writeAll(connection, request(host, `/doc?bytes=${length}`));
  const answer = await readAll(connection);
  const head = new TextDecoder().decode(answer.subarray(0, 300)).indexOf("\r\n\r\n");
  const body = answer.subarray(head + 4);
  if (!same(body, documentBytes(length))) {
    throw new Error(`expected the document of ${length} bytes, got ${body.length} bytes`);
  }
}

/** Sends everything, closes its own half, and must then get everything back. */
async function halfClose(host: string, length: number): Promise<void> {
  const connection = await Deno.connect({ hostname: host, port: 7 });
  const bytes = documentBytes(length);
  const back = readAll(connection);
  await writeAll(connection, bytes);
  await connection.closeWrite();
  const got = await back;
  if (!same(got, bytes)) throw new Error(`sent ${length} bytes, got ${got.length} back`);
}

/** Hangs up in the middle of a download: with unread data Linux sends a reset. */
async function hangUp(host: string): Promise<void> {
  const connection = await Deno.connect({ hostname: host, port: 80 });
  await writeAll(connection, request(host, "/doc?bytes=50000000"));
  await connection.read(new Uint8Array(1000));
  connection.close();
}

async function refused(host: string): Promise<void> {
  try {
    (await Deno.connect({ hostname: host, port: 9 })).close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return;
    throw error;
  }
  throw new Error("expected port 9 to refuse the connection, but it was accepted");
}

async function datagrams(host: string, count: number): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  for (let i = 0; i < count; i++) {
    const sent = documentBytes(1 + (i * 97) % 1472);
    await socket.send(sent, { transport: "udp", hostname: host, port: 7 });
    const [got] = await socket.receive();
    if (!same(got, sent)) throw new Error(`datagram ${i}: sent ${sent.length}, got ${got.length}`);
  }
  socket.close();
}

/** Echoes to all who connect, until it is killed. */
async function serve(host: string, port: number): Promise<void> {
  const listener = Deno.listen({ hostname: host, port });
  console.log(`listening on port ${port}`);
  for await (const connection of listener) {
    connection.readable.pipeTo(connection.writable).catch(() => {});
  }
}

function parallel(count: number, one: () => Promise<void>): Promise<void[]> {
  return Promise.all(Array.from({ length: count }, one));
}

async function check(host: string, name: string, numbers: number[]): Promise<void> {
  const [first, second] = numbers;
  if (name === "document") await parallel(second ?? 1, () => fetchDocument(host, first));
  else if (name === "half-close") await parallel(second ?? 1, () => halfClose(host, first));
  else if (name === "hang-up") await parallel(first, () => hangUp(host));
  else if (name === "refused") await refused(host);
  else if (name === "datagrams") await datagrams(host, first);
  else if (name === "serve") await serve(host, first);
  else throw new Error(`unknown check ${name}: expected one of those in this function`);
}

if (import.meta.main) {
  const [host, name, ...numbers] = Deno.args;
  try {
    await check(host, name, numbers.map(Number));
  } catch (error) {
    console.error(String(error));
    Deno.exit(1);
  }
}
