/** The command line from outside: a process for each command. */

import { assert, assertEquals, assertMatch, assertStringIncludes, fail } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import {
  crashGuest,
  echoGuest,
  exitGuest,
  floodGuest,
  printGuest,
  spinGuest,
} from "../testing/guests.ts";
import { COMMANDS } from "./main.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const decoder = new TextDecoder();

function denali(args: string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", MAIN, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(args: string[], input = "", env = {}): Promise<Outcome> {
  const child = denali(args, env).spawn();
  const writer = child.stdin.getWriter();
  // The command may end without reading its input.
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A folder with the tiny guests as files. */
async function withGuests(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const files = {
    hello: printGuest("hello\nthere\n"),
    five: printGuest("", 5),
    big: exitGuest(200),
    crash: crashGuest(),
    echo: echoGuest(),
    spin: spinGuest(),
    flood: floodGuest(64),
    broken: printGuest("").slice(0, 60),
  };
  try {
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.writeFile(`${folder}/${name}.elf`, bytes);
    }
    await Deno.writeTextFile(
      `${folder}/text.elf`,
      "this is no executable, whatever its name says\n",
    );
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("run prints exactly what the guest writes and passes its code on", () =>
  withGuests(async (folder) => {
    assertEquals(await run(["run", `${folder}/hello.elf`]), {
      code: 0,
      stdout: "hello\nthere\n",
      stderr: "",
    });
    assertEquals((await run(["run", "--memory", "1M", `${folder}/five.elf`])).code, 5);
    const swap = ["--pool", "4M", "--swap", "64M", "--swap-cluster", "4K"];
    assertEquals((await run(["run", ...swap, `${folder}/five.elf`])).code, 5);
    const big = await run(["run", `${folder}/big.elf`]);
    assertEquals(big.code, 125);
    assertStringIncludes(big.stderr, "code 200");
  }));

Deno.test("run gives stdin to the keyboard, and its end", () =>
  withGuests(async (folder) => {
    const text = "line\n".repeat(20_000);
    for (const options of [[], ["--deterministic"]]) {
      const { code, stdout } = await run(["run", ...options, `${folder}/echo.elf`], text);
      assertEquals(code, 0);
      assert(stdout === text, `${options}: got ${stdout.length} of ${text.length} characters`);
    }
  }));

Deno.test("run loses nothing when stdout is read slowly", () =>
  withGuests(async (folder) => {
    const child = denali(["run", `${folder}/flood.elf`]).spawn();
    let bytes = 0, pieces = 0;
    for await (const piece of child.stdout) {
      bytes += piece.length;
      if (pieces++ % 32 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertEquals([(await child.status).code, bytes], [0, 64 * 65536]);
    await child.stderr.cancel();
    await child.stdin.close().catch(() => {});
  }));

Deno.test("run answers a crash with status 134 and a report on stderr and in the file", () =>
  withGuests(async (folder) => {
    const path = `${folder}/report.json`;
    const { code, stderr } = await run(["run", "--report", path, `${folder}/crash.elf`]);
    assertEquals(code, 134);
    assertStringIncludes(stderr, "#PF");
    assertStringIncludes(stderr, "eip");
    const report = JSON.parse(await Deno.readTextFile(path));
    assertEquals([report.state, report.exception.vector], ["crashed", 14]);
  }));

Deno.test("run writes the report of a normal end too, the same each time when deterministic", () =>
  withGuests(async (folder) => {
    const reports: string[] = [];
    for (const name of ["a.json", "b.json"]) {
      const path = `${folder}/${name}`;
      const options = ["--deterministic", "--report", path];
      assertEquals((await run(["run", ...options, `${folder}/five.elf`])).code, 5);
      reports.push(await Deno.readTextFile(path));
    }
    assertEquals(reports[0], reports[1]);
    const report = JSON.parse(reports[0]);
    assertEquals([report.state, report.code, report.exception], ["stopped", 5, null]);
    for (const key of ["reason", "registers", "eflags", "fpu", "xmm", "instructions"]) {
      assert(key in report, `expected "${key}" in the report`);
    }
  }));

Deno.test("run answers an image that cannot be loaded with status 126", () =>
  withGuests(async (folder) => {
    for (const name of ["broken.elf", "text.elf", "missing.elf"]) {
      const { code, stdout, stderr } = await run(["run", `${folder}/${name}`]);
      assertEquals([code, stdout], [126, ""], name);
      assertMatch(stderr, /^denali: .*expected/s, name);
    }
    assertEquals((await run(["run", "no-such-guest"])).code, 126);
  }));

Deno.test("a bad command line gets status 127 and a word of help", async () => {
  const cases: [string[], string][] = [
    [[], "expected a command"],
    [["rum"], 'did you mean "run"'],
    [["creat"], 'did you mean "create"'],
    [["xyzzy"], "unknown command"],
    [["run"], "expected one IMAGE"],
    [["run", "a", "b"], "expected one IMAGE"],
    [["run", "--memroy", "1M", "hello"], "did you mean --memory"],
    [["run", "--memory", "lots", "hello"], "memory"],
    [["run", "--memory", "1M", "--memory", "2M", "hello"], "once"],
    [["run", "--publish", "80", "hello"], "publish"],
    [["run", "--name", "_", "hello"], "name"],
    [["run", "--arg", "x", "hello"], "KEY=VALUE"],
    [["run", "--arg", "x=1", "--arg", "x=2", "hello"], "once"],
    [["run", "--report", "", "hello"], "--report"],
    [["run", "--report", "/dev/null/x", import.meta.filename!], "--report"],
    [["up", "--listen", "127.0.0.1:99999"], "HOST:PORT"],
    [["run", "--deterministic", "--publish", "1:1", "hello"], "--deterministic"],
    [["run", "--deterministic=no", "hello"], "no value"],
    [["up", "--listen", "8080"], "HOST:PORT"],
    [["up", "--cells", "0"], "--cells"],
    [["up", "--engine", "jit"], "evaluator or translator"],
    [["run", "--engine", "evaluator", "--translate-after", "5", "hello"], "--engine translator"],
    [["run", "--engine", "translator", "--translate-after", "5.5", "hello"], "--translate-after"],
    [["run", "--engine", "translator", "--code-cache", "1", "hello"], "from 64K to 1G"],
    [["run", "--swap-cluster", "6K", "hello"], "a multiple of 4K from 4K to 256K"],
    [["up", "--swap-cluster", "512K"], "a multiple of 4K from 4K to 256K"],
    [["up", "--swap", "much"], "--swap: expected a number of bytes"],
    [["run", "--pool", "1M", "hello"], "from 4M to 2G"],
    [["run", "--deterministic", "--pool", "8M", "hello"], "neither --pool nor --swap"],
    [["stop"], "at least one VM"],
    [["up", "--interrupts", "never"], "batched or synchronous"],
    [["run", "--nic", "ne2000", "hello"], "simple or pio12"],
    [["update", "web"], "something to change"],
    [["run", "--cpus", "2", "hello"], "cpus"],
    [["create", "--net-bytes", "1:2:3", "hello"], "netBytes"],
    [["ps", "extra"], "extra"],
    [["image", "lss"], 'did you mean "ls"'],
    [["create", "--count", "0", "hello"], "--count"],
    [["top", "--interval", "never"], "--interval"],
    [["completion", "tcsh"], "bash, zsh or fish"],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await run(args);
    assertEquals([code, stdout], [127, ""], args.join(" "));
    assertStringIncludes(stderr, message, args.join(" "));
  }
});

Deno.test("every command has help on stdout with status 0", async () => {
  const all = await run(["--help"]);
  assertEquals([all.code, all.stderr], [0, ""]);
  for (const { name, help } of COMMANDS) {
    assertStringIncludes(all.stdout, `  ${name} `);
    assertStringIncludes(help, `usage: denali ${name}`);
    for (const line of help.split("\n")) assert(line.length <= 100, line);
  }
  const one = await run(["help", "run"]);
  assertEquals(one.code, 0);
  assertStringIncludes(one.stdout, "Exit status:");
  assertMatch((await run(["version"])).stdout, /^denali \d+\.\d+\.\d+ \(ABI \d+\)\n$/);
});

Deno.test("SIGINT and SIGTERM end a run with status 130 and 143", () =>
  withGuests(async (folder) => {
    for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      // The guest is known to run, and the handlers to be there, once it has echoed something.
      const child = denali(["run", `${folder}/echo.elf`]).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("ready"));
      const reader = child.stdout.getReader();
      await reader.read();
      child.kill(signal);
      assertEquals((await child.status).code, status);
      await reader.cancel();
      await writer.close().catch(() => {});
      await child.stderr.cancel();
    }
  }));

Deno.test("a run whose output nobody reads still ends at SIGINT", () =>
  withGuests(async (folder) => {
    const child = denali(["run", `${folder}/flood.elf`]).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
    await reader.cancel();
    await child.stdin.close().catch(() => {});
    await child.stderr.cancel();
  }));

/** `denali up` on a free port; ended by SIGTERM, and its status checked. */
async function withServer(test: (url: string) => Promise<void>): Promise<void> {
  const child = denali(["up", "--listen", "127.0.0.1:0", "--cells", "1"]).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) text += (await reader.read()).value ?? "\n";
  const url = /http:\/\/\S+/.exec(text)?.[0] ?? `expected a URL, got "${text}"`;
  try {
    await test(url);
  } finally {
    child.kill("SIGTERM");
  }
  assertEquals((await child.status).code, 0);
  await reader.cancel();
  await child.stderr.cancel();
  await child.stdin.close().catch(() => {});
}

Deno.test("the client verbs drive a server through its socket", () =>
  withGuests((folder) =>
    withServer(async (url) => {
      const client = (...args: string[]) => run(args, "", { DENALI_HOST: url });
      const created = await client("create", "--name", "one", `${folder}/hello.elf`);
      assertEquals([created.code, created.stdout, created.stderr], [0, "one\n", ""]);
      assertEquals((await client("logs", "-f", "one")).stdout, "hello\nthere\n");
      const limited = ["--cpus", "0.5", "--net-bytes", "1M"];
      const two = await client("create", "--name", "two", ...limited, `${folder}/spin.elf`);
      assertEquals([two.code, two.stderr], [0, ""]);
      const ps = await client("ps");
      assertMatch(ps.stdout, /^ID +NAME.*\n1 +one +hello +stopped \(0\).*\n2 +two +spin +running/);
      assertEquals(JSON.parse((await client("ps", "--json")).stdout).length, 2);
      const inspect = async () => JSON.parse((await client("inspect", "two")).stdout);
      assertEquals((await inspect()).state, "running");
      const { code } = await client("update", "--cpus", "none", "--cpu-weight", "50", "two");
      const { cpus, cpuWeight, netBytes } = await inspect();
      assertEquals([code, cpus, cpuWeight, netBytes.rate], [0, null, 50, 2 ** 20]);
      assertMatch((await client("stats")).stdout, /2 +two +running +\d+/);
      for (const verb of ["pause", "resume", "stop", "start", "kill", "restart"]) {
        const { code, stderr } = await client(verb, "two");
        assertEquals([code, stderr], [0, ""], verb);
      }
      assertEquals((await client("create", "--name", "bird", `${folder}/echo.elf`)).code, 0);
      const talk = await run(["console", "--host", url, "bird"], "polly");
      assertEquals([talk.code, talk.stdout], [0, "polly"]);
      const some = await client("rm", "one", "nobody", "two");
      assertEquals([some.code, some.stdout], [1, "one\n"]);
      assertMatch(some.stderr, /nobody: .*\n.*two: is running; .*rm --force/);
      assertEquals((await client("rm", "-f", "two", "nobody")).stdout, "two\n");
      assertEquals((await client("ps", "-q")).stdout, "bird\n");
      const many = await client("create", "--count", "3", "--name", "m", `${folder}/hello.elf`);
      assertEquals([many.code, many.stdout, many.stderr], [0, "m-1\nm-2\nm-3\n", ""]);
      const top = await client("top", "--interval", "0.1", "--count", "1");
      assertMatch(top.stdout, /^4 VMs, .* instructions\/s.*\n\nID +NAME +STATE +INSTR\/S/);
      const pushed = await client("image", "push", "--name", "mine", `${folder}/five.elf`);
      assertMatch(pushed.stdout, /^[0-9a-f]{64}\n$/);
      assertMatch((await client("image", "ls")).stdout, /mine +[0-9a-f]{12} +\S+ +upload/);
      assertEquals((await client("image", "rm", "mine")).stdout, "mine\n");
      const filtered = await client(
        "ps",
        "-q",
        "--filter",
        "state=stopped",
        "--filter",
        "name=m-*",
      );
      assertEquals(filtered.stdout, "m-1\nm-2\nm-3\n");
      assertEquals((await client("wait", "m-1", "m-2")).stdout, "0\n0\n");
      const labelled = ["--label", "tier=a", "--restart", "on-failure:2", "--name", "sleeper"];
      assertEquals((await client("create", ...labelled, `${folder}/spin.elf`)).code, 0);
      assertEquals((await client("ps", "-q", "--filter", "label=tier=a")).stdout, "sleeper\n");
      assertEquals((await client("update", "--restart", "always", "sleeper")).code, 0);
      assertEquals(JSON.parse((await client("inspect", "sleeper")).stdout).restart, "always");
      const late = await client("wait", "--timeout", "0", "sleeper");
      assertEquals(late.code, 1);
      assertStringIncludes(late.stderr, "sleeper is running");
      const events = await client("events", "--after", "1");
      assertMatch(events.stdout, /^2 \S+Z vm\.\w+ vm 1/);
      const words = await client("completion", "words", "--", "stop", "b");
      assertEquals(words.stdout, "bird\n");
      const refused = await client("create", "--name", "bird", `${folder}/echo.elf`);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, "name");
    })
  ));

