/**
 * TCP connections of VMs to the world: each is a socket of this machine, opened before the VM's half is.
 *
 * A target that refuses, or that no way leads to, is told to the VM as such. Connections are bounded for each
 * VM and in all, and so are those that a VM opens in a second; one more is refused.
 */

import type {
  Endpoint,
  GatewayConnection,
  OutboundAnswer,
  OutboundPolicy,
} from "../gateway/gateway.ts";
import { type Carried, closeQuietly, joinStreams } from "../host_stream.ts";
import { Openings } from "./openings.ts";
import type { EgressPolicy, Target } from "./policy.ts";

/** Connections at once, of a VM and in all. */
const PER_VM = 2048, IN_ALL = 16_384;
/** Connections that a VM opens, per second and at once. */
const RATE = 500, BURST = 2048;
const CONNECT_TIMEOUT_MS = 10_000;

export interface TcpRelayStats extends Carried {
  /** Connections that are open, or opened so far. */
  open: number;
  opened: number;
  /** Those that the rules forbid, that were too many, and that the world did not take. */
  prohibited: number;
  tooMany: number;
  failed: number;
}

export class TcpRelay {
  readonly stats: TcpRelayStats = {
    open: 0,
    opened: 0,
    prohibited: 0,
    tooMany: 0,
    failed: 0,
    fromVm: 0,
    toVm: 0,
  };
  readonly #policy: EgressPolicy;
  readonly #counts = new Map<number, number>();
  readonly #ends = new Set<AbortController>();
  readonly #openings: Openings;
  #sum = 0;

  constructor(policy: EgressPolicy, openings: Openings = new Openings(RATE, BURST)) {
    this.#policy = policy;
    this.#openings = openings;
  }

  readonly decide: OutboundPolicy = (to, from) => {
    const target = this.#policy.find(from.address, "tcp", to.address, to.port);
    if (target === undefined) {
      this.stats.prohibited++;
      return "prohibited";
    }
    const count = this.#counts.get(from.address) ?? 0;
    if (count >= PER_VM || this.#sum >= IN_ALL || !this.#openings.take(from.address)) {
      this.stats.tooMany++;
      return "refused";
    }
    return this.#dial(target, from);
  };

  /** A VM is gone. */
  forget(vm: number): void {
    this.#openings.forget(vm);
  }

  /** Ends all connections. */
  close(): void {
    for (const end of this.#ends) end.abort();
  }

  async #dial(target: Target, from: Endpoint): Promise<OutboundAnswer> {
    this.#count(from.address, 1);
    let socket: Deno.TcpConn;
    try {
      socket = await connectWithin(target, CONNECT_TIMEOUT_MS);
    } catch (error) {
      this.#count(from.address, -1);
      this.stats.failed++;
      return error instanceof Deno.errors.ConnectionRefused ? "refused" : "unreachable";
    }
    return {
      open: (connection) => void this.#carry(socket, connection, from.address),
      lost: () => {
        closeQuietly(socket);
        this.#count(from.address, -1);
      },
    };
  }

  async #carry(socket: Deno.TcpConn, connection: GatewayConnection, vm: number): Promise<void> {
    const end = new AbortController();
    this.#ends.add(end);
    this.stats.open++;
    this.stats.opened++;
    await joinStreams(socket, connection, end.signal, this.stats);
    this.stats.open--;
    this.#ends.delete(end);
    this.#count(vm, -1);
  }

  #count(vm: number, change: number): void {
    const count = (this.#counts.get(vm) ?? 0) + change;
    if (count > 0) this.#counts.set(vm, count);
    else this.#counts.delete(vm);
    this.#sum += change;
  }
}

/** Rejects after `ms`; a socket that comes later is closed. */
async function connectWithin(target: Target, ms: number): Promise<Deno.TcpConn> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Deno.errors.TimedOut()), ms);
  const connecting = Deno.connect(target);
  try {
    return await Promise.race([connecting, late]);
  } catch (error) {
    connecting.then(closeQuietly, () => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
