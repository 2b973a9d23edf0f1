/**
 * What an operator may ask of a new VM, checked field by field.
 *
 * The control endpoint, the command line and an embedding program all come through here, so that
 * every mistake is answered alike: the field, what came, what was expected.
 */

import { LAYOUT } from "../../kernel/abi.ts";
import { type DiskAttachment, parseDisks } from "../disk/checks.ts";
import { parseEgress } from "../egress/request.ts";
import { RequestError } from "../request_error.ts";
import { parseSize, SIZE_EXPECTED } from "../size.ts";
import { parseResources, RESOURCE_FIELDS, type Resources } from "./resources.ts";
import { parseRestart } from "./restart_policy.ts";
import { show } from "./show.ts";

export type Protocol = "tcp" | "udp";

/** A port of the host that leads to a port of the VM. */
export interface PortMapping {
  /** Address to listen on. */
  readonly hostname: string;
  /** 0..65535; 0 lets the host choose. */
  readonly host: number;
  /** 1..65535. */
  readonly guest: number;
  /** Default tcp. */
  readonly protocol?: Protocol;
}

export interface VmRequest extends Resources {
  /** A DNS label that is not a number; default `vm-ID`. */
  readonly name?: string;
  /** Name or hash of an image of the store, or name of a built-in guest. */
  readonly image: string;
  /** Bytes, a multiple of 4096, 1 MiB..1 GiB. */
  readonly memory: number;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** When it is started again: see parseRestart. */
  readonly restart: string;
  readonly publish: readonly PortMapping[];
  /** Rules for what it may reach beyond the VMs' network; null: those of the server. */
  readonly egress: readonly string[] | null;
  /** In the order in which the guest numbers them; each to be read only, or by this VM alone. */
  readonly disks: readonly DiskAttachment[];
  /** Start it at once. */
  readonly start: boolean;
}

export const MEMORY_DEFAULT = 16 * 2 ** 20;
const PAGE = 4096;
const MEMORY_EXPECTED = `${SIZE_EXPECTED}; a multiple of 4096 from 1M to 1G`;
const NAME_EXPECTED =
  "a DNS label: 1 to 63 of a-z, 0-9 and '-', not at the ends, and not only digits";
const PUBLISH_EXPECTED =
  "HOST:GUEST or ADDRESS:HOST:GUEST, and /udp behind it for UDP, for example 8081:80 or 5353:53/udp";
const PUBLISH_MAXIMUM = 64, LABELS_MAXIMUM = 64, LABEL_CHARACTERS = 256;
const LABEL_KEY = /^[a-zA-Z0-9]([a-zA-Z0-9._\/-]{0,61}[a-zA-Z0-9])?$/;
const LABEL_EXPECTED =
  `a name of 1 to 63 letters, digits, '.', '_', '/' and '-', and a text of at most ${LABEL_CHARACTERS} characters`;

/** Reads each field of a request (parsed JSON). They throw a RequestError that names the field. */
export const VM_FIELDS = {
  name: (value: unknown) => value === undefined ? undefined : parseName(value),
  image: (value: unknown) => text("image", value, "the name of an image or of a built-in guest"),
  memory: parseMemory,
  args: (value: unknown): readonly string[] =>
    list("args", value).map((item, index) => text(`args[${index}]`, item, "text")),
  env: (value: unknown) => parseTexts("env", value),
  labels: parseLabels,
  restart: parseRestart,
  publish: (value: unknown): readonly PortMapping[] =>
    list("publish", value, PUBLISH_MAXIMUM).map((item, index) =>
      parsePublish(`publish[${index}]`, item)
    ),
  egress: (value: unknown) => parseEgress(value),
  disks: (value: unknown): readonly DiskAttachment[] => parseDisks(list("disks", value)),
  start: (value: unknown) => parseBoolean("start", value, true),
} as const;

const FIELDS = [...Object.keys(VM_FIELDS), ...RESOURCE_FIELDS];

/** What can be changed of a VM that exists. */
export interface VmChange extends Resources {
  readonly labels?: Readonly<Record<string, string>>;
  readonly restart?: string;
  readonly egress?: readonly string[] | null;
  /** Instead of those that it has; only while it is stopped. */
  readonly disks?: readonly DiskAttachment[];
}