Deno.test("a server that cannot start says why with status 1", async () => {
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = `127.0.0.1:${holder.addr.port}`;
  for (const args of [["--listen", taken], ["--data", "/dev/null/data"]]) {
    const { code, stdout, stderr } = await run(["up", ...args]);
    assertEquals([code, stdout], [1, ""], args[0]);
    assertStringIncludes(stderr, args[1]);
    assert(!stderr.includes("bug"), stderr);
  }
  holder.close();
});

Deno.test("a server that is not there is a failure with a hint", async () => {
  const { code, stderr } = await run(["ps", "--host", "127.0.0.1:1"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "denali up");
});

Deno.test("events are followed as they happen", () =>
  withGuests((folder) =>
    withServer(async (url) => {
      const child = denali(["events", "-f", "--json", "--host", url]).spawn();
      assertEquals((await run(["create", "--host", url, `${folder}/five.elf`])).code, 0);
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("vm.stopped")) text += (await reader.read()).value ?? fail(text);
      const [first] = text.split("\n");
      assertEquals(JSON.parse(first).type, "vm.created");
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
      await child.stderr.cancel();
      await child.stdin.close().catch(() => {});
    })
  ));

Deno.test({
  name: "on a terminal every key is the VM's, and Ctrl-] leaves the console",
  ignore: !(await hasTool("python3", "gives the console a terminal")),
  fn: () =>
    withGuests((folder) =>
      withServer(async (url) => {
        assertEquals(
          (await run(["create", "--host", url, "--name", "e", `${folder}/echo.elf`])).code,
          0,
        );
        // The last line that the program prints is its status; what it saw comes before.
        const script = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
def until(text):
    seen = b""
    while text not in seen: seen += os.read(terminal, 1000)
    return seen
until(b"leaves")
os.write(terminal, b"ab\\x03c")
until(b"ab\\x03c")
os.write(terminal, b"\\x1d")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
        const verb = ["run", "-A", "--no-prompt", MAIN, "console", "--host", url, "e"];
        const { stdout } = await new Deno.Command("python3", {
          args: ["-c", script, Deno.execPath(), ...verb],
        }).output();
        assertEquals(decoder.decode(stdout), "0\n");
        assertEquals((await run(["ps", "-q", "--host", url])).stdout, "e\n");
      })
    ),
});
