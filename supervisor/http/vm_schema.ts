/** A VM as requests make and change it, and as answers show it. */

import { z } from "@hono/zod-openapi";
import { DISKS_MAXIMUM } from "../disk/checks.ts";
import { parseEgress } from "../egress/request.ts";
import { parseLabels, VM_FIELDS, type VmChange } from "../vm/request.ts";
import { parseResources, RESOURCE_FIELDS } from "../vm/resources.ts";
import { parseRestart } from "../vm/restart_policy.ts";
import { VM_STATES } from "../cell/protocol.ts";
import { flag, parsed, wholeNumber } from "./schema.ts";
import { RequestError } from "../request_error.ts";
import { show } from "../vm/show.ts";

export const PROTOCOL = z.enum(["tcp", "udp"]);
const TEXTS = { type: "object", additionalProperties: { type: "string" } } as const;
const RATE = {
  oneOf: [
    { type: "number" },
    { type: "string", example: "10M:1M" },
    {
      type: "object",
      required: ["rate"],
      properties: { rate: { type: "number" }, burst: { type: "number" } },
    },
    { type: "null" },
  ],
} as const;

const DOCUMENTED: Readonly<Record<string, Record<string, unknown>>> = {
  name: {
    type: "string",
    description: "A DNS label that is not a number; default vm-ID",
    example: "web",
  },
  image: {
    type: "string",
    description: "Name or hash of an image, or name of a built-in guest",
    example: "httpd",
  },
  memory: {
    oneOf: [{ type: "integer" }, { type: "string" }],
    description: "Bytes or a size with a unit, a multiple of 4096 from 1M to 1G; default 16M",
    example: "16M",
  },
  args: {
    type: "array",
    items: { type: "string" },
    maxItems: 1000,
    description: "The words of argv behind the name",
  },
  env: { ...TEXTS, description: "The environment: what getenv finds" },
  labels: {
    ...TEXTS,
    description: "For filters, and for tokens that are limited to them; at most 64",
  },
  restart: {
    type: "string",
    pattern: "^(no|always|unless-stopped|on-failure(:[0-9]+)?)$",
    description: "When it is started again after it ended, and with the server; default no",
  },
  publish: {
    type: "array",
    maxItems: 64,
    items: {
      oneOf: [
        { type: "string", example: "127.0.0.1:8081:80" },
        {
          type: "object",
          required: ["host", "guest"],
          properties: {
            hostname: { type: "string" },
            host: { type: "integer", minimum: 0, maximum: 65535 },
            guest: { type: "integer", minimum: 1, maximum: 65535 },
            protocol: { type: "string", enum: ["tcp", "udp"], default: "tcp" },
          },
        },
      ],
    },
    description: "TCP ports of the host that lead to ports of the VM; host port 0: any free one",
  },
  egress: {
    type: ["array", "null"],
    maxItems: 64,
    items: { type: "string", example: "203.0.113.0/24:443" },
    description: "What it may reach beyond the VMs' network; null: what the server lets all reach",
  },
  disks: {
    type: "array",
    maxItems: DISKS_MAXIMUM,
    items: {
      oneOf: [
        { type: "string", example: "data:ro" },
        {
          type: "object",
          required: ["name"],
          properties: { name: { type: "string" }, readOnly: { type: "boolean" } },
        },
      ],
    },
    description: "Disks, as the guest numbers them: one VM may write to a disk, or many read it",
  },
  start: { type: "boolean", description: "Start it at once; default true" },
  cpuWeight: {
    type: "integer",
    minimum: 1,
    maximum: 1000,
    description: "Share of the processor relative to others; default 100",
  },
  cpus: {
    type: ["number", "null"],
    description: "Processors that it may use at most, up to 1; null: no limit",
  },
  netFrames: {
    ...RATE,
    description: "Ethernet frames per second in each direction; null: no limit",
  },
  netBytes: { ...RATE, description: "Bytes per second in each direction; null: no limit" },
};

/** A field that may be left out has a parser that takes undefined. */
function optional(name: string, parse: (value: unknown) => unknown) {
  return parsed(parse, DOCUMENTED[name]).optional();
}

