/**
 * Consoles: as text, as text that goes on, and as a WebSocket in both directions.
 *
 * On the WebSocket every message from the server is binary, what the VM wrote, beginning with what is
 * remembered; every message to it, binary or text, is typed on the keyboard. It is closed with 1000
 * when the VM has ended, and with 1013 when the reader is too far behind or too much input waits.
 */

import { addRoute, type ControlApp, type ControlContext } from "./route.ts";
import { RequestError } from "../request_error.ts";
import { VmPath } from "./schema.ts";
import type { Supervisor } from "../supervisor.ts";
import { findVm } from "./vms.ts";
import { FollowQuery, InputQuery } from "./vm_schema.ts";

const tag = "console";
const INPUT_BYTES_MAXIMUM = 64 * 1024;
/** So much of the console may wait for a WebSocket's client. */
const BEHIND_BYTES_MAXIMUM = 1024 * 1024;
/** RFC 6455, section 7.4, and the registry it makes. */
const NORMAL = 1000, TRY_AGAIN_LATER = 1013;
const DRAIN_MS = 20;

export function routeConsole(app: ControlApp, supervisor: Supervisor): void {
  addRoute(app, {
    method: "get",
    path: "/v1/vms/{id}/console",
    tag,
    summary: "What a VM wrote",
    description: "The last 64 KiB and, with `follow`, all that comes until the VM ends. As a " +
      "WebSocket (RFC 6455) the same in binary messages, and what is sent is typed; for that the " +
      "role operator is needed.",
    access: { role: "reader" },
    params: VmPath,
    query: FollowQuery,
    answers: {
      200: { description: "The console", type: "text/plain" },
      101: { description: "A WebSocket" },
    },
  }, (c, { params, query }) => {
    const { id } = findVm(c, supervisor, params.id);
    if (c.req.header("upgrade")?.toLowerCase() === "websocket") {
      return openSocket(c, supervisor, id);
    }
    const body = query.follow ? supervisor.followConsole(id) : supervisor.consoleHistory(id);
    return c.body(body, 200, {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
    });
  });

  addRoute(app, {
    method: "post",
    path: "/v1/vms/{id}/console",
    tag,
    summary: "Type on a VM's keyboard",
    description: "Answers at once: a VM may take its input much later, or never.",
    access: { role: "operator" },
    params: VmPath,
    query: InputQuery,
    bytes: { type: "application/octet-stream", maximum: INPUT_BYTES_MAXIMUM },
    answers: { 202: { description: "So many bytes were taken" } },
  }, async (c, { params, query }) => {
    const { id } = findVm(c, supervisor, params.id);
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    supervisor.keyboard(id, bytes);
    if (query.close) supervisor.closeKeyboard(id);
    return c.json({ accepted: bytes.length }, 202);
  });
}

function openSocket(c: ControlContext, supervisor: Supervisor, id: number): Response {
  const types = c.get("caller").role !== "reader";
  // Before the upgrade, so that a refusal is an HTTP answer.
  const output = supervisor.followConsole(id).getReader();
  let upgraded: Deno.WebSocketUpgrade;
  try {
    upgraded = Deno.upgradeWebSocket(c.req.raw);
  } catch (error) {
    void output.cancel();
    throw new RequestError("upgrade", (error as Error).message, "a WebSocket handshake (RFC 6455)");
  }
  const { socket, response } = upgraded;
  socket.binaryType = "arraybuffer";
  socket.onopen = () => void copyOut(output, socket);
  socket.onmessage = ({ data }) => {
    try {
      if (!types) return socket.close(1008, "a reader's token does not type");
      const bytes = typeof data === "string"
        ? new TextEncoder().encode(data)
        : new Uint8Array(data);
      if (bytes.length > INPUT_BYTES_MAXIMUM) return socket.close(1009, "message too large");
      supervisor.keyboard(id, bytes).catch(() => {});
    } catch (error) {
      socket.close(TRY_AGAIN_LATER, (error as Error).message.slice(0, 100));
    }
  };
  socket.onclose = socket.onerror = () => void output.cancel().catch(() => {});
  return response;
}

async function copyOut(
  output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  socket: WebSocket,
): Promise<void> {
  try {
    for (let next = await output.read(); !next.done; next = await output.read()) {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(next.value);
      // A WebSocket tells nobody when it has room again.
      while (socket.bufferedAmount > BEHIND_BYTES_MAXIMUM && socket.readyState === WebSocket.OPEN) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
      }
    }
    if (socket.readyState === WebSocket.OPEN) socket.close(NORMAL, "the VM has ended");
  } catch (error) {
    if (socket.readyState === WebSocket.OPEN) {
      socket.close(TRY_AGAIN_LATER, (error as Error).message.slice(0, 100));
    }
  }
}
