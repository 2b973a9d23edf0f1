/** How values and ports are written in messages and tables. */

import type { Protocol } from "./request.ts";

/** What came, short enough for a message. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const json = JSON.stringify(value);
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}

/** A port as its users write it: 80, 53/udp. */
export function withProtocol(port: number, protocol: Protocol): string {
  return protocol === "tcp" ? String(port) : `${port}/${protocol}`;
}
