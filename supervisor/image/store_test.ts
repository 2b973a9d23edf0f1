import { assertEquals, assertRejects } from "@std/assert";
import { buildGuests } from "../../guests/build.ts";
import { type Backend, StateError, StateStore } from "../state/store.ts";
import { withFolder } from "../testing/command_line.ts";
import { ImageStore } from "./store.ts";

/** A database that keeps nothing while `full`. */
function fullBackend() {
  const disk = { full: false };
  const backend: Backend = {
    write: () => disk.full ? Promise.reject(new Error("disk is full")) : Promise.resolve(),
    read: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
  return { disk, state: new StateStore(backend, true) };
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("what an upload or a removal that is not kept has changed is taken back", () =>
  withFolder(async (folder) => {
    const { disk, state } = fullBackend();
    const images = await ImageStore.open(state, folder);
    const { hash } = await images.put("mine", Uint8Array.of(1));
    disk.full = true;
    await assertRejects(() => images.put("mine", Uint8Array.of(2)), StateError);
    await assertRejects(() => images.put("other", Uint8Array.of(3)), StateError);
    await assertRejects(() => images.remove("mine"), StateError);
    assertEquals((await images.get("mine")).hash, hash);
    assertEquals((await images.get("mine")).file, Uint8Array.of(1));
    assertEquals(filesIn(`${folder}/images`), [hash]);
    disk.full = false;
    await images.remove("mine");
    assertEquals(filesIn(`${folder}/images`), []);
    await state.close();
  }));

Deno.test("an image that was being written when the process was killed leaves nothing", () =>
  withFolder(async (folder) => {
    const { state } = fullBackend();
    await Deno.mkdir(`${folder}/images`);
    await Deno.writeFile(`${folder}/images/0123.4567.tmp`, Uint8Array.of(1));
    await Deno.writeFile(`${folder}/images/0123`, Uint8Array.of(1));
    const images = await ImageStore.open(state, folder);
    assertEquals(filesIn(`${folder}/images`), ["0123"]);
    assertEquals(await images.unused(), ["0123"]);
    await state.close();
  }));

Deno.test("a built-in guest that no VM runs any more is no orphan", () =>
  withFolder(async (folder) => {
    await buildGuests(["hello"]);
    const { state } = fullBackend();
    const images = await ImageStore.open(state, folder);
    const hello = await images.get("hello");
    await images.hold(hello);
    await images.release(hello);
    assertEquals(filesIn(`${folder}/images`), [hello.hash]);
    const next = await ImageStore.open(state, folder);
    assertEquals(await next.unused(), []);
    await state.close();
  }));
