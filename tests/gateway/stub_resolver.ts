/** A resolver of our own for tests: knows a few names, and counts what it is asked. */

import { createSocket, type Socket } from "node:dgram";

export interface StubResolver {
  readonly hostname: string;
  readonly port: number;
  /** Names that were asked for. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Answers A queries (RFC 1035) by UDP; `forge`: sends wrong answers before each right one. */
export async function stubResolver(
  names: Readonly<Record<string, string>>,
  { forge = false, silent = false } = {},
): Promise<StubResolver> {
  const socket: Socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, { address, port }) => {
    const { name, end } = questionOf(query);
    asked.push(name);
    if (silent) return;
    const known = names[name];
    const answer = new Uint8Array(end + (known ? 16 : 0));
    answer.set(query.subarray(0, end));
    answer.set([0x81, known ? 0x80 : 0x83, 0, 1, 0, known ? 1 : 0, 0, 0, 0, 0], 2);
    if (known) {
      answer.set([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...known.split(".").map(Number)], end);
    }
    if (forge) {
      const number = answer.slice(), question = answer.slice();
      number[0] ^= 1;
      question[13] ^= 1;
      for (const wrong of [number, question]) socket.send(wrong, port, address);
    }
    socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    hostname: "127.0.0.1",
    port: socket.address().port,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function questionOf(query: Uint8Array): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at]) {
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + query[at])));
  }
  return { name: labels.join(".").toLowerCase(), end: at + 5 };
}
