/** The host's ports that lead to VMs. */

import { z } from "@hono/zod-openapi";
import { hasLabels, type Labels } from "./security/access.ts";
import { addRoute, type ControlApp } from "./route.ts";
import { parsed } from "./schema.ts";
import { RequestError } from "../request_error.ts";
import type { Supervisor } from "../supervisor.ts";
import type { PublishedPort, VmRecord } from "../vm/record.ts";
import { parsePublish } from "../vm/request.ts";
import { PROTOCOL } from "./vm_schema.ts";
import { findVm } from "./vms.ts";

const tag = "ports";

const Port = z.object({
  hostname: z.string(),
  host: z.int(),
  vm: z.int(),
  name: z.string().meta({ description: "Of the VM" }),
  guest: z.int(),
  protocol: PROTOCOL,
  open: z.int().meta({ description: "Connections; with UDP, clients of the last minute" }),
  accepted: z.int().meta({ description: "Those so far" }),
  failed: z.int().meta({ description: "Of them, those that did not reach the VM" }),
}).openapi("Port");

const PortCreate = z.strictObject({
  vm: parsed<string>((value) => {
    if (typeof value === "string" || typeof value === "number") return String(value);
    throw new RequestError("vm", "got nothing, or something else", "the number or name of a VM");
  }, { oneOf: [{ type: "string" }, { type: "integer" }], description: "Number or name" }),
  publish: parsed((value) => parsePublish("publish", value), {
    type: "string",
    example: "127.0.0.1:8081:80",
    description: "HOST:GUEST or ADDRESS:HOST:GUEST, and /udp behind it for UDP",
  }),
}).openapi("PortCreate", { required: ["vm", "publish"] });

const PortPath = z.object({
  hostname: z.string().max(255).openapi({ example: "127.0.0.1" }),
  host: z.string().regex(/^\d{1,5}$/, "expected a port").openapi({ example: "8081" }),
});

const PortQuery = z.object({ protocol: PROTOCOL.default("tcp") });

export function routePorts(app: ControlApp, supervisor: Supervisor): void {
  addRoute(app, {
    method: "get",
    path: "/v1/ports",
    tag,
    summary: "List published ports",
    access: { role: "reader" },
    answers: { 200: { description: "By VM", schema: z.array(Port) } },
  }, (c) => {
    const ports = [...allPorts(supervisor, c.get("caller").labels)];
    return c.json(ports.map(({ vm, port }) => show(vm, port)));
  });

  addRoute(app, {
    method: "post",
    path: "/v1/ports",
    tag,
    summary: "Publish a port of a VM, also while it runs",
    access: { role: "operator" },
    body: PortCreate,
    answers: { 201: { description: "The port; a free one was chosen for 0", schema: Port } },
  }, async (c, { body }) => {
    const vm = findVm(c, supervisor, body.vm);
    return c.json(show(vm, await supervisor.publish(vm.id, body.publish)), 201);
  });

  addRoute(app, {
    method: "delete",
    path: "/v1/ports/{hostname}/{host}",
    tag,
    summary: "Close a published port",
    access: { role: "operator" },
    params: PortPath,
    query: PortQuery,
    answers: { 204: { description: "It is closed, and its connections are ended" } },
  }, async (c, { params: { hostname, host }, query: { protocol } }) => {
    for (const { vm, port } of allPorts(supervisor, c.get("caller").labels)) {
      if (port.hostname !== hostname || port.host !== Number(host)) continue;
      if (port.protocol !== protocol) continue;
      c.set("change", `vm ${vm.id} ${vm.name}`);
      await supervisor.unpublish(vm, port);
      return c.body(null, 204);
    }
    const got = `no port ${host}/${protocol} of ${hostname}`;
    throw new RequestError("port", got, "the address and number of a published port", 404);
  });
}

function* allPorts(
  supervisor: Supervisor,
  labels: Labels | undefined,
): Generator<{ vm: VmRecord; port: PublishedPort }> {
  for (const vm of supervisor.records()) {
    if (vm.published.length === 0 || !hasLabels(vm.labels, labels)) continue;
    for (const port of vm.published) yield { vm, port };
  }
}

function show({ id, name }: VmRecord, { hostname, host, guest, protocol, stats }: PublishedPort) {
  const { open, accepted, failed } = stats;
  return { hostname, host, vm: id, name, guest, protocol, open, accepted, failed };
}
