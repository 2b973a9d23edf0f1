/** The verbs that are clients, each a process, at a server in a process of its own. */

import { assert, assertEquals, assertMatch, assertStringIncludes, fail } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import { floodGuest } from "../testing/guests.ts";
import {
  type CliServer,
  denali,
  release,
  runDenali,
  withCliServer,
  withFolder,
  withGuests,
} from "../testing/command_line.ts";

/** A server, and the tiny guests as files. */
function withBoth(test: (server: CliServer, folder: string) => Promise<void>): Promise<void> {
  return withGuests((folder) => withCliServer([], (server) => test(server, folder)));
}

Deno.test("the client verbs drive a server through its socket", () =>
  withBoth(async ({ ok, run }, folder) => {
    assertEquals(await ok("create", "--name", "one", `${folder}/hello.elf`), "one\n");
    assertEquals(await ok("logs", "-f", "one"), "hello\nthere\n");
    const limits = ["--cpus", "0.5", "--net-bytes", "1M"];
    await ok("create", "--name", "two", ...limits, `${folder}/spin.elf`);
    const table = /^ID +NAME.*\n1 +one +hello +stopped \(0\).*\n2 +two +spin +running/;
    assertMatch(await ok("ps"), table);
    assertEquals(JSON.parse(await ok("ps", "--json")).length, 2);
    const inspect = async () => JSON.parse(await ok("inspect", "two"));
    assertEquals((await inspect()).state, "running");
    await ok("update", "--cpus", "none", "--cpu-weight", "50", "--restart", "always", "two");
    const { cpus, cpuWeight, netBytes, restart } = await inspect();
    assertEquals([cpus, cpuWeight, netBytes.rate, restart], [null, 50, 2 ** 20, "always"]);
    assertMatch(await ok("stats"), /2 +two +running +\d+/);
    for (const verb of ["pause", "resume", "stop", "start", "kill", "restart"]) {
      assertEquals(await ok(verb, "two"), "two\n", verb);
    }
    const some = await run("rm", "one", "nobody", "two");
    assertEquals([some.code, some.stdout], [1, "one\n"]);
    assertMatch(some.stderr, /nobody: .*\n.*two: is running; .*rm --force/);
    assertEquals(await ok("rm", "-f", "two", "nobody"), "two\n");
    assertEquals(await ok("ps", "-q"), "");
    assertMatch(await ok("events", "--after", "1"), /^2 \S+Z vm\.\w+ vm 1/);
    assertMatch(await ok("audit"), /POST \/v1\/vms .*vm 1 one/);
  }));

Deno.test("many VMs are made by one command, found by filters and waited for", () =>
  withBoth(async ({ ok, fails, run }, folder) => {
    const many = await ok("create", "--count", "3", "--name", "m", `${folder}/hello.elf`);
    assertEquals(many, "m-1\nm-2\nm-3\n");
    assertEquals(await ok("wait", "m-1", "m-2", "m-3"), "0\n0\n0\n");
    const spin = `${folder}/spin.elf`;
    await ok("create", "--restart", "on-failure:2", "--name", "busy", spin);
    await ok("update", "--label", "tier=a", "busy");
    const filters = ["--filter", "state=stopped", "--filter", "name=m-*"];
    assertEquals(await ok("ps", "-q", ...filters), "m-1\nm-2\nm-3\n");
    assertEquals(await ok("ps", "-q", "--filter", "label=tier=a"), "busy\n");
    assertStringIncludes(await fails("wait", "--timeout", "0.1", "busy"), "has not ended in 0.1 s");
    assertEquals(await ok("completion", "words", "--", "stop", "b"), "busy\n");
    const top = await ok("top", "--interval", "0.1", "--count", "1");
    assertMatch(top, /^4 VMs, .* instructions\/s.*\n\nID +NAME +STATE +INSTR\/S.*\n\d+ +busy/);
    assertStringIncludes(await fails("create", "--name", "busy", spin), "name");
    await ok("create", "--name", "n-2", "--no-start", spin);
    const rest = await run("create", "--name", "n", "--count", "4", "--no-start", spin);
    assertEquals([rest.code, rest.stdout], [1, "n-1\nn-3\nn-4\n"]);
  }));

