/** Disks: made, filled, copied, enlarged, removed. Which VM has which is said when a VM is created. */

import { z } from "@hono/zod-openapi";
import {
  checkDiskName,
  DISK_NAME_MAXIMUM,
  DISK_NAME_PATTERN,
  parseDiskSize,
} from "../disk/checks.ts";
import { checkSource, fetchDisk } from "../disk/fetch.ts";
import { withPatience } from "../disk/patience.ts";
import type { DiskStore } from "../disk/store.ts";
import { RequestError } from "../request_error.ts";
import type { Supervisor } from "../supervisor.ts";
import { addRoute, type ControlApp } from "./route.ts";
import { parsed } from "./schema.ts";

const tag = "disks";
const RAW = "application/octet-stream";

const Disk = z.object({
  name: z.string(),
  bytes: z.int(),
  usedBytes: z.int().nullable().meta({ description: "On the host; null: its file is gone" }),
  created: z.iso.datetime(),
  vms: z.array(z.object({ id: z.int(), readOnly: z.boolean() })),
}).openapi("Disk");

const DiskMaking = z.object({
  name: z.string(),
  doneBytes: z.int(),
  bytes: z.int().nullable().meta({ description: "In all; null: not known" }),
}).openapi("DiskMaking");

const NAME = {
  type: "string",
  pattern: DISK_NAME_PATTERN.source,
  maxLength: DISK_NAME_MAXIMUM,
  example: "data",
} as const;
const SIZE = {
  oneOf: [{ type: "integer" }, { type: "string" }],
  description: "Bytes or a size with a unit, a multiple of 4096",
  example: "1G",
} as const;

const name = parsed((value) => checkDiskName(value), NAME);
const size = parsed(parseDiskSize, SIZE);
const smallest = (value: unknown) => value === undefined ? undefined : parseDiskSize(value);

const DiskPath = z.object({ name: z.string().max(64).openapi({ ...NAME }) });
const DiskCreate = z.strictObject({ name, size }).openapi("DiskCreate");
const DiskClone = z.strictObject({ name }).openapi("DiskClone");
const DiskPatch = z.strictObject({ size }).openapi("DiskPatch");
const DiskFetch = z.strictObject({
  url: parsed<unknown>((value) => value, { type: "string", format: "uri" }),
  sha256: parsed<unknown>((value) => value, { type: "string", pattern: "^[0-9a-fA-F]{64}$" }),
  size: parsed(smallest, SIZE).optional(),
}).openapi("DiskFetch", { required: ["url", "sha256"] });
const UploadQuery = z.object({
  size: parsed(smallest, { ...SIZE, param: { name: "size", in: "query", required: false } }),
});

