/** VMs: made, listed, looked at, changed, removed. */

import { z } from "@hono/zod-openapi";
import { hasLabels } from "./security/access.ts";
import { filterVms } from "./filter.ts";
import { RequestError } from "../request_error.ts";
import { addRoute, type ControlApp, type ControlContext } from "./route.ts";
import { VmPath } from "./schema.ts";
import type { Supervisor, VmParameters } from "../supervisor.ts";
import { Vm, VmCreate, VmDetails, VmPatch, VmQuery } from "./vm_schema.ts";
import { summarize, type VmRecord } from "../vm/record.ts";

const tag = "vms";

/** What belongs to no labels is not for a token that is limited to some: disks, and what is beyond. */
function keepsInside(
  c: ControlContext,
  { disks = [], egress }: Pick<VmParameters, "disks" | "egress">,
): void {
  const { name, labels } = c.get("caller");
  if (labels === undefined) return;
  const refused = (field: string, otherwise: string) => {
    const got = `the token ${name} is limited to labels`;
    return new RequestError(field, got, `a token that is not, or ${otherwise}`, 403);
  };
  if (disks.length > 0) throw refused("disks", "no disks");
  if (egress && egress.length > 0) throw refused("egress", "none of its own");
}

export function routeVms(app: ControlApp, supervisor: Supervisor): void {
  addRoute(app, {
    method: "post",
    path: "/v1/vms",
    tag,
    summary: "Create a VM",
    description: "Answers when the VM is kept, and has started unless `start` is false.",
    access: { role: "operator" },
    body: VmCreate,
    answers: { 201: { description: "The VM", schema: Vm } },
  }, async (c, { body }) => {
    const request = body as VmParameters;
    keepsLabels(c, request.labels ?? {});
    keepsInside(c, request);
    const vm = await supervisor.create(request);
    c.set("change", `vm ${vm.id} ${vm.name}`);
    return c.json(vm, 201);
  });

  addRoute(app, {
    method: "get",
    path: "/v1/vms",
    tag,
    summary: "List VMs",
    description: "In the order of their numbers.",
    access: { role: "reader" },
    query: VmQuery,
    answers: {
      200: { description: "VMs; the header Link names the next page", schema: z.array(Vm) },
    },
  }, (c, { query }) => {
    const { labels } = c.get("caller");
    const { vms, next } = filterVms(supervisor.records(), query, labels);
    if (next !== undefined) {
      const url = new URL(c.req.url);
      url.searchParams.set("after", String(next));
      c.header("link", `<${url.pathname}${url.search}>; rel="next"`);
    }
    return c.json(vms.map(summarize));
  });

  addRoute(app, {
    method: "get",
    path: "/v1/vms/{id}",
    tag,
    summary: "Look at a VM",
    access: { role: "reader" },
    params: VmPath,
    answers: { 200: { description: "The VM with its state", schema: VmDetails } },
  }, async (c, { params }) => {
    const { id } = findVm(c, supervisor, params.id);
    return c.json({ ...supervisor.get(id), report: await supervisor.report(id) });
  });

  addRoute(app, {
    method: "patch",
    path: "/v1/vms/{id}",
    tag,
    summary: "Change a VM, also while it runs",
    access: { role: "operator" },
    params: VmPath,
    body: VmPatch,
    answers: { 200: { description: "The VM", schema: Vm } },
  }, async (c, { params, body }) => {
    const { id } = findVm(c, supervisor, params.id);
    if (body.labels !== undefined) keepsLabels(c, body.labels);
    keepsInside(c, body);
    return c.json(await supervisor.update(id, body));
  });

  addRoute(app, {
    method: "delete",
    path: "/v1/vms/{id}",
    tag,
    summary: "End a VM and forget it",
    access: { role: "operator" },
    params: VmPath,
    answers: { 204: { description: "It is gone" } },
  }, async (c, { params }) => {
    await supervisor.remove(findVm(c, supervisor, params.id).id);
    return c.body(null, 204);
  });
}

/** A VM that the caller may see. Throws a RequestError if there is none. */
export function findVm(c: ControlContext, supervisor: Supervisor, id: string): VmRecord {
  const vm = supervisor.find(id);
  if (hasLabels(vm.labels, c.get("caller").labels)) {
    c.set("change", `vm ${vm.id} ${vm.name}`);
    return vm;
  }
  throw new RequestError("id", `no VM ${JSON.stringify(id)}`, "the number or name of a VM", 404);
}

/** A token that is limited to labels makes only VMs that it can see afterwards. */
function keepsLabels(c: ControlContext, labels: Readonly<Record<string, string>>): void {
  const wanted = c.get("caller").labels;
  if (hasLabels(labels, wanted)) return;
  const expected = Object.entries(wanted!).map(([key, value]) => `${key}=${value}`).join(", ");
  throw new RequestError("labels", "the token is limited to others", expected, 403);
}
