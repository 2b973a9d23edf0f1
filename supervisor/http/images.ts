/** Images: content-addressed, loaded once by a kernel before they are kept. */

import { z } from "@hono/zod-openapi";
import { addRoute, type ControlApp } from "./route.ts";
import { IMAGE_BYTES_MAXIMUM } from "../cell/protocol.ts";
import { parsed } from "./schema.ts";
import { RequestError } from "../request_error.ts";
import type { Supervisor } from "../supervisor.ts";

const tag = "images";

const Image = z.object({
  name: z.string(),
  hash: z.string().meta({ description: "SHA-256 of the file, 64 hexadecimal digits" }),
  bytes: z.int(),
  builtin: z.boolean().meta({ description: "A guest that comes with Denali" }),
}).openapi("Image");

const name = parsed<string>((value) => {
  if (typeof value === "string") return value;
  throw new RequestError("name", "got nothing", "?name=NAME in the URL, the file as the body");
}, { param: { name: "name", in: "query", required: true }, type: "string" });

const hash = parsed<string | undefined>((value) => {
  if (value === undefined || (typeof value === "string" && /^[0-9a-f]{64}$/.test(value))) {
    return value as string | undefined;
  }
  throw new RequestError("hash", `got ${String(value).slice(0, 80)}`, "64 hexadecimal digits");
}, {
  param: { name: "hash", in: "query", required: false },
  type: "string",
  description: "SHA-256 that the file must have",
});

const ImagePath = z.object({ name: z.string().max(64).openapi({ description: "Name or hash" }) });

export function routeImages(app: ControlApp, supervisor: Supervisor): void {
  addRoute(app, {
    method: "get",
    path: "/v1/images",
    tag,
    summary: "List images",
    access: { role: "reader" },
    answers: { 200: { description: "Uploaded and built-in images", schema: z.array(Image) } },
  }, async (c) => c.json(await supervisor.images.list()));

  addRoute(app, {
    method: "post",
    path: "/v1/images",
    tag,
    summary: "Upload an image under a name",
    description: "An ELF executable. A kernel loads it once: that is the check. An image of that " +
      "name is replaced for VMs that come later.",
    access: { role: "operator", global: true },
    query: z.object({ name, hash }),
    bytes: { type: "application/octet-stream", maximum: IMAGE_BYTES_MAXIMUM },
    answers: { 201: { description: "The image", schema: Image } },
  }, async (c, { query }) => {
    const file = new Uint8Array(await c.req.arrayBuffer());
    const image = await supervisor.addImage(query.name, file, query.hash);
    c.set("change", `image ${query.name} ${image.hash}`);
    return c.json({ name: query.name, hash: image.hash, bytes: file.length, builtin: false }, 201);
  });

  addRoute(app, {
    method: "get",
    path: "/v1/images/{name}",
    tag,
    summary: "Download an image",
    access: { role: "reader" },
    params: ImagePath,
    answers: { 200: { description: "The file", type: "application/octet-stream" } },
  }, async (c, { params }) => {
    const { file, hash } = await supervisor.images.get(params.name);
    return c.body(file, 200, { "content-type": "application/octet-stream", etag: `"${hash}"` });
  });

  addRoute(app, {
    method: "delete",
    path: "/v1/images/{name}",
    tag,
    summary: "Forget the name of an image",
    description: "VMs that were made from it keep it.",
    access: { role: "operator", global: true },
    params: ImagePath,
    answers: { 204: { description: "It is gone" } },
  }, async (c, { params }) => {
    await supervisor.removeImage(params.name);
    c.set("change", `image ${params.name}`);
    return c.body(null, 204);
  });
}
