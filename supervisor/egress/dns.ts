/**
 * Names for VMs: what they ask port 53 of the gateway is passed on to a resolver, and its answer back.
 *
 * Queries are passed on as they are, each by a socket of its own (so that an answer can hardly be forged,
 * RFC 5452 section 4) and with a number of ours; what comes back must carry that number and the question.
 * A VM that may reach nothing gets no names either: it is answered REFUSED, as is one that asks too much at
 * once. Over TCP, for long answers, the connection is carried to the resolver's.
 */

import { createSocket } from "node:dgram";
import type { Gateway, GatewayConnection } from "../gateway/gateway.ts";
import { closeQuietly, joinStreams } from "../host_stream.ts";
import { Openings } from "./openings.ts";
import type { EgressPolicy, Target } from "./policy.ts";

/** Port of the service (RFC 1035 section 4.2). */
const DNS_PORT = 53;
/** Queries under way, of a VM and in all. */
const PER_VM = 32, IN_ALL = 512;
/** Queries of a VM, per second and at once. */
const RATE = 200, BURST = 256;
/** Longer than a resolver's own patience with one server; the guest asks again before. */
const ANSWER_TIMEOUT_MS = 5000;
const HEADER_BYTES = 12, QUERY_MAXIMUM = 1232;
/** Second byte of the flags: RA and the response code; first: QR (RFC 1035 section 4.1.1). */
const QR = 0x80, SERVER_FAILURE = 2, REFUSED = 5;

export interface DnsStats {
  queries: number;
  answers: number;
  refused: number;
  failed: number;
  /** Answers that were not to the question. */
  strange: number;
}

/** Answers the VMs of a gateway from `server`. */
export class DnsForwarder {
  readonly stats: DnsStats = { queries: 0, answers: 0, refused: 0, failed: 0, strange: 0 };
  readonly #policy: EgressPolicy;
  readonly #server: Target;
  readonly #counts = new Map<number, number>();
  readonly #ends = new Set<() => void>();
  readonly #openings = new Openings(RATE, BURST);
  #sum = 0;

  constructor(gateway: Gateway, policy: EgressPolicy, server: Target) {
    this.#policy = policy;
    this.#server = server;
    gateway.bindUdp(DNS_PORT, (query, from, reply) => this.#ask(query, from.address, reply));
    gateway.listen(DNS_PORT, (connection) => void this.#carry(connection));
  }

  /** A VM is gone. */
  forget(vm: number): void {
    this.#openings.forget(vm);
  }

  close(): void {
    for (const end of [...this.#ends]) end();
  }

  #ask(query: Uint8Array, vm: number, reply: (payload: Uint8Array) => boolean): void {
    if (query.length < HEADER_BYTES || query.length > QUERY_MAXIMUM || query[2] & QR) return;
    this.stats.queries++;
    if (!this.#mayAsk(vm)) {
      this.stats.refused++;
      reply(errorFor(query, REFUSED));
      return;
    }
    this.#begin(vm);
    const number = crypto.getRandomValues(new Uint8Array(2));
    const socket = createSocket("udp4");
    const end = (answer?: Uint8Array) => {
      if (!this.#ends.delete(end)) return;
      clearTimeout(timer);
      this.#end(vm);
      socket.close();
      if (answer === undefined) this.stats.failed++;
      else this.stats.answers++;
      reply(answer ?? errorFor(query, SERVER_FAILURE));
    };
    const timer = setTimeout(() => end(), ANSWER_TIMEOUT_MS);
    this.#ends.add(end);
    socket.on("error", () => end());
    socket.on("message", (bytes, { address, port }) => {
      const answer = Uint8Array.from(bytes);
      const from = address === this.#server.hostname && port === this.#server.port;
      const ours = answer[0] === number[0] && answer[1] === number[1];
      if (!from || !ours || !isAnswerTo(answer, query)) {
        this.stats.strange++;
        return;
      }
      answer.set(query.subarray(0, 2));
      end(answer);
    });
    const renumbered = query.slice();
    renumbered.set(number);
    socket.send(renumbered, this.#server.port, this.#server.hostname, (error) => error && end());
  }

  async #carry(connection: GatewayConnection): Promise<void> {
    const vm = connection.remote.address;
    if (!this.#mayAsk(vm)) {
      this.stats.refused++;
      return connection.abort();
    }
    this.#begin(vm);
    const abandoned = new AbortController();
    const end = () => abandoned.abort();
    this.#ends.add(end);
    try {
      const socket = await Deno.connect(this.#server);
      this.stats.queries++;
      if (abandoned.signal.aborted) closeQuietly(socket);
      await joinStreams(socket, connection, abandoned.signal);
      this.stats.answers++;
    } catch {
      this.stats.failed++;
      connection.abort();
    } finally {
      this.#ends.delete(end);
      this.#end(vm);
    }
  }

  #mayAsk(vm: number): boolean {
    const full = (this.#counts.get(vm) ?? 0) >= PER_VM || this.#sum >= IN_ALL;
    return !full && this.#policy.mayReachAnything(vm) && this.#openings.take(vm);
  }

  #begin(vm: number): void {
    this.#counts.set(vm, (this.#counts.get(vm) ?? 0) + 1);
    this.#sum++;
  }

  #end(vm: number): void {
    const count = this.#counts.get(vm)! - 1;
    if (count > 0) this.#counts.set(vm, count);
    else this.#counts.delete(vm);
    this.#sum--;
  }
}

/** The query as an answer with a response code and nothing else. */
function errorFor(query: Uint8Array, code: number): Uint8Array {
  const answer = query.slice();
  answer[2] |= QR;
  answer[3] = (answer[3] & 0x70) | QR | code;
  return answer;
}

/** It is a response, and the question that it repeats is that of the query, whatever the case of letters. */
function isAnswerTo(answer: Uint8Array, query: Uint8Array): boolean {
  if (answer.length < HEADER_BYTES || (answer[2] & QR) === 0) return false;
  const end = questionEnd(query);
  if (end === undefined || answer.length < end) return false;
  for (let at = HEADER_BYTES; at < end; at++) {
    if (lower(answer[at]) !== lower(query[at])) return false;
  }
  return true;
}

/** Where the only question of a message ends. */
function questionEnd(message: Uint8Array): number | undefined {
  let at = HEADER_BYTES;
  while (at < message.length && message[at] !== 0) {
    if (message[at] > 63) return undefined;
    at += 1 + message[at];
  }
  return at + 5 <= message.length ? at + 5 : undefined;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

/** The resolver that this machine uses (resolv.conf(5)), or undefined. */
export function hostResolver(path = "/etc/resolv.conf"): Target | undefined {
  try {
    const text = Deno.readTextFileSync(path);
    const hostname = text.match(/^[ \t]*nameserver[ \t]+(\d+\.\d+\.\d+\.\d+)[ \t]*$/m)?.[1];
    return hostname === undefined ? undefined : { hostname, port: DNS_PORT };
  } catch {
    return undefined;
  }
}
