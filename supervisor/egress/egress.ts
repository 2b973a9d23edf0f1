/**
 * What VMs reach through the gateway beyond their own network: nothing, unless rules say so.
 *
 * A connection that the rules forbid is refused at once, with ICMP "administratively prohibited"; one that they
 * allow is carried by a socket of this machine. Bounds: tcp_relay.ts, udp_relay.ts, dns.ts.
 */

import type { Gateway } from "../gateway/gateway.ts";
import { DnsForwarder, type DnsStats, hostResolver } from "./dns.ts";
import { EgressPolicy, type Target } from "./policy.ts";
import { type EgressRule } from "./rules.ts";
import { TcpRelay, type TcpRelayStats } from "./tcp_relay.ts";
import { UdpRelay, type UdpRelayStats } from "./udp_relay.ts";

export interface EgressSettings {
  /** For VMs without rules of their own; default: none. */
  readonly rules?: readonly EgressRule[];
  /** Who resolves names; default: the resolver of this machine, if it has one. "none": nobody. */
  readonly dns?: Target | "none";
}

export interface EgressStats {
  readonly tcp: TcpRelayStats;
  readonly udp: UdpRelayStats;
  /** Absent: names are not resolved. */
  readonly dns?: DnsStats;
}

export class Egress {
  readonly #policy: EgressPolicy;
  readonly #tcp: TcpRelay;
  readonly #udp: UdpRelay;
  readonly #dns: DnsForwarder | undefined;

  /** `address` is the gateway's. */
  constructor(gateway: Gateway, address: number, { rules = [], dns }: EgressSettings = {}) {
    this.#policy = new EgressPolicy(rules, address);
    this.#tcp = new TcpRelay(this.#policy);
    this.#udp = new UdpRelay(this.#policy);
    gateway.setOutbound(this.#tcp.decide, this.#udp.decide);
    const server = dns === "none" ? undefined : dns ?? hostResolver();
    this.#dns = server && new DnsForwarder(gateway, this.#policy, server);
  }

  /** Gives a VM rules of its own; undefined: those of all. Holds for what begins later. */
  setRules(vm: number, rules: readonly EgressRule[] | undefined): void {
    this.#policy.set(vm, rules);
  }

  /** The VM has ended. Its connections end with those of the gateway. */
  ended(vm: number): void {
    this.#udp.forget(vm);
    this.#tcp.forget(vm);
    this.#dns?.forget(vm);
  }

  stats(): EgressStats {
    const { stats: tcp } = this.#tcp, { stats: udp } = this.#udp;
    return { tcp: { ...tcp }, udp: { ...udp }, ...this.#dns && { dns: { ...this.#dns.stats } } };
  }

  close(): void {
    this.#tcp.close();
    this.#udp.close();
    this.#dns?.close();
  }
}
