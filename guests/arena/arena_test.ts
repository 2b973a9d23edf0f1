/** arena and its bots: in VMs, on Linux, over a bad link, and among those who mean no good. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { createSocket, type Socket } from "node:dgram";
import { hasTool } from "../../tests/tools.ts";
import {
  GuestHost,
  nativeGuest,
  prepare,
  runTool,
  startNative,
} from "../../tests/support/guest_host.ts";
import { attempts } from "../../tests/support/until.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
if (!ignore) await prepare("arena", "arena-bot");
const server = ignore ? "" : await nativeGuest("arena");
const bot = ignore ? "" : await nativeGuest("arena-bot");
globalThis.addEventListener("unload", () => [server, bot].forEach((p) => p && Deno.removeSync(p)));

const CONNECT = 1, CHALLENGE = 2, JOIN = 3, ACCEPT = 4, REFUSE = 5, INPUT = 6, UPDATE = 7;

function lines(text: string): Record<string, number>[] {
  return text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

type Told = Record<string, number>;

/** Bots that play with an arena on this port for so long. */
async function play(port: number, clients: number, milliseconds: number): Promise<Told> {
  const args = ["-c", `${clients}`, "-t", `${milliseconds}`, "-p", `${port}`, "127.0.0.1"];
  const { code, stdout } = await runTool(bot, args);
  return { code, ...lines(stdout)[0] };
}

/** Two seconds are enough for bots to play; on a machine that gave them none they play for longer. */
const LONGER = 2000;

/** A client of the test's own. */
class Client {
  readonly #socket: Socket = createSocket("udp4");
  readonly #got: Buffer[] = [];
  #wake = () => {};

  constructor(readonly port: number) {
    this.#socket.on("message", (bytes) => {
      this.#got.push(bytes);
      this.#wake();
    });
  }

  send(type: number, body: number[], length = 0): number {
    const bytes = Buffer.alloc(Math.max(length, 5 + body.length));
    bytes.writeUInt32BE(0x41524e31);
    bytes[4] = type;
    bytes.set(body, 5);
    this.sendRaw(bytes);
    return bytes.length;
  }

  sendRaw(bytes: Uint8Array) {
    this.#socket.send(bytes, this.port, "127.0.0.1");
  }

  /** The next datagram of these types; others are left out. Null if none comes within the time. */
  async next(types: number | number[], ms = 60_000): Promise<Buffer | null> {
    const deadline = performance.now() + ms, wanted = [types].flat();
    for (;;) {
      const bytes = this.#got.shift();
      if (bytes && wanted.includes(bytes[4])) return bytes;
      if (bytes) continue;
      const left = deadline - performance.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    }
  }

  /** Joins as the protocol says; the session, or null if it was refused. */
  async join(nonce: number): Promise<number[] | null> {
    const word = [0, 0, nonce >> 8, nonce & 255];
    this.send(CONNECT, word, 32);
    const challenge = (await this.next(CHALLENGE))!;
    this.send(JOIN, [...word, ...challenge.subarray(9, 13)]);
    const answer = (await this.next([ACCEPT, REFUSE]))!;
    return answer[4] === ACCEPT ? [...answer.subarray(9, 13)] : null;
  }

  /** Sends an input and waits for an update that knows it: all that came before has been taken. */
  async input(session: number[], sequence: number): Promise<void> {
    this.send(INPUT, [...session, 0, 0, sequence >> 8, sequence & 255, 0, 0, 0, 0, 1, 1, 0]);
    for (let known = 0; known !== sequence;) {
      const update = await this.next(UPDATE);
      if (!update) throw new Error("the session has ended");
      known = update.readUInt32BE(17);
    }
  }

  close() {
    this.#socket.close();
  }
}

Deno.test({
  name: "bots in a VM get updates from an arena in another one, and every state is what was meant",
  ignore,
  fn: () =>
    GuestHost.use(async (host) => {
      const meet = async (number: number) => {
        const vm = await host.boot("arena");
        await vm.says("listening");
        const args = ["-c", "4", "-t", `${number * LONGER}`, vm.address];
        const { code, console } = await (await host.boot("arena-bot", { args })).ended();
        return { vm, code, console, told: lines(console)[0] };
      };
      const { vm, code, console, told: { playing, updates, wrong, undecodable, whole } } =
        await attempts(meet, ({ told }) => told.playing === 4 && told.updates > 8);
      assertEquals([code, playing, wrong, undecodable], [0, 4, 0, 0], console);
      assert(updates > 8 && whole < updates, console);
      await vm.says('"players":0');
      assertEquals(lines(vm.console()).at(-1)!.joined, 4);
    }),
});