/** Checks a request from outside (parsed JSON). Throws a RequestError that names the field. */
export function parseVmRequest(value: unknown): VmRequest {
  const request = object("body", value);
  checkFields(request, FIELDS);
  const fields = Object.entries(VM_FIELDS).map(([name, parse]) => [name, parse(request[name])]);
  return { ...parseResources(request), ...Object.fromEntries(fields) };
}

/** Checks what is to change of a VM that exists. Throws a RequestError that names the field. */
export function parseVmChange(value: unknown): VmChange {
  const change = object("body", value);
  checkFields(change, ["labels", "restart", "egress", "disks", ...RESOURCE_FIELDS]);
  return {
    ...parseResources(change),
    ...change.labels !== undefined && { labels: parseLabels(change.labels) },
    ...change.restart !== undefined && { restart: parseRestart(change.restart) },
    ...change.egress !== undefined && { egress: parseEgress(change.egress) },
    ...change.disks !== undefined && { disks: VM_FIELDS.disks(change.disks) },
  };
}

/** Labels by which VMs are found and tokens are limited: at most 64. */
export function parseLabels(value: unknown): Readonly<Record<string, string>> {
  const labels = parseTexts("labels", value);
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAXIMUM) {
    throw new RequestError("labels", `got ${entries.length}`, `at most ${LABELS_MAXIMUM}`);
  }
  for (const [key, item] of entries) {
    if (LABEL_KEY.test(key) && item.length <= LABEL_CHARACTERS) continue;
    throw new RequestError(`labels.${key.slice(0, 80)}`, `got ${show(item)}`, LABEL_EXPECTED);
  }
  return labels;
}

function parseTexts(field: string, value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(object(field, value ?? {}))
      .map(([key, item]) => [key, text(`${field}.${key}`, item, "text")]),
  );
}

function checkFields(request: Record<string, unknown>, fields: readonly string[]): void {
  for (const key of Object.keys(request)) {
    if (fields.includes(key)) continue;
    throw new RequestError(key, "unknown field", `one of ${fields.join(", ")}`);
  }
}

export function parseName(value: unknown): string {
  if (
    typeof value === "string" && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value) &&
    !/^\d+$/.test(value)
  ) return value;
  throw new RequestError("name", `got ${show(value)}`, NAME_EXPECTED);
}

export function parseMemory(value: unknown): number {
  if (value === undefined) return MEMORY_DEFAULT;
  const bytes = typeof value === "string" ? parseSize(value) : value;
  if (
    typeof bytes === "number" && bytes % PAGE === 0 &&
    bytes >= LAYOUT.MEMORY_MINIMUM.value && bytes <= LAYOUT.MEMORY_MAXIMUM.value
  ) return bytes;
  throw new RequestError("memory", `got ${show(value)}`, MEMORY_EXPECTED);
}

/** `[ADDRESS:]HOST:GUEST[/PROTOCOL]`, or an object of the same. */
export function parsePublish(field: string, value: unknown): Required<PortMapping> {
  const mapping = typeof value === "string" ? splitPublish(value) : value;
  if (typeof mapping === "object" && mapping !== null) {
    const { hostname = "127.0.0.1", host, guest, protocol = "tcp" } = mapping as Record<
      string,
      unknown
    >;
    if (
      typeof hostname === "string" && hostname !== "" && isPort(host) && isPort(guest) && guest &&
      (protocol === "tcp" || protocol === "udp")
    ) return { hostname, host, guest, protocol };
  }
  throw new RequestError(field, `got ${show(value)}`, PUBLISH_EXPECTED);
}

function splitPublish(text: string): unknown {
  const match = /^(?:(\[[0-9a-f:]+\]|[^:]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text);
  if (match === null) return undefined;
  return {
    hostname: match[1]?.replace(/^\[|\]$/g, ""),
    host: Number(match[2]),
    guest: Number(match[3]),
    protocol: match[4]?.toLowerCase(),
  };
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535;
}

function parseBoolean(field: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === "boolean") return value;
  throw new RequestError(field, `got ${show(value)}`, "true or false");
}

export function object(field: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new RequestError(field, `got ${show(value)}`, "a JSON object");
}

function list(field: string, value: unknown, most = 1000): unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.length <= most) return value;
  throw new RequestError(field, `got ${show(value)}`, `a JSON array of at most ${most} items`);
}

function text(field: string, value: unknown, expected: string): string {
  if (
    typeof value === "string" && value.isWellFormed() && (value !== "" || expected === "text")
  ) return value;
  throw new RequestError(field, `got ${show(value)}`, expected);
}
