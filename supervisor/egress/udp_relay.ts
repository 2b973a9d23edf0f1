/**
 * UDP of VMs to the world: each port of a VM that sends is a socket of this machine for as long as there
 * is traffic (RFC 4787: endpoint-independent mapping, address- and port-dependent filtering).
 *
 * Only who was written to may answer. Sockets are bounded for each VM and in all: the one that was silent
 * for longest makes room, but only so often. Datagrams are never held: what cannot be sent at once is lost,
 * as UDP may be.
 */

import { createSocket, type Socket } from "node:dgram";
import type { Endpoint, OutboundDatagrams } from "../gateway/gateway.ts";
import { Openings } from "./openings.ts";
import type { EgressPolicy, Target } from "./policy.ts";

/** Sockets, of a VM and in all; whom one of them may hear. */
const PER_VM = 64, IN_ALL = 4096, PEERS = 256;
/** Sockets that are opened for a VM, per second and at once. */
const RATE = 100, BURST = 128;
/** Datagrams that the host has not taken yet. */
const PENDING_MAXIMUM = 4096;
/** Silence after which a socket is closed (RFC 4787 section 4.3: two minutes or more). */
const IDLE_MS = 120_000, SWEEP_MS = 15_000;

export interface UdpRelayStats {
  /** Sockets that are open. */
  open: number;
  /** Datagrams from VMs, and to them. */
  fromVm: number;
  toVm: number;
  prohibited: number;
  /** Datagrams from those who were never written to, and those that a VM could not be given. */
  unasked: number;
  lost: number;
}

type Reply = (payload: Uint8Array, from: Endpoint) => boolean;

interface Mapping {
  readonly key: string;
  readonly vm: number;
  readonly socket: Socket;
  /** Whom it has written to: as the VM knows them, by "address:port" of the host's side. */
  readonly peers: Map<string, Endpoint>;
  reply: Reply;
  usedAt: number;
  /** Datagrams that the host has not taken yet; 0 from its end on. */
  pending: number;
}

export class UdpRelay {
  readonly stats: UdpRelayStats = {
    open: 0,
    fromVm: 0,
    toVm: 0,
    prohibited: 0,
    unasked: 0,
    lost: 0,
  };
  readonly #policy: EgressPolicy;
  /** In order of use. */
  readonly #mappings = new Map<string, Mapping>();
  readonly #counts = new Map<number, number>();
  readonly #openings: Openings;
  #pending = 0;
  #sweep: ReturnType<typeof setInterval> | undefined;

  constructor(
    policy: EgressPolicy,
    openings: Openings = new Openings(RATE, BURST),
    readonly open: () => Socket = () => createSocket("udp4"),
  ) {
    this.#policy = policy;
    this.#openings = openings;
  }

  readonly decide: OutboundDatagrams = (payload, to, from, reply) => {
    const target = this.#policy.find(from.address, "udp", to.address, to.port);
    if (target === undefined) {
      this.stats.prohibited++;
      return "prohibited";
    }
    const mapping = this.#mapping(from, reply);
    if (mapping === undefined) this.stats.lost++;
    else this.#send(mapping, payload, to, target);
    return "taken";
  };

  /** A VM is gone: closes its sockets. */
  forget(vm: number): void {
    this.#openings.forget(vm);
    if (!this.#counts.has(vm)) return;
    for (const mapping of this.#mappings.values()) if (mapping.vm === vm) this.#close(mapping);
  }

  close(): void {
    for (const mapping of this.#mappings.values()) this.#close(mapping);
  }

  #send(mapping: Mapping, payload: Uint8Array, to: Endpoint, target: Target): void {
    const { peers, socket } = mapping;
    const peer = `${target.hostname}:${target.port}`;
    peers.delete(peer);
    peers.set(peer, to);
    if (peers.size > PEERS) peers.delete(peers.keys().next().value!);
    if (this.#pending >= PENDING_MAXIMUM) {
      this.stats.lost++;
      return;
    }
    this.#pending++;
    mapping.pending++;
    socket.send(payload, target.port, target.hostname, (error) => {
      // A socket that could not be opened never answers.
      if (mapping.pending === 0) return;
      mapping.pending--;
      this.#pending--;
      if (error) this.stats.lost++;
      else this.stats.fromVm++;
    });
  }

  /** Undefined: too many were opened of late. */
  #mapping(from: Endpoint, reply: Reply): Mapping | undefined {
    const key = `${from.address}:${from.port}`;
    const known = this.#mappings.get(key);
    if (known !== undefined) {
      known.usedAt = performance.now();
      known.reply = reply;
      this.#mappings.delete(key);
      this.#mappings.set(key, known);
      return known;
    }
    if (!this.#openings.take(from.address)) return undefined;
    this.#makeRoom(from.address);
    const mapping: Mapping = {
      key,
      vm: from.address,
      socket: this.open(),
      peers: new Map(),
      reply,
      usedAt: performance.now(),
      pending: 0,
    };
    mapping.socket.on("message", (payload, { address, port }) => {
      const peer = mapping.peers.get(`${address}:${port}`);
      if (peer === undefined) {
        this.stats.unasked++;
        return;
      }
      mapping.usedAt = performance.now();
      if (mapping.reply(payload, peer)) this.stats.toVm++;
      else this.stats.lost++;
    });
    mapping.socket.on("error", () => this.#close(mapping));
    this.#mappings.set(key, mapping);
    this.#counts.set(from.address, (this.#counts.get(from.address) ?? 0) + 1);
    this.stats.open++;
    this.#sweep ??= setInterval(() => this.#closeIdle(), SWEEP_MS);
    return mapping;
  }

  #makeRoom(vm: number): void {
    if ((this.#counts.get(vm) ?? 0) >= PER_VM) {
      for (const mapping of this.#mappings.values()) {
        if (mapping.vm !== vm) continue;
        this.#close(mapping);
        break;
      }
    }
    if (this.#mappings.size < IN_ALL) return;
    this.#close(this.#mappings.values().next().value!);
  }

  #closeIdle(): void {
    const before = performance.now() - IDLE_MS;
    for (const mapping of this.#mappings.values()) {
      if (mapping.usedAt < before) this.#close(mapping);
    }
  }

  #close(mapping: Mapping): void {
    if (this.#mappings.get(mapping.key) !== mapping) return;
    this.#mappings.delete(mapping.key);
    const count = this.#counts.get(mapping.vm)! - 1;
    if (count > 0) this.#counts.set(mapping.vm, count);
    else this.#counts.delete(mapping.vm);
    this.stats.open--;
    this.stats.lost += mapping.pending;
    this.#pending -= mapping.pending;
    mapping.pending = 0;
    mapping.socket.close();
    if (this.#mappings.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
