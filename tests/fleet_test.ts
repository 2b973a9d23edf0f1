/**
 * A fleet of web servers behind a real `denali up`, used as its users would: by curl and by host
 * sockets. Needs curl; `.ci/run` installs it.
 */

import { assert, assertEquals } from "@std/assert";
import { buildGuests, buildImage } from "../guests/build.ts";
import { bootFleet, fetchPage, hostOf, strangers } from "./load/fleet.ts";
import { HttpConnection } from "./load/http_connection.ts";
import { load } from "./load/load.ts";
import { TestServer } from "./load/server.ts";
import { hasTool } from "./tools.ts";

const FLEET = 44;
const DOCUMENT_BYTES = 10_000_000;
const curlMissing = !await hasTool("curl", "the fleet tests drive real clients");

async function curl(...args: string[]): Promise<{ code: number; stdout: Uint8Array }> {
  return await new Deno.Command("curl", {
    args: ["--silent", "--show-error", "--max-time", "60", ...args],
    stdout: "piped",
    stderr: "inherit",
  }).output();
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test({
  name: "a fleet of web servers",
  ignore: curlMissing,
  async fn(t) {
    await buildGuests();
    const server = await TestServer.start();
    const { port } = server.address;
    let status = -1;
    try {
      const { names } = await bootFleet(server, FLEET);

      await t.step("every VM answers as itself", async () => {
        assertEquals(await strangers(server, names), []);
      });

      await t.step("curl reaches a VM by its name", async () => {
        const { code, stdout } = await curl(`http://vm-42.localhost:${port}/`);
        assertEquals(code, 0);
        assert(/\bname: vm-42\b/.test(text(stdout)), text(stdout));
      });

      await t.step("twenty clients at once get twenty right answers", async () => {
        const pages = await Promise.all(
          names.slice(0, 20).map((name) => curl(`http://${hostOf(name)}:${port}/`)),
        );
        for (const [i, { stdout }] of pages.entries()) {
          assert(new RegExp(`\\bname: ${names[i]}\\b`).test(text(stdout)), text(stdout));
        }
      });

      await t.step("a document of ten million bytes arrives byte-exact", async () => {
        const { code, stdout } = await curl(
          `http://${hostOf("vm-1")}:${port}/doc?bytes=${DOCUMENT_BYTES}`,
        );
        assertEquals(code, 0);
        assertEquals(stdout.length, DOCUMENT_BYTES);
        const expected = documentOf(DOCUMENT_BYTES);
        assertEquals(stdout.findIndex((byte, i) => byte !== expected[i]), -1);
      });

      await t.step("a client that hangs up in mid-download disturbs nobody", async () => {
        for (let i = 0; i < 20; i++) await hangUp(port, "vm-2");
        await fetchPage(server.address, "vm-2");
        assertEquals(await strangers(server, names), []);
      });

      await t.step(
        "a VM that spins, one that floods and one that crashes leave the rest serving",
        async () => {
          await uploadImage(
            server,
            "flood",
            await buildImage([new URL("../guests/hostile/flood.c", import.meta.url).pathname]),
          );
          await server.create({ name: "spin", image: "spin" });
          const targets = ["broadcast", "gateway", "10.0.0.2"];
          for (const target of targets) {
            const name = `flood-${targets.indexOf(target)}`;
            await server.create({ name, image: "flood", args: [target] });
          }
          await fetchPage(server.address, "vm-3", "/crash").catch(() => {});
          const rest = names.filter((name) => name !== "vm-3");
          assertEquals(await strangers(server, rest), []);
          const { failures } = await load({
            address: server.address,
            hosts: rest.map(hostOf),
            path: "/",
            connections: 16,
            seconds: 2,
          });
          assertEquals(failures, {});
          for (
            const [name, state] of [["spin", "running"], ["flood-0", "running"], [
              "vm-3",
              "crashed",
            ]]
          ) {
            const vm = await server.request("GET", `/v1/vms/${name}`);
            assert(vm.state === state, `${name}: expected ${state}, got ${vm.state}`);
          }
        },
      );
    } finally {
      status = await server.stop();
    }
    assertEquals(status, 0);
  },
});

const LINE = 64;
const FILL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,";

/** The first `bytes` of httpd's /doc, as guests/httpd/document.h defines them. */
function documentOf(bytes: number): Uint8Array {
  const lines = Array.from(
    { length: Math.ceil(bytes / LINE) },
    (_, n) => `${n.toString(16).padStart(8, "0")} ${FILL}\n`,
  );
  return new TextEncoder().encode(lines.join("")).subarray(0, bytes);
}

async function hangUp(port: number, name: string): Promise<void> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `GET /doc?bytes=100000000 HTTP/1.1\r\nHost: ${hostOf(name)}\r\n\r\n`;
  await socket.write(new TextEncoder().encode(request));
  await socket.read(new Uint8Array(65536));
  socket.close();
}

async function uploadImage(
  server: TestServer,
  name: string,
  path: string,
): Promise<void> {
  const response = await fetch(`${server.url}/v1/images?name=${name}`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: await Deno.readFile(path),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
}

Deno.test({
  name: "a connection that stays open is reused for many requests",
  ignore: curlMissing,
  async fn() {
    await buildGuests();
    const server = await TestServer.start();
    try {
      const { names: [name] } = await bootFleet(server, 1);
      const connection = await HttpConnection.open(server.address);
      for (let i = 0; i < 100; i++) {
        assertEquals((await connection.get("/", hostOf(name))).status, 200);
      }
      connection.close();
    } finally {
      await server.stop();
    }
  },
});
