/** telnetd over a published port and over the console. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GuestHost, prepare } from "../../tests/support/guest_host.ts";
import { attempts } from "../../tests/support/until.ts";

await prepare("telnetd");

const IAC = 255,
  DONT = 254,
  DO = 253,
  WONT = 252,
  WILL = 251,
  SB = 250,
  AYT = 246,
  IP = 244,
  SE = 240;
const OFFERS = [IAC, WILL, 1, IAC, WILL, 3];

class Telnet {
  #bytes: number[] = [];

  private constructor(readonly connection: Deno.TcpConn) {}

  static async connect(port: number): Promise<Telnet> {
    return new Telnet(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(...parts: (string | number)[]): Promise<void> {
    const bytes = parts.flatMap((part) =>
      typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]
    );
    await this.connection.write(new Uint8Array(bytes));
  }

  /** All that came up to and with this text; throws if the connection ends before. */
  async until(text: string): Promise<string> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const all = String.fromCharCode(...this.#bytes), at = all.indexOf(text);
      if (at >= 0) {
        this.#bytes.splice(0, at + text.length);
        return all.slice(0, at + text.length);
      }
      const got = await this.connection.read(buffer);
      if (got === null) throw new Error(`expected ${text}, the end came behind: ${all}`);
      this.#bytes.push(...buffer.subarray(0, got));
    }
  }

  /** Types a command; what it printed. */
  async ask(command: string): Promise<string> {
    await this.send(command + "\r\n");
    await this.until(command + "\r\n");
    const answer = await this.until("\r\nbox> ").catch(() => this.until("box> "));
    return answer.replaceAll("\r\n", "\n");
  }

  close() {
    this.connection.close();
  }
}

Deno.test("the shell of a guest shows its threads, sockets and memory, pings and asks for names", () =>
  GuestHost.use(async (host) => {
    const vm = await host.boot("telnetd", { name: "box", publish: [23] });
    await vm.says("listening");
    const telnet = await Telnet.connect(vm.port);
    const greeting = await telnet.until("box> ");
    assertEquals([...greeting.slice(0, 6)].map((c) => c.charCodeAt(0)), OFFERS);
    assertMatch(await telnet.ask("help"), /sockets.*\n[^]*exit/);
    assertMatch(await telnet.ask("threads"), /running +\d+ +session\n/);
    const sockets = await telnet.ask("sockets");
    assertMatch(sockets, /tcp +\*:23 .* LISTEN/);
    assertMatch(sockets, /tcp +10\.\S+:23 +10\.\S+:\d+ +ESTABLISHED/);
    assertMatch(await telnet.ask("memory"), /total +16384 KiB\n/);
    assertMatch(await telnet.ask("counters"), /\d+ +\w+/);
    assertMatch(await telnet.ask("uptime"), /up 0 days, 00:0\d:\d\d/);
    for (const address of [vm.address, "10.0.0.1"]) {
      // The shell waits for a second, and a machine may stand still for longer.
      const ask = () => telnet.ask(`ping ${address} 2`), all = /2 of 2 answered/;
      assertMatch(await attempts(ask, (answer) => all.test(answer)), all);
    }
    assertStringIncludes(await telnet.ask("ping"), "usage: ping HOST");
    assertMatch(await telnet.ask("dns 10.1.2.3"), /^10\.1\.2\.3\n/);
    assertMatch(await telnet.ask("dns no.such.name.invalid"), /^no\.such\.name\.invalid: \w+/);
    assertStringIncludes(await telnet.ask("frobnicate"), "there is no such command; try help");
    await telnet.send("exit\r\n");
    await telnet.until("bye\r\n");
    assertEquals(await telnet.connection.read(new Uint8Array(1)), null);
    telnet.close();
  }));

Deno.test("the console of a guest has the same shell, and its end leaves the others alone", () =>
  GuestHost.use(async (host) => {
    const vm = await host.boot("telnetd", { name: "box", publish: [23] });
    await vm.says("box> ");
    const type = (text: string) => host.supervisor.keyboard("box", new TextEncoder().encode(text));
    await type("uptime\nsockets\n");
    await vm.says("LISTEN");
    assertMatch(vm.console(), /up 0 days/);
    await type("exit\n");
    await vm.says("bye");
    const telnet = await Telnet.connect(vm.port);
    await telnet.until("box> ");
    assertMatch(await telnet.ask("threads"), /session/);
    telnet.close();
  }));

Deno.test("lines are edited, options are refused, and commands in between are understood", () =>
  GuestHost.use(async (host) => {
    const vm = await host.boot("telnetd", { name: "box", publish: [23] });
    await vm.says("listening");
    const telnet = await Telnet.connect(vm.port);
    await telnet.until("box> ");
    await telnet.send("rubbish", 21, "uptimx", 127, "e", 13, 0);
    await telnet.until("up 0 days");
    await telnet.until("box> ");
    await telnet.send(
      "dns never",
      23,
      "10.9.8.7 mind",
      3,
      "upt",
      IAC,
      IP,
      "dns 1",
      8,
      "9.9.9.9\r\n",
    );
    await telnet.until("\r\n9.9.9.9\r\n");
    await telnet.until("box> ");
    const window = [IAC, SB, 31, 0, 80, IAC, IAC, 24, IAC, SE];
    await telnet.send(IAC, DO, 1, IAC, DO, 3, IAC, WILL, 31, ...window, IAC, DO, 24, IAC, WONT, 5);
    await telnet.send("up", IAC, AYT, "time\r");
    const answer = await telnet.until("up 0 days");
    assertStringIncludes(answer, String.fromCharCode(IAC, DONT, 31, IAC, WONT, 24) + "up");
    assertStringIncludes(answer, "[yes]");
    await telnet.until("box> ");
    await telnet.send("x".repeat(2000), 21, "uptime\n");
    await telnet.until("up 0 days");
    // A subnegotiation without end ends the session; noise does not end the server.
    await telnet.send(IAC, SB, ...new Array(6000).fill(1));
    while (await telnet.connection.read(new Uint8Array(1000)).catch(() => null) !== null) {
      /* end */
    }
    telnet.close();
    for (let i = 0; i < 20; i++) {
      const noise = await Telnet.connect(vm.port);
      await noise.connection.write(crypto.getRandomValues(new Uint8Array(3000))).catch(() => {});
      noise.close();
    }
    let served = false;
    while (!served) {
      const last = await Telnet.connect(vm.port);
      served = await last.until("box> ").then(() => true, () => false);
      if (served) assertMatch(await last.ask("uptime"), /up 0 days/);
      last.close();
    }
    assert(served);
  }));

Deno.test("sessions are bounded, and one that is silent too long is ended", () =>
  GuestHost.use(async (host) => {
    const connect = async (env: Record<string, string>) => {
      const vm = await host.boot("telnetd", { publish: [23], env });
      await vm.says("listening");
      const sessions = [await Telnet.connect(vm.port), await Telnet.connect(vm.port)];
      for (const session of sessions) await session.until("> ");
      return { vm, sessions };
    };
    const { vm, sessions } = await connect({ sessions: "2" });
    const third = await Telnet.connect(vm.port);
    await third.until("too many sessions; try again later\r\n");
    third.close();
    for (const session of sessions) session.close();
    for (const session of (await connect({ sessions: "2", idle_s: "1" })).sessions) {
      assertEquals(await session.connection.read(new Uint8Array(1)), null);
      session.close();
    }
  }));