Deno.test("images are stored on the server, listed and removed", () =>
  withBoth(async ({ ok, fails }, folder) => {
    const hash = await ok("image", "push", "--name", "mine", `${folder}/five.elf`);
    assertMatch(hash, /^[0-9a-f]{64}\n$/);
    assertMatch(await ok("image", "ls"), /mine +[0-9a-f]{12} +\S+ +upload/);
    await ok("create", "--name", "five", "mine");
    assertEquals(await ok("wait", "five"), "5\n");
    assertEquals(await ok("image", "rm", "mine"), "mine\n");
    assertStringIncludes(await fails("create", "mine"), "no image");
    assertStringIncludes(await fails("image", "push", `${folder}/text.elf`), "ELF");
    assertStringIncludes(await fails("image", "push", `${folder}/none.elf`), "cannot be read");
    assertStringIncludes(await fails("image", "push", folder), "cannot be read: Is a directory");
    await Deno.truncate(`${folder}/text.elf`, 2 ** 28 + 1);
    assertStringIncludes(await fails("image", "push", `${folder}/text.elf`), "at most 268435456");
  }));

Deno.test("tokens are made, needed, limited and taken back, also over a unix socket", () =>
  withGuests((folder) =>
    withCliServer(["--socket", `${folder}/socket`], async ({ url, ok, fails }) => {
      const admin = (await ok("token", "create", "--role", "admin", "root")).trim();
      assertStringIncludes(await fails("ps"), "token");
      const as = (token: string, ...args: string[]) =>
        runDenali(args, "", { DENALI_HOST: url, DENALI_TOKEN: token });
      const limited = ["token", "create", "--role", "reader", "--label", "team=a", "team-a"];
      const reader = (await as(admin, ...limited)).stdout.trim();
      assertMatch((await as(admin, "token", "ls")).stdout, /team-a +reader +team=a/);
      const spin = ["--label", "team=b", "--name", "b", `${folder}/spin.elf`];
      assertEquals((await as(admin, "create", ...spin)).stdout, "b\n");
      assertEquals((await as(reader, "ps", "-q")).stdout, "");
      assertEquals((await as(reader, "create", `${folder}/spin.elf`)).code, 1);
      const socket = { DENALI_HOST: `unix:${folder}/socket`, DENALI_TOKEN: admin };
      assertEquals((await runDenali(["ps", "-q"], "", socket)).stdout, "b\n");
      await runDenali(["create", "--name", "bird", `${folder}/echo.elf`], "", socket);
      assertEquals((await runDenali(["console", "bird"], "polly", socket)).stdout, "polly");
      const elsewhere = { DENALI_HOST: "127.0.0.1:1", DENALI_TOKEN: admin };
      const named = await runDenali(["ps", "-q", "--host", url], "", elsewhere);
      assertEquals(named.stdout, "b\nbird\n");
      assertEquals((await as(admin, "token", "rm", "team-a")).stdout, "team-a\n");
      assertEquals((await as(reader, "ps")).code, 1);
    })
  ));

Deno.test("ports are published while a VM runs, and what goes to it is captured", () =>
  withBoth(async ({ url, ok, fails }, folder) => {
    await ok("create", "--name", "s", `${folder}/spin.elf`);
    const listens = (await ok("port", "add", "s", "0:80")).trim();
    assertMatch(await ok("port", "ls"), new RegExp(`\n${listens} +s +80 +0 +0 +0`));
    const child = denali(["capture", "--host", url, "s"]).spawn();
    const reader = child.stdout.getReader({ mode: "byob" });
    // The header of a pcap file; then, of the first frame, its own and the receiver's address.
    const { value } = await reader.read(new Uint8Array(24), { min: 24 });
    assertEquals(new DataView(value!.buffer).getUint32(20, true), 1, "LINKTYPE_ETHERNET");
    const [hostname, port] = listens.split(":");
    const caller = await Deno.connect({ hostname, port: Number(port) });
    const frame = await reader.read(new Uint8Array(16 + 14), { min: 30 });
    assertEquals(frame.value!.length, 30);
    caller.close();
    await release(child, reader);
    assertEquals(await ok("port", "rm", listens), `${listens}\n`);
    assertStringIncludes(await fails("port", "rm", listens), "no port");
    const datagrams = (await ok("port", "add", "s", "0:53/udp")).trim();
    assertMatch(datagrams, /^127\.0\.0\.1:\d+\/udp$/);
    assertStringIncludes(await ok("ps"), `${datagrams.replace("/udp", "")}->53/udp`);
    assertMatch(await ok("port", "ls"), /s +53\/udp +0 +0 +0/);
    assertEquals(await ok("port", "rm", datagrams), `${datagrams}\n`);
  }));