const resources = Object.fromEntries(
  RESOURCE_FIELDS.map((name) => [
    name,
    optional(name, (value) => parseResources({ [name]: value })[name]),
  ]),
);

/** The same fields as `parseVmRequest` takes. */
export const VmCreate = z.strictObject({
  ...Object.fromEntries(
    Object.entries(VM_FIELDS)
      .filter(([name]) => name !== "image")
      .map(([name, parse]) => [name, optional(name, parse)]),
  ),
  image: parsed(VM_FIELDS.image, DOCUMENTED.image),
  ...resources,
}).openapi("VmCreate", { required: ["image"] }) as unknown as z.ZodType<{ image: string }>;

export const VmPatch = z.strictObject({
  ...resources,
  labels: optional("labels", (value) => value === undefined ? undefined : parseLabels(value)),
  disks: optional("disks", (value) => value === undefined ? undefined : VM_FIELDS.disks(value)),
  egress: optional("egress", (value) => value === undefined ? undefined : parseEgress(value)),
  restart: optional("restart", (value) => value === undefined ? undefined : parseRestart(value)),
}).openapi("VmPatch") as unknown as z.ZodType<VmChange>;

const Rate = z.object({ rate: z.number(), burst: z.number().optional() }).nullable();

export const Vm = z.object({
  id: z.int(),
  name: z.string(),
  image: z.string(),
  imageHash: z.string(),
  memory: z.int().meta({ description: "Bytes" }),
  state: z.enum(VM_STATES),
  exitCode: z.int().optional(),
  reason: z.string().optional().meta({ description: "Why it crashed, in one line" }),
  crash: z.string().optional().meta({ description: "The crash report as text" }),
  restarts: z.int().meta({ description: "Starts by the restart policy, in a row" }),
  cell: z.int().nullable().meta({ description: "Number of the thread that has it, if any" }),
  address: z.string().meta({ description: "IPv4 address in the network of VMs" }),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.string()),
  restart: z.string(),
  publish: z.array(
    z.object({ hostname: z.string(), host: z.int(), guest: z.int(), protocol: PROTOCOL }),
  ),
  disks: z.array(z.object({ name: z.string(), readOnly: z.boolean() })),
  egress: z.array(z.string()).nullable(),
  created: z.iso.datetime(),
  cpuWeight: z.int(),
  cpus: z.number().nullable(),
  netFrames: Rate,
  netBytes: Rate,
}).openapi("Vm");

export const VmDetails = Vm.extend({
  report: z.record(z.string(), z.unknown()).nullable().meta({
    description:
      "Registers, memory and last exception, as the kernel tells; null if nothing runs it",
  }),
}).openapi("VmDetails");

const LIST_DEFAULT = 1000, LIST_MAXIMUM = 10_000;

function texts(name: string, description: string) {
  return parsed<readonly string[]>((value) => {
    if (value === undefined) return [];
    const list = Array.isArray(value) ? value : [value];
    if (list.length <= 64 && list.every((item) => typeof item === "string" && item.length < 400)) {
      return list as string[];
    }
    throw new RequestError(name, `got ${show(value)}`, "at most 64 texts");
  }, {
    param: { name, in: "query", required: false },
    type: "array",
    items: { type: "string" },
    description,
  });
}

export const VmQuery = z.object({
  state: texts("state", `One of ${VM_STATES.join(", ")}; repeated: any of them`),
  label: texts("label", "KEY or KEY=VALUE; repeated: all of them"),
  image: texts("image", "Name or hash of the image; repeated: any of them"),
  name: texts("name", "Name, * for any text; repeated: any of them"),
  after: wholeNumber("after", "Only VMs with greater numbers", 0),
  limit: wholeNumber(
    "limit",
    "At most so many; Link names the next",
    LIST_DEFAULT,
    1,
    LIST_MAXIMUM,
  ),
});

export const FollowQuery = z.object({ follow: flag("follow", "Go on until the VM ends") });
export const InputQuery = z.object({ close: flag("close", "No more input after this") });
