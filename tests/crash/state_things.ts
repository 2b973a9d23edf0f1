/**
 * What one client of the crash test has made on the server, as it was last acknowledged, and what the
 * request that is under way would make of it.
 */

import { printGuest } from "../../supervisor/testing/guests.ts";
import { pick, type Random } from "./random.ts";

export type Client = (
  method: string,
  path: string,
  options?: { json?: unknown; body?: Uint8Array<ArrayBuffer> },
) => Promise<{ status: number; body: unknown }>;

type Kind = "vms" | "images" | "disks" | "tokens" | "ports";
/** Of a thing that exists: what of it can be compared. Null: it does not exist. */
type State = Readonly<Record<string, unknown>> | null;

type Send = (next: State, status: number, ...request: Parameters<Client>) => Promise<void>;

interface Thing {
  readonly kind: Kind;
  readonly name: string;
  acked: State;
  /** What it is after the request that is under way. */
  next?: State;
}

const POLICIES = ["no", "always", "unless-stopped", "on-failure"];
const NAMES = 4;
const FREE_PORT = 0;

export class Things {
  acked = 0;
  readonly #owner: string;
  readonly #things = new Map<string, Thing>();
  #count = 0;

  constructor(owner: string) {
    this.#owner = owner;
  }

  get size(): number {
    return [...this.#things.values()].filter(({ acked }) => acked !== null).length;
  }

  /** One request. Rejects if the server does not answer. */
  async step(client: Client, rng: Random): Promise<void> {
    const kind = pick(rng, ["vms", "vms", "vms", "images", "disks", "tokens", "ports"] as const);
    const name = `${this.#owner}-${kind}-${Math.floor(rng() * NAMES)}`;
    const thing = this.#things.get(name) ?? { kind, name, acked: null };
    this.#things.set(name, thing);
    await this.#request(client, rng, thing);
  }

  /** What the server has that is neither as acknowledged nor as the last request would have it. */
  async compare(client: Client): Promise<string[]> {
    const found = new Map<string, State>();
    for (const kind of ["vms", "images", "disks", "tokens", "ports"] as const) {
      const { body } = await client("GET", `/v1/${kind}`);
      for (const item of body as Record<string, unknown>[]) {
        const [name, state] = read(kind, item);
        if (name.startsWith(`${this.#owner}-`)) found.set(name, state);
      }
    }
    const wrong: string[] = [];
    for (const thing of this.#things.values()) {
      const state = found.get(thing.name) ?? null;
      found.delete(thing.name);
      const right = [thing.acked, ...thing.next === undefined ? [] : [thing.next]].map(afterStart);
      if (!right.some((each) => same(each, state))) {
        wrong.push(`${thing.name}: expected ${show(right)}, got ${show(state)}`);
      }
      thing.acked = state;
      thing.next = undefined;
    }
    for (const name of found.keys()) wrong.push(`${name}: nobody made it`);
    return wrong;
  }

  async #request(client: Client, rng: Random, thing: Thing): Promise<void> {
    const { kind, name, acked } = thing;
    const send: Send = (next, status, ...request) =>
      this.#send(client, thing, next, status, ...request);
    const path = `/v1/${kind}/${name}`;
    const number = ++this.#count;
    if (acked !== null && kind !== "vms") {
      const old = kind === "ports" ? `/v1/ports/127.0.0.1/${acked.host}` : path;
      return await send(null, 204, "DELETE", old);
    }
    switch (kind) {
      case "images": {
        const body = printGuest(`${this.#owner} ${number}`);
        const digest = await crypto.subtle.digest("SHA-256", body);
        const hash = new Uint8Array(digest).toHex();
        return await send({ hash }, 201, "POST", `/v1/images?name=${name}`, { body });
      }
      case "disks": {
        const bytes = 4096 * (1 + number % 8);
        const json = { name, size: bytes };
        return await send({ bytes }, 201, "POST", "/v1/disks", { json });
      }
      case "tokens": {
        const role = pick(rng, ["reader", "operator"]);
        return await send({ role }, 201, "POST", "/v1/tokens", { json: { name, role } });
      }
      case "ports":
        return await this.#publish(client, thing);
      case "vms":
        return await this.#changeVm(send, rng, thing, path);
    }
  }

