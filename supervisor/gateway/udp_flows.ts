/**
 * Flows of datagrams to VMs: each is a port of our own that speaks with one port of a VM, so that answers
 * to many clients are told apart (as a NAT does it, RFC 4787).
 *
 * A flow ends after IDLE_MS without a datagram either way, and when its VM has more flows than there is room for
 * others' and it was silent for longest. Datagrams are not held, but for the latest one while the VM's MAC is asked for (RFC 1122
 * section 2.3.2.2). Rules for the caller: `ended` is not called after `close`; `received` gets bytes of
 * its own.
 */
import type { Arp } from "./arp.ts";
import type { Endpoint } from "./connection.ts";
import type { Timed, Timers } from "./timers.ts";
import type { Udp } from "./udp.ts";

const IDLE_MS = 60_000;
/** Of the ports that are for this (RFC 6335 section 6) a quarter: a free one is found soon. */
const FLOWS_MAXIMUM = 4096;
const FIRST_PORT = 49_152, PORTS = 65_536 - FIRST_PORT;

export interface FlowEvents {
  /** A datagram from the VM. */
  received(payload: Uint8Array<ArrayBuffer>): void;
  /** The VM answered that nobody listens there, or did not answer at all; may come again. */
  failed(): void;
  /** It is over: nothing was sent for long, or another needed its place. */
  ended(): void;
}

export interface DatagramFlow {
  /** The port of our own. */
  readonly port: number;
  /** Copies `payload` if it must wait. False: it is lost. */
  send(payload: Uint8Array): boolean;
  close(): void;
}

class Flow implements Timed, DatagramFlow {
  wakeAt = Infinity;
  heapIndex = -1;
  usedAt = 0;
  waiting: Uint8Array | null = null;
  /** The VM's address when it was opened, by which it is counted. */
  readonly vm: number;

  constructor(
    readonly table: UdpFlows,
    readonly port: number,
    readonly to: Endpoint,
    readonly events: FlowEvents,
  ) {
    this.vm = to.address;
  }

  wake(now: number): void {
    this.table.expire(this, now);
  }

  send(payload: Uint8Array): boolean {
    return this.table.send(this, payload);
  }

  close(): void {
    this.table.remove(this);
  }
}

export class UdpFlows {
  /** By port of our own, in order of use. */
  readonly #flows = new Map<number, Flow>();
  /** The same by VM. */
  readonly #byVm = new Map<number, Set<Flow>>();

  constructor(
    readonly address: number,
    readonly udp: Udp,
    readonly arp: Arp,
    readonly timers: Timers,
    readonly now: () => number,
    readonly random: () => number,
  ) {}

  get size(): number {
    return this.#flows.size;
  }

  open(to: Endpoint, events: FlowEvents): DatagramFlow {
    const own = this.#byVm.get(to.address);
    if (own !== undefined && own.size > FLOWS_MAXIMUM - this.#flows.size) {
      this.#end(own.values().next().value!);
    }
    if (this.#flows.size >= FLOWS_MAXIMUM) this.#end(this.#flows.values().next().value!);
    let port = FIRST_PORT + this.random() % PORTS;
    while (this.#flows.has(port) || this.udp.isBound(port)) {
      port = port === 65_535 ? FIRST_PORT : port + 1;
    }
    const flow = new Flow(this, port, to, events);
    this.#flows.set(port, flow);
    this.#list(flow);
    flow.usedAt = this.now();
    this.timers.schedule(flow, flow.usedAt + IDLE_MS);
    return flow;
  }

  send(flow: Flow, payload: Uint8Array): boolean {
    if (this.#flows.get(flow.port) !== flow) return false;
    this.#use(flow);
    const neighbour = this.arp.neighbour(flow.to.address);
    const from = { address: this.address, port: flow.port };
    if (neighbour.resolved) {
      this.arp.refresh(neighbour, flow.usedAt);
      return this.udp.send(neighbour.mac, flow.to, from, payload);
    }
    const asks = flow.waiting !== null;
    flow.waiting = Uint8Array.from(payload);
    if (asks) return true;
    this.arp.resolve(neighbour, flow.usedAt, (found) => {
      const { waiting } = flow;
      flow.waiting = null;
      if (this.#flows.get(flow.port) !== flow || waiting === null) return;
      if (found) this.udp.send(neighbour.mac, flow.to, from, waiting);
      else flow.events.failed();
    });
    return true;
  }

  /** The flow that has this port and speaks with that port of a VM. */
  find(port: number, address: number, vmPort: number): Flow | undefined {
    const flow = this.#flows.get(port);
    if (flow === undefined || flow.to.address !== address || flow.to.port !== vmPort) return;
    return flow;
  }

  receive(flow: Flow, payload: Uint8Array<ArrayBuffer>): void {
    this.#use(flow);
    flow.events.received(payload);
  }

  remove(flow: Flow): void {
    if (this.#flows.get(flow.port) !== flow) return;
    this.#flows.delete(flow.port);
    this.#unlist(flow);
    this.timers.remove(flow);
  }

  #list(flow: Flow): void {
    const flows = this.#byVm.get(flow.vm);
    if (flows === undefined) this.#byVm.set(flow.vm, new Set([flow]));
    else flows.add(flow);
  }

  #unlist(flow: Flow): void {
    const flows = this.#byVm.get(flow.vm)!;
    flows.delete(flow);
    if (flows.size === 0) this.#byVm.delete(flow.vm);
  }

  expire(flow: Flow, now: number): void {
    if (now - flow.usedAt < IDLE_MS) this.timers.schedule(flow, flow.usedAt + IDLE_MS);
    else this.#end(flow);
  }

  close(): void {
    for (const flow of [...this.#flows.values()]) this.#end(flow);
  }

  #end(flow: Flow): void {
    this.remove(flow);
    flow.events.ended();
  }

  #use(flow: Flow): void {
    flow.usedAt = this.now();
    this.#flows.delete(flow.port);
    this.#flows.set(flow.port, flow);
    const own = this.#byVm.get(flow.vm)!;
    own.delete(flow);
    own.add(flow);
  }
}
