/**
 * Who may reach what: one list of rules for all VMs, or in its place a list of its own for a VM.
 *
 * Decisions are made when a connection or a flow of datagrams begins. What changes later ends none.
 */

import { isOwnAddress } from "./own_addresses.ts";
import { covers, type EgressRule, type Protocol } from "./rules.ts";

/** Where something goes from this machine. */
export interface Target {
  readonly hostname: string;
  readonly port: number;
}

export class EgressPolicy {
  readonly #general: readonly EgressRule[];
  readonly #gateway: number;
  readonly #isOwn: (address: number) => boolean;
  readonly #own = new Map<number, readonly EgressRule[]>();

  /** `gateway`: the address under which VMs reach this machine's loopback; `isOwn`: other addresses of it. */
  constructor(general: readonly EgressRule[], gateway: number, isOwn = isOwnAddress) {
    this.#general = general;
    this.#gateway = gateway;
    this.#isOwn = isOwn;
  }

  /** Gives the VM with this address rules of its own; undefined: those of all. */
  set(vm: number, rules: readonly EgressRule[] | undefined): void {
    if (rules === undefined) this.#own.delete(vm);
    else this.#own.set(vm, rules);
  }

  /** Where a VM's packet for an address goes; undefined: it must not. */
  find(vm: number, protocol: Protocol, address: number, port: number): Target | undefined {
    const to = address === this.#gateway ? "host" : address;
    const rules = this.#rulesOf(vm);
    if (rules.length === 0) return undefined;
    const own = to !== "host" && this.#isOwn(to);
    if (!rules.some((rule) => covers(rule, protocol, to, port, own))) return undefined;
    return { hostname: to === "host" ? "127.0.0.1" : textOf(address), port };
  }

  /** It may reach something, and so may want to know names. */
  mayReachAnything(vm: number): boolean {
    return this.#rulesOf(vm).length > 0;
  }

  #rulesOf(vm: number): readonly EgressRule[] {
    return this.#own.get(vm) ?? this.#general;
  }
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}
