import { assert, assertEquals, assertRejects } from "@std/assert";
import { APPLICATION_ID, openDatabase } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";
import { type Backend, StateError, StateStore } from "./store.ts";
import { RequestError } from "../request_error.ts";
import { hasTool } from "../../tests/tools.ts";
import type { Write } from "./statements.ts";

const image = (name: string): Write => ["image.put", name, "0".repeat(64), 1];

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denali-state-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("writes that come together are one commit, in their order, and all are told", async () => {
  const batches: (readonly Write[])[] = [];
  const backend: Backend = {
    async write(writes) {
      batches.push(writes);
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
    read: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
  const store = new StateStore(backend, true);
  const first = store.write(image("a"));
  await Promise.resolve().then().then();
  const rest = Array.from({ length: 1000 }, (_, index) => store.write(image(`${index}`)));
  store.note(image("noted"));
  await Promise.all([first, ...rest]);
  assertEquals(batches.map(({ length }) => length), [1, 1001]);
  assertEquals(batches[1].map(([, name]) => name), [...Array(1000).keys().map(String), "noted"]);
  await store.close();
});

Deno.test("what was written is there when the folder is opened again, and a second server is refused", () =>
  withFolder(async (folder) => {
    const store = await StateStore.open(folder);
    await store.write(image("kept"));
    store.note(image("noted"));
    await assertRejects(() => StateStore.open(folder), Error, "no other server");
    for (const name of ["state.db", "state.db-wal"]) {
      assertEquals((await Deno.stat(`${folder}/${name}`)).mode! & 0o777, 0o600);
    }
    assertEquals((await store.read("images")).length, 2);
    await store.close();
    await assertRejects(() => store.write(image("late")), RequestError, "it has ended");
    const again = await StateStore.open(folder);
    assertEquals((await again.read("images")).map(({ name }) => name), ["kept", "noted"]);
    await again.close();
  }));

Deno.test("a batch that cannot be kept is refused as a whole, and the next is not", () =>
  withFolder(async (folder) => {
    const store = await StateStore.open(folder);
    const bad = ["image.put", "x", null, 1] as unknown as Write;
    const together = [store.write(image("good")), store.write(bad)];
    for (const result of await Promise.allSettled(together)) {
      assert(result.status === "rejected" && result.reason instanceof StateError);
    }
    assert(store.failure?.includes("NOT NULL"));
    await store.write(image("later"));
    assertEquals(store.failure, undefined);
    assertEquals((await store.read("images")).map(({ name }) => name), ["later"]);
    await store.close();
  }));

Deno.test({
  name: "on a full disk nothing more is kept, but what is there can be removed",
  ignore: !await hasTool("mount", "a small file system is filled"),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "denali-small-" });
    const run = async (...words: string[]) =>
      assert((await new Deno.Command(words[0], { args: words.slice(1) }).output()).success);
    await run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder);
    try {
      const store = await StateStore.open(folder);
      for (let i = 0; i < 8; i++) await store.write(image(`i${i}`));
      await Deno.writeFile(`${folder}/other`, new Uint8Array(2 ** 21)).catch(() => {});
      const filling = async () => {
        for (let i = 0; i < 1000; i++) await store.write(image(`more${i}`));
      };
      await assertRejects(filling, StateError, "full");
      for (let i = 0; i < 8; i++) await store.write(["image.delete", `i${i}`]);
      await assertRejects(() => store.write(image("again")), StateError, "full");
      await Deno.remove(`${folder}/other`);
      await store.write(image("later"));
      const names = (await store.read("images")).map(({ name }) => String(name));
      assertEquals(names.filter((name) => !name.startsWith("more")), ["later"]);
      await store.close();
    } finally {
      await run("umount", "-l", folder);
      await Deno.remove(folder);
    }
  },
});

Deno.test("a database of a newer version, of another program, or none at all is refused", () =>
  withFolder(async (folder) => {
    const path = `${folder}/state.db`;
    const { DatabaseSync } = await import("node:sqlite");
    const change = (sql: string) => {
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
    };
    openDatabase(path).close();
    change(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
    await assertRejects(() => StateStore.open(folder), Error, "newer Denali");
    change(`PRAGMA user_version = 1; PRAGMA application_id = 7`);
    await assertRejects(() => StateStore.open(folder), Error, "another program");
    await Deno.writeTextFile(
      path,
      "no database, but a text that is long enough to be taken for one",
    );
    await assertRejects(() => StateStore.open(folder), Error, "expected a database of Denali");
  }));

Deno.test("a database of the first version is brought up to date with all that is in it", () =>
  withFolder(async (folder) => {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(`${folder}/state.db`);
    db.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1; PRAGMA application_id = ${APPLICATION_ID}`);
    const spec = { image: "idle", arguments: ["one", "2"], settings: { "a.b": '"' }, memory: 4096 };
    db.prepare(`INSERT INTO vms (id, name, image_name, image_hash, spec, limits, labels, restart,
      created, wanted, state, restarts) VALUES (1, 'web', 'idle', '', ?, '{}', '{}', 'no', '', 1,
      'running', 0)`).run(JSON.stringify(spec));
    db.close();
    const store = await StateStore.open(folder);
    const [vm] = await store.read("vms");
    assertEquals(JSON.parse(vm.spec as string), {
      image: "idle",
      args: ["one", "2"],
      env: { "a.b": '"' },
      memory: 4096,
    });
    await store.close();
  }));
