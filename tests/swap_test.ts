/** Swap from end to end: threads, the file, the options, and what becomes of both at the end. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { buildImage } from "../guests/build.ts";
import { describeImage, type StoredImage } from "../supervisor/image/store.ts";
import { RequestError } from "../supervisor/request_error.ts";
import { Supervisor, type SupervisorOptions } from "../supervisor/supervisor.ts";
import { fileWorkerOptions } from "../supervisor/worker_options.ts";
import { until } from "./support/until.ts";
import { hasTool } from "./tools.ts";

const gccMissing = !await hasTool("gcc", "the swap tests compile a guest");
const MIB = 2 ** 20;
/** Compiling a cell may take long on a machine that does much else. */
const PATIENCE = 60;

async function guest(): Promise<StoredImage> {
  const source = new URL("soak/memory.c", import.meta.url).pathname;
  return await describeImage("memory", await Deno.readFile(await buildImage([source], {})));
}

async function withSupervisor(
  options: SupervisorOptions,
  test: (supervisor: Supervisor) => Promise<void>,
): Promise<void> {
  const supervisor = await Supervisor.start({
    cells: 1,
    network: false,
    patience: PATIENCE,
    ...options,
  });
  try {
    await test(supervisor);
  } finally {
    await supervisor.close();
  }
}

/** Files of this process that have lost their name, in a folder. */
function nameless(folder: string): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(folder) && path.endsWith("(deleted)") ? [path] : [];
    } catch {
      return [];
    }
  });
}

async function temporary(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the threads that read and write swap and disks reach one folder and nothing else", () =>
  temporary(async (folder) => {
    const inside = `${folder}/swap`, outside = `${folder}/other`;
    await Deno.mkdir(inside);
    await Deno.writeTextFile(outside, "secret");
    const probe = `
      const attempts = {
        inside: () => Deno.writeTextFileSync(${JSON.stringify(inside)} + "/x", "x"),
        outside: () => Deno.readTextFileSync(${JSON.stringify(outside)}),
        parent: () => [...Deno.readDirSync(${JSON.stringify(folder)})],
        write: () => Deno.writeTextFileSync(${JSON.stringify(outside)}, "x"),
        link: () => Deno.symlinkSync(${JSON.stringify(outside)}, ${JSON.stringify(inside)} + "/y"),
        temporary: () => Deno.makeTempFileSync(),
        env: () => Deno.env.get("PATH"),
        run: () => new Deno.Command("true").outputSync(),
        listen: () => Deno.listen({ port: 0 }),
        sys: () => Deno.hostname(),
      };
      const results = {};
      for (const [name, attempt] of Object.entries(attempts)) {
        try { attempt(); results[name] = "allowed"; }
        catch (error) { results[name] = error instanceof Deno.errors.NotCapable ? "refused" : String(error); }
      }
      postMessage(results);`;
    const url = "data:text/javascript," + encodeURIComponent(probe);
    const worker = new Worker(url, fileWorkerOptions([inside]));
    const results = await new Promise<Record<string, string>>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
    worker.terminate();
    const { inside: allowed, ...others } = results;
    assertEquals(allowed, "allowed");
    for (const [name, result] of Object.entries(others)) assertEquals(result, "refused", name);
  }));

Deno.test({
  name: "VMs that do not fit into the pool run from a file without a name in the data folder",
  ignore: gccMissing,
  fn: () =>
    temporary(async (folder) => {
      const image = await guest();
      // What a process left behind that was killed before its file had lost its name.
      await Deno.mkdir(`${folder}/swap`);
      await Deno.writeTextFile(`${folder}/swap/old.swap`, "x");
      await withSupervisor({ poolBytes: 4 * MIB, dataFolder: folder }, async (supervisor) => {
        const words = ["1500", "0", "100", "77"];
        const parameters = { memory: 16 * MIB, args: words };
        const vms = [
          await supervisor.createFrom(image, parameters),
          await supervisor.createFrom(image, parameters),
        ];
        for (const { id } of vms) {
          const { state, exitCode } = await supervisor.ended(id);
          const text = new TextDecoder().decode(supervisor.consoleHistory(id));
          assertEquals([state, exitCode, text], ["stopped", 0, ""]);
        }
        assertEquals(nameless(`${folder}/swap`).length, 1);
        assertEquals([...Deno.readDirSync(`${folder}/swap`)], []);
        const { cells } = await supervisor.stats();
        const { swap } = cells[0] as { swap: Record<string, number> };
        assert(swap.pageIns > 100 && swap.pageOuts > 1000, JSON.stringify(swap));
        const report = await supervisor.report(vms[0].id) as { memory: Record<string, number> };
        assert(report.memory.faults > 0 && report.memory.pageOuts > 0, JSON.stringify(report));
      });
      await until(() => nameless(folder).length === 0, "its file is closed");
    }),
});

Deno.test({
  name: "a VM whose memory does not fit into swap is refused, and without swap it is paused",
  ignore: gccMissing,
  async fn() {
    const image = await guest();
    const words = { memory: 8 * MIB, args: ["1500", "0", "1"] };
    const small = { poolBytes: 4 * MIB, swap: { bytes: 12 * MIB } };
    await withSupervisor(small, async (supervisor) => {
      await supervisor.createFrom(image, { ...words, start: false });
      const error = await assertRejects(
        () => supervisor.createFrom(image, { ...words, start: false }),
        RequestError,
      );
      assertEquals(error.field, "swap");
      assertStringIncludes(error.expected, "at most 4194304 bytes");
      assertStringIncludes(error.message, "got 8388608: destroy VMs");
    });
    await withSupervisor({ poolBytes: 4 * MIB, swap: { bytes: 0 } }, async (supervisor) => {
      const { id } = await supervisor.createFrom(image, words);
      await until(() => supervisor.get(id).state === "paused", "it is paused");
      assertStringIncludes(supervisor.get(id).reason!, "out of memory");
      const events = supervisor.events.after(0);
      assert(JSON.stringify(events).includes("vm.paused"), JSON.stringify(events));
    });
  },
});
