/** The command line from outside: what needs no server. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { denali, runDenali, withGuests } from "../testing/command_line.ts";
import { COMMANDS } from "./main.ts";

Deno.test("run prints exactly what the guest writes and passes its code on", () =>
  withGuests(async (folder) => {
    assertEquals(await runDenali(["run", `${folder}/hello.elf`]), {
      code: 0,
      stdout: "hello\nthere\n",
      stderr: "",
    });
    assertEquals((await runDenali(["run", "--memory", "1M", `${folder}/five.elf`])).code, 5);
    const swap = ["--pool", "4M", "--swap", "64M", "--swap-cluster", "4K"];
    assertEquals((await runDenali(["run", ...swap, `${folder}/five.elf`])).code, 5);
    const big = await runDenali(["run", `${folder}/big.elf`]);
    assertEquals(big.code, 125);
    assertStringIncludes(big.stderr, "code 200");
  }));

Deno.test("run gives stdin to the keyboard, and its end", () =>
  withGuests(async (folder) => {
    const text = "line\n".repeat(20_000);
    for (const options of [[], ["--deterministic"]]) {
      const { code, stdout } = await runDenali(["run", ...options, `${folder}/echo.elf`], text);
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
    const { code, stderr } = await runDenali(["run", "--report", path, `${folder}/crash.elf`]);
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
      assertEquals((await runDenali(["run", ...options, `${folder}/five.elf`])).code, 5);
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
      const { code, stdout, stderr } = await runDenali(["run", `${folder}/${name}`]);
      assertEquals([code, stdout], [126, ""], name);
      assertMatch(stderr, /^denali: .*expected/s, name);
    }
    assertEquals((await runDenali(["run", "no-such-guest"])).code, 126);
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
    [["run", "--env", "x", "hello"], "KEY=VALUE"],
    [["run", "--env", "x=1", "--env", "x=2", "hello"], "once"],
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
    [["up", "--pool", "4G"], "from 4M to 2G"],
    [["up", "--pool", "4097K"], "a multiple of 4K"],
    [["up", "--swap", "5000G"], "at most 4096G"],
    [["up", "--cells", "65"], "from 1 to 64"],
    [["up", "--idle", "sleep"], "timeout or spin"],
    [["run", "--deterministic", "--pool", "8M", "hello"], "neither --pool nor --swap"],
    [["stop"], "at least one VM"],
    [["up", "--interrupts", "never"], "batched or synchronous"],
    [["run", "--nic", "ne2000", "hello"], "simple or pio12"],
    [["update", "web"], "something to change"],
    [["run", "--cpus", "2", "hello"], "--cpus: expected processors, 0.001 to 1"],
    [["create", "--net-bytes", "1:2:3", "hello"], "--net-bytes: expected bytes per second"],
    [["update", "--cpu-weight", "0", "web"], "--cpu-weight: expected a whole number 1 to 1000"],
    [["ps", "extra"], "extra"],
    [["image", "lss"], 'did you mean "ls"'],
    [["create", "--count", "0", "hello"], "--count"],
    [["top", "--interval", "never"], "--interval"],
    [["completion", "tcsh"], "bash, zsh or fish"],
    [["completion", "bsh"], 'did you mean "bash"'],
    [["image"], "got none"],
    [["token", "create", "--role", "amin", "x"], 'did you mean "admin"'],
    [["create", "--restart", "allways", "hello"], 'did you mean "always"'],
    [["update", "--restart", "on-failure:x", "web"], "with N from 1"],
    [["run", "--engine", "translater", "hello"], 'did you mean "translator"'],
    [["ps", "--filter", "stat=running"], 'did you mean "state"'],
    [["ps", "--filter", "state=runing"], 'did you mean "running"'],
    [["ps", "--filter", "state"], "KEY=VALUE"],
    [["events", "--after", "-1"], "unknown option -1\n"],
    [["up", "--egress", "1.2.3"], '--egress[0]: got "1.2.3"; expected'],
    [["create", "--egress", "all", "hello"], "--egress[0]: "],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runDenali(args);
    assertEquals([code, stdout], [127, ""], args.join(" "));
    assertStringIncludes(stderr, message, args.join(" "));
  }
});

Deno.test("every command has help on stdout with status 0", async () => {
  const all = await runDenali(["--help"]);
  assertEquals([all.code, all.stderr], [0, ""]);
  for (const { name, help } of COMMANDS) {
    assertStringIncludes(all.stdout, `  ${name} `);
    assertStringIncludes(help, `usage: denali ${name}`);
    for (const line of help.split("\n")) assert(line.length <= 100, line);
  }
  const one = await runDenali(["help", "run"]);
  assertEquals(one.code, 0);
  assertStringIncludes(one.stdout, "Exit status:");
  assertMatch((await runDenali(["version"])).stdout, /^denali \d+\.\d+\.\d+ \(ABI \d+\)\n$/);
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

Deno.test("a server that cannot start says why with status 1", async () => {
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = `127.0.0.1:${holder.addr.port}`;
  for (const args of [["--listen", taken], ["--data", "/dev/null/data"]]) {
    const { code, stdout, stderr } = await runDenali(["up", ...args]);
    assertEquals([code, stdout], [1, ""], args[0]);
    assertStringIncludes(stderr, args[1]);
    assert(!stderr.includes("bug"), stderr);
  }
  holder.close();
  const { code, stderr } = await runDenali(["up"], "", { TMPDIR: "/dev/null/none" });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "set TMPDIR, or give --data DIR or --swap 0");
});

Deno.test("a server that is not there is a failure with a hint", async () => {
  const holder = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${holder.addr.port}`;
  holder.close();
  const cases = [
    [host, `cannot reach http://${host}: `, "refused", "Is `denali up` running"],
    ["unix:/dev/null/socket", "cannot reach unix:/dev/null/socket: ", "Not a directory"],
    ["unix:", '--host: expected a URL, HOST:PORT or unix:PATH, got "unix:"'],
    ["ftp://example.org", "--host: expected a URL"],
  ];
  for (const [host, ...messages] of cases) {
    const { code, stderr } = await runDenali(["ps", "--host", host]);
    assertEquals(code, 1, stderr);
    for (const message of messages) assertStringIncludes(stderr, message);
  }
});