export function routeDisks(app: ControlApp, supervisor: Supervisor): void {
  const store = (): DiskStore => {
    if (supervisor.disks !== undefined) return supervisor.disks.store;
    throw new RequestError("disks", "got a request", "none: a deterministic run has no disks", 409);
  };
  const changes = { tag, access: { role: "operator", global: true } } as const;
  const looks = { tag, access: { role: "reader", global: true } } as const;

  addRoute(app, {
    ...looks,
    method: "get",
    path: "/v1/disks",
    summary: "List disks",
    answers: { 200: { description: "Disks by name", schema: z.array(Disk) } },
  }, (c) => c.json(store().list()));

  addRoute(app, {
    ...changes,
    method: "post",
    path: "/v1/disks",
    summary: "Create a disk of zeros",
    description: "It takes room on the host only as it is written.",
    body: DiskCreate,
    answers: { 201: { description: "The disk", schema: Disk } },
  }, async (c, { body }) => {
    const disk = await store().create(body.name, body.size);
    c.set("change", `disk ${disk.name}`);
    return c.json(disk, 201);
  });

  addRoute(app, {
    ...looks,
    method: "get",
    path: "/v1/disks/{name}",
    summary: "Look at a disk",
    params: DiskPath,
    answers: { 200: { description: "The disk", schema: Disk } },
  }, (c, { params }) => c.json(store().get(params.name)));

  addRoute(app, {
    ...looks,
    method: "get",
    path: "/v1/disks/{name}/making",
    summary: "How far the import or copy of a disk is",
    params: DiskPath,
    answers: { 200: { description: "How far it is", schema: DiskMaking } },
  }, (c, { params }) => c.json(store().making(params.name)));

  addRoute(app, {
    ...changes,
    method: "put",
    path: "/v1/disks/{name}/data",
    summary: "Make a disk of the body",
    description:
      "Raw bytes, which are rounded up to 4096, or up to `size`, with zeros. Blocks of " +
      "zeros take no room on the host.",
    params: DiskPath,
    query: UploadQuery,
    bytes: { type: RAW, maximum: Infinity, streamed: true },
    answers: { 201: { description: "The disk", schema: Disk } },
  }, async (c, { params, query }) => {
    const body = c.req.raw.body && withPatience(c.req.raw.body);
    const disk = await store().import(params.name, body, { bytes: query.size });
    c.set("change", `disk ${disk.name}`);
    return c.json(disk, 201);
  });

  addRoute(app, {
    ...changes,
    method: "post",
    path: "/v1/disks/{name}/fetch",
    summary: "Make a disk of a file from far away",
    description: "The server fetches it. It must have the SHA-256 that is given.",
    params: DiskPath,
    body: DiskFetch,
    answers: { 201: { description: "The disk", schema: Disk } },
  }, async (c, { params, body }) => {
    const source = checkSource(body.url, body.sha256);
    const { signal } = c.req.raw;
    store().requireNew(checkDiskName(params.name));
    const { body: data, bytes: total, check } = await fetchDisk(source, { signal });
    const options = { bytes: body.size, total, check };
    const disk = await store().import(params.name, data, options);
    c.set("change", `disk ${disk.name} from ${source.url}`);
    return c.json(disk, 201);
  });

  addRoute(app, {
    ...looks,
    method: "get",
    path: "/v1/disks/{name}/data",
    summary: "Download a disk",
    description: "Refused while a VM that may write to it runs.",
    params: DiskPath,
    answers: { 200: { description: "All its bytes", type: RAW } },
  }, async (c, { params }) => {
    const { bytes, body } = await store().export(params.name);
    return c.body(body, 200, { "content-type": RAW, "content-length": String(bytes) });
  });

  addRoute(app, {
    ...changes,
    method: "post",
    path: "/v1/disks/{name}/clone",
    summary: "Copy a disk",
    description: "Refused while a VM that may write to it runs.",
    params: DiskPath,
    body: DiskClone,
    answers: { 201: { description: "The copy", schema: Disk } },
  }, async (c, { params, body }) => {
    const disk = await store().clone(params.name, body.name);
    c.set("change", `disk ${disk.name}`);
    return c.json(disk, 201);
  });

  addRoute(app, {
    ...changes,
    method: "patch",
    path: "/v1/disks/{name}",
    summary: "Enlarge a disk",
    description: "Refused while a VM that has it runs.",
    params: DiskPath,
    body: DiskPatch,
    answers: { 200: { description: "The disk", schema: Disk } },
  }, async (c, { params, body }) => {
    const disk = await store().resize(params.name, body.size);
    c.set("change", `disk ${disk.name}`);
    return c.json(disk);
  });

  addRoute(app, {
    ...changes,
    method: "delete",
    path: "/v1/disks/{name}",
    summary: "Remove a disk and its bytes",
    description: "Refused while a VM has it, also one that is stopped.",
    params: DiskPath,
    answers: { 204: { description: "It is gone" } },
  }, async (c, { params }) => {
    await store().delete(params.name);
    c.set("change", `disk ${params.name}`);
    return c.body(null, 204);
  });
}