Deno.test({
  name: "updates that a link loses, doubles and reorders are made good by the next ones",
  ignore,
  fn: async () => {
    const arena = await startNative(server, ["0"]);
    // Between bots and server: one socket for each client; every 4th datagram of the server is lost,
    // every 7th comes twice and every 5th behind the next one.
    const front = createSocket("udp4"), backs = new Map<number, Socket>();
    let number = 0;
    front.on("message", (bytes, from) => {
      let back = backs.get(from.port);
      if (!back) {
        back = createSocket("udp4");
        backs.set(from.port, back);
        let held: Buffer | null = null;
        back.on("message", (answer) => {
          number++;
          if (number % 4 === 0) return;
          if (number % 5 === 0 && !held) return void (held = answer);
          front.send(answer, from.port, "127.0.0.1");
          if (number % 7 === 0) front.send(answer, from.port, "127.0.0.1");
          if (held) front.send(held, from.port, "127.0.0.1");
          held = null;
        });
      }
      back.send(bytes, arena.port, "127.0.0.1");
    });
    await new Promise<void>((resolve) => front.bind(0, "127.0.0.1", resolve));
    const { port } = front.address();
    const { code, wrong, lost, duplicates, reordered, playing, updates } = await attempts(
      (number) => play(port, 8, number * LONGER),
      (told) => told.playing === 8 && told.lost > 0 && told.duplicates > 0 && told.reordered > 0,
    );
    front.close();
    for (const back of backs.values()) back.close();
    await arena.stop();
    assertEquals([code, playing, wrong], [0, 8, 0]);
    assert(updates > 0 && lost > 0 && duplicates > 0 && reordered > 0);
  },
});

Deno.test({
  name:
    "nobody gets a session, an answer longer than his question, or another's session by forging",
  ignore,
  fn: async () => {
    const arena = await startNative(server, ["0", "60000"]);
    const player = new Client(arena.port), forger = new Client(arena.port);
    const session = (await player.join(1))!;
    assert(session);
    assert(await player.next(UPDATE));
    // A guessed cookie, and one that was given to another port.
    forger.send(JOIN, [0, 0, 0, 2, 1, 2, 3, 4]);
    assertEquals((await forger.next(REFUSE))![9], 2);
    const asked = player.send(CONNECT, [0, 0, 0, 9], 32);
    const challenge = (await player.next(CHALLENGE))!;
    assert(challenge.length <= asked);
    forger.send(JOIN, [0, 0, 0, 9, ...challenge.subarray(9, 13)]);
    assertEquals((await forger.next(REFUSE))![9], 2);
    // Another's session, short questions, noise.
    forger.send(INPUT, [...session, 0, 0, 1, 0, 0, 0, 0, 0, 8, 8, 1]);
    forger.send(8, session);
    forger.send(CONNECT, [0, 0, 0, 3]);
    for (let i = 0; i < 200; i++) {
      forger.sendRaw(crypto.getRandomValues(new Uint8Array(1 + (i * 7) % 1400)));
      forger.send(i % 12, [...crypto.getRandomValues(new Uint8Array(i % 30))]);
      // No more at once than fit into the server's receive buffer.
      if (i % 25 === 24) await player.input(session, 1 + i);
    }
    // Inputs out of range, and of a tick that was never sent.
    player.send(INPUT, [...session, 0, 0, 1, 45, 0, 0, 0, 0, 100, 0, 0]);
    player.send(INPUT, [...session, 0, 0, 1, 45, 255, 0, 0, 0, 0, 0, 0]);
    for (let i = 0; i < 3; i++) await player.input(session, 302 + i);
    assertEquals(await forger.next(CHALLENGE, 1), null);
    assertEquals(await forger.next(ACCEPT, 1), null);
    player.send(8, session);
    await arena.says('"players":0');
    player.close();
    forger.close();
    const told = lines(await arena.stop()).at(-1)!;
    assertEquals([told.joined, told.left, told.players], [1, 1, 0]);
    assert(told.foreign >= 2 && told.malformed >= 200 && told.refused >= 2, JSON.stringify(told));
  },
});

Deno.test({
  name: "sessions are bounded in all and for each address, and silent clients make room",
  ignore,
  fn: async () => {
    const join = async (silenceMs: number) => {
      const arena = await startNative(server, ["0", `${silenceMs}`]);
      const clients = Array.from({ length: 17 }, () => new Client(arena.port));
      const sessions = [];
      for (const [index, client] of clients.entries()) sessions.push(await client.join(index + 1));
      return { arena, clients, sessions };
    };
    const patient = await join(60_000), impatient = await join(400);
    assertEquals(patient.sessions.filter((session) => session === null).length, 1);
    // Nobody says anything more: each is sent updates for a while and then is gone.
    await impatient.arena.says('"players":0');
    assert(await impatient.clients[16].join(99));
    for (const { arena, clients } of [patient, impatient]) {
      for (const client of clients) client.close();
      await arena.stop();
    }
  },
});

Deno.test({
  name: "a flood of questions costs a player no update",
  ignore,
  fn: async () => {
    const arena = await startNative(server, ["0"]);
    const flooder = new Client(arena.port);
    let flooding = true;
    const flood = (async () => {
      while (flooding) {
        for (let i = 0; i < 200; i++) flooder.send(i % 2 ? CONNECT : JOIN, [0, 0, 0, 1], 32);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const { code, lost, wrong, playing } = await attempts(
      (number) => play(arena.port, 2, number * LONGER),
      (told) => told.playing === 2,
    );
    flooding = false;
    await flood;
    flooder.close();
    await arena.stop();
    assertEquals([code, playing, wrong, lost], [0, 2, 0, 0]);
  },
});
