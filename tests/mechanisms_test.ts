/** The mechanisms that can be exchanged for measurements: guests serve the same bytes with each of them. */

import { assertEquals } from "@std/assert";
import { buildGuests, buildImage } from "../guests/build.ts";
import { DEFAULT_MECHANISMS, MECHANISM_VALUES, type Mechanisms } from "../kernel/mechanisms.ts";
import { describeImage } from "../supervisor/image/store.ts";
import { Supervisor } from "../supervisor/supervisor.ts";

const FETCH = ["load/fetch.c", "../guests/httpd/document.c"]
  .map((path) => new URL(path, import.meta.url).pathname);
const MEMORY = 8 << 20;

/** A client in a VM fetches documents from a server in another one and checks every byte. */
async function fetches(mechanisms: Partial<Mechanisms>): Promise<void> {
  await buildGuests(["httpd"]);
  const image = await describeImage("fetch", await Deno.readFile(await buildImage(FETCH)));
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 64 << 20, mechanisms });
  try {
    const { address } = await supervisor.create({ image: "httpd", memory: MEMORY });
    const client = await supervisor.createFrom(image, {
      memory: MEMORY,
      args: [address, "100000", "20"],
    });
    const { exitCode } = await supervisor.ended(client.id);
    const printed = new TextDecoder().decode(supervisor.consoleHistory(client.id));
    assertEquals([exitCode, printed.split(" ")[0]], [0, "fetched"], printed);
  } finally {
    await supervisor.close();
  }
}

for (const name of Object.keys(MECHANISM_VALUES) as (keyof Mechanisms)[]) {
  const other = MECHANISM_VALUES[name].find((value) => value !== DEFAULT_MECHANISMS[name]);
  Deno.test(`a server serves the same bytes with ${name} ${other}`, () =>
    fetches({ [name]: other }));
}