  async #send(
    client: Client,
    thing: Thing,
    next: State,
    status: number,
    ...request: Parameters<Client>
  ): Promise<void> {
    thing.next = next;
    const answer = await client(...request);
    if (answer.status !== status) {
      throw new Error(`${request[0]} ${request[1]}: ${answer.status} ${show(answer.body)}`);
    }
    thing.acked = next;
    thing.next = undefined;
    this.acked++;
  }

  /** Of the client's VM that nobody removes. The host chooses the port: so it must be told. */
  async #publish(client: Client, thing: Thing): Promise<void> {
    const vm = `${this.#owner}-stays`;
    const stays = this.#things.get(vm) ?? { kind: "vms" as const, name: vm, acked: null };
    this.#things.set(vm, stays);
    if (stays.acked === null) {
      const json = { name: vm, image: "idle", memory: "1M", start: false };
      const made = vmState("no", 100, "created");
      return await this.#send(client, stays, made, 201, "POST", "/v1/vms", { json });
    }
    // The guest's port is the name by which it is found again.
    const guest = portOf(thing.name);
    const json = { vm, publish: `127.0.0.1:${FREE_PORT}:${guest}` };
    thing.next = { any: true };
    const { status, body } = await client("POST", "/v1/ports", { json });
    if (status !== 201) throw new Error(`${thing.name}: ${status} ${show(body)}`);
    thing.acked = { host: (body as { host: number }).host };
    thing.next = undefined;
    this.acked++;
  }

  async #changeVm(
    send: Send,
    rng: Random,
    { acked, name }: Thing,
    path: string,
  ): Promise<void> {
    if (acked === null) {
      const restart = pick(rng, POLICIES);
      const start = rng() < 0.7;
      const json = { name, image: "idle", memory: "1M", restart, start };
      const next = vmState(restart, 100, start ? "running" : "created");
      return await send(next, 201, "POST", "/v1/vms", { json });
    }
    const { state } = acked;
    switch (pick(rng, ["delete", "change", "run", "run"])) {
      case "delete":
        return await send(null, 204, "DELETE", path);
      case "change": {
        const change = { restart: pick(rng, POLICIES), cpuWeight: 1 + Math.floor(rng() * 1000) };
        return await send({ ...acked, ...change }, 200, "PATCH", path, { json: change });
      }
      case "run": {
        const verb = state === "running" ? "stop" : "start";
        const next = { ...acked, state: state === "running" ? "stopped" : "running" };
        return await send(next, 200, "POST", `${path}/${verb}`);
      }
    }
  }
}

function vmState(restart: string, cpuWeight: number, state: string): State {
  return { restart, cpuWeight, state };
}

/** What the restart policies make of a VM when the server starts. */
function afterStart(state: State): State {
  if (state?.restart === undefined) return state;
  const { restart, state: run } = state;
  if (run === "created") return state;
  const starts = restart === "always" || (run === "running" && restart !== "no");
  return { ...state, state: starts ? "running" : "stopped" };
}

/** Name and state of a thing as the server lists it. */
function read(kind: Kind, item: Record<string, unknown>): [string, State] {
  const name = item.name as string;
  switch (kind) {
    case "vms":
      return [
        name,
        vmState(item.restart as string, item.cpuWeight as number, item.state as string),
      ];
    case "images":
      return [name, { hash: item.hash }];
    case "disks":
      return [name, { bytes: item.bytes }];
    case "tokens":
      return [name, { role: item.role }];
    case "ports":
      return [`${name.split("-")[0]}-ports-${(item.guest as number) - 1000}`, { host: item.host }];
  }
}

function portOf(name: string): number {
  return 1000 + Number(name.split("-").at(-1));
}

function same(expected: State, got: State): boolean {
  if (expected !== null && got !== null && "any" in expected) return true;
  return JSON.stringify(expected) === JSON.stringify(got);
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