Deno.test("events are followed as they happen", () =>
  withBoth(async ({ url, ok }, folder) => {
    const child = denali(["events", "-f", "--json", "--host", url]).spawn();
    await ok("create", `${folder}/five.elf`);
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("vm.stopped")) text += (await reader.read()).value ?? fail(text);
    assertEquals(JSON.parse(text.slice(0, text.indexOf("\n"))).type, "vm.created");
    await release(child, reader);
  }));

const endless = (vm: string) => [
  ["events", "-f"],
  ["logs", "-f", vm],
  ["top", "--interval", "0.1"],
  ["console", vm],
];

Deno.test("verbs that go on end when nobody reads them any more", () =>
  withBoth(async ({ url, ok }, folder) => {
    await Deno.writeFile(`${folder}/torrent.elf`, floodGuest(0x7fffffff));
    await ok("create", "--name", "torrent", `${folder}/torrent.elf`);
    for (const args of endless("torrent")) {
      const child = denali([...args, "--host", url]).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      await reader.cancel();
      await ok("create", "--no-start", `${folder}/five.elf`);
      assertEquals((await child.status).code, 141, args.join(" "));
      await release(child, reader);
    }
  }));

Deno.test("verbs that go on say so when their server is gone", () =>
  withGuests(async (folder) => {
    const server = denali(["up", "--listen", "127.0.0.1:0", "--cells", "1"]).spawn();
    const output = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("\n")) said += (await output.read()).value ?? fail(said);
    const url = /http:\S+/.exec(said)![0];
    await runDenali(["create", "--name", "echo", `${folder}/echo.elf`], "", { DENALI_HOST: url });
    const verbs = endless("echo").map((args) => denali([...args, "--host", url]).spawn());
    await runDenali(["create", "--name", "bird", `${folder}/echo.elf`], "", { DENALI_HOST: url });
    server.kill("SIGKILL");
    for (const verb of verbs) {
      await verb.stdin.close();
      const { code, stderr } = await verb.output();
      assertEquals(code, 1);
      assertMatch(
        new TextDecoder().decode(stderr),
        /^denali: .*(broke off|cannot reach|cannot open)/,
      );
    }
    await release(server, output);
  }));

Deno.test("an empty variable of the environment is none, and a wrong one is told by its name", () =>
  withGuests((folder) =>
    withCliServer([], async ({ url }) => {
      const empty = { DENALI_TOKEN: "", DENALI_CA: "" };
      assertEquals((await runDenali(["ps", "-q"], "", { DENALI_HOST: url, ...empty })).code, 0);
      const wrong = await runDenali(["ps"], "", { DENALI_HOST: "http://[" });
      assertStringIncludes(wrong.stderr, "DENALI_HOST: expected a URL");
      const token = await runDenali(["ps"], "", { DENALI_HOST: url, DENALI_TOKEN: "a\nb" });
      assertStringIncludes(token.stderr, "DENALI_TOKEN: expected a token");
      const nobody = await runDenali(["ps"], "", { DENALI_HOST: `unix:${folder}/nobody` });
      assertStringIncludes(nobody.stderr, `cannot reach unix:${folder}/nobody: `);
    })
  ));

Deno.test({
  name:
    "a server with TLS is reached by verbs that know its certificate, and others are told why not",
  ignore: !await hasTool("openssl", "makes the certificates"),
  fn: () =>
    withGuests(async (folder) => {
      const make = async (name: string, isAuthority: string) => {
        const [cert, key] = [`${folder}/${name}.pem`, `${folder}/${name}.key`];
        const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 " +
          "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 " +
          `-addext basicConstraints=critical,CA:${isAuthority} -keyout ${key} -out ${cert}`;
        await new Deno.Command("openssl", { args: words.split(" "), stderr: "null" }).output();
        return ["--cert", cert, "--key", key];
      };
      await withCliServer(await make("server", "FALSE"), async ({ url, fails, run }) => {
        const ca = { DENALI_HOST: url, DENALI_CA: `${folder}/server.pem` };
        await runDenali(["create", "--name", "bird", `${folder}/echo.elf`], "", ca);
        assertEquals((await runDenali(["console", "bird"], "polly", ca)).stdout, "polly");
        assertMatch(await fails("ps"), /invalid peer certificate: UnknownIssuer/);
        assertEquals((await run("ps", "--ca", `${folder}/server.pem`)).code, 0);
      });
      await withCliServer(await make("authority", "TRUE"), async ({ fails }) => {
        assertStringIncludes(await fails("ps", "--ca", `${folder}/authority.pem`), "CA:FALSE");
      });
    }),
});

Deno.test("an image is sent with its length: the server gives a long one more time", () =>
  withGuests(async (folder) => {
    const lengths: unknown[] = [];
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ headers }) => {
      lengths.push(headers.get("content-length"));
      return Response.json({ hash: "0" });
    });
    const host = { DENALI_HOST: `127.0.0.1:${server.addr.port}` };
    assertEquals(
      (await runDenali(["image", "push", `${folder}/spin.elf`], "", host)).stdout,
      "0\n",
    );
    assertEquals(lengths, [String((await Deno.stat(`${folder}/spin.elf`)).size)]);
    await server.shutdown();
  }));

Deno.test("logs that are longer than an answer of the server are printed to their end", async () => {
  const all = Array.from(
    { length: 2500 },
    (_, i) => ({ id: i + 1, type: "vm.created", path: "/" }),
  );
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { searchParams } = new URL(url);
    const [after, limit] = ["after", "limit"].map((name) => Number(searchParams.get(name)));
    return Response.json(all.slice(after, after + (limit || 1000)));
  });
  const host = { DENALI_HOST: `127.0.0.1:${server.addr.port}` };
  const events = await runDenali(["events", "--after", "10", "--json"], "", host);
  assertEquals(events.stdout.trimEnd().split("\n").length, 2490);
  const audit = await runDenali(["audit", "--json"], "", host);
  assertEquals(JSON.parse(audit.stdout).length, 2500);
  await server.shutdown();
});

Deno.test("the console takes stdin and its end, and ends with the VM", () =>
  withBoth(async ({ url, ok }, folder) => {
    await ok("create", "--name", "bird", `${folder}/echo.elf`);
    const nobody = await runDenali(["console", "--host", url, "nobody"]);
    assertStringIncludes(nobody.stderr, 'no VM "nobody"');
    const { code, stdout } = await runDenali(["console", "--host", url, "bird"], "polly");
    assertEquals([code, stdout], [0, "polly"]);
    await ok("start", "bird");
    const much = "x".repeat(300_000) + "end";
    const all = await runDenali(["console", "--host", url, "bird"], much);
    assertEquals([all.code, all.stderr], [0, ""]);
    // What it said in its former life comes first.
    assertEquals(all.stdout.length, "polly".length + much.length);
    assert(all.stdout === "polly" + much);
  }));

Deno.test("compose brings up what a file says, changes what changed, and takes it down", () =>
  withFolder((folder) =>
    withGuests((guests) =>
      withCliServer(["--data", `${folder}/data`], async ({ ok, fails }) => {
        const file = ["--file", `${folder}/denali.yaml`];
        const write = (text: string) => Deno.writeTextFile(`${folder}/denali.yaml`, text);
        await Deno.writeTextFile(`${folder}/content`, "something");
        await Deno.copyFile(`${guests}/spin.elf`, `${folder}/spin.elf`);
        const disks = "disks: { data: { size: 64K }, site: { import: content } }";
        const a = "a: { image: ./spin.elf, disks: [data, 'site:ro'] }";
        await write(`name: shop\n${disks}\nvms: { ${a}, b: { image: ./spin.elf } }`);
        const first = "disk data: created\ndisk site: created\na: created\nb: created\n";
        assertEquals(await ok("compose", "up", ...file), first);
        assertEquals(await ok("compose", "up", ...file), "a: unchanged\nb: unchanged\n");
        assertMatch(await ok("compose", "ps", ...file), /\n\d+ +a +spin +running.*\n\d+ +b /);
        await write(`name: shop\n${disks}\nvms: { ${a.replace("}", ", memory: 1M }")} }`);
        assertEquals(await ok("compose", "up", ...file), "b: removed\na: replaced\n");
        for (
          const wrong of ["image: spinn", "image: ./spinn.elf", "image: ./spin.elf, disks: [no]"]
        ) {
          await write(`name: shop\nvms: { a: { ${wrong} } }`);
          assertMatch(
            await fails("compose", "up", ...file),
            /no image|cannot be read|no disk "no"/,
          );
        }
        await write("disks: { new: { size: lots } }\nvms: {}");
        assertStringIncludes(await fails("compose", "up", ...file), "disks.new: size: got");
        assertEquals(await ok("ps", "-q"), "a\n");
        await write(`name: other\n${disks}\nvms: { ${a} }`);
        assertStringIncludes(await fails("compose", "up", ...file), 'of the project "shop"');
        await write(`name: shop\n${disks}\nvms: { ${a} }`);
        const down = "a: removed\ndisk data: removed\ndisk site: removed\n";
        assertEquals(await ok("compose", "down", "--disks", ...file), down);
        assertEquals(await ok("ps", "-q"), "");
      })
    )
  ));
