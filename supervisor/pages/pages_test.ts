/** The pages in a real browser. */

import { assertEquals, assertMatch } from "@std/assert";
import { type Page, withBrowser } from "../../tests/support/browser.ts";
import { hasTool } from "../../tests/tools.ts";
import { crashGuest, echoGuest, idleGuest, printGuest } from "../testing/guests.ts";
import { type Served, withServed } from "../testing/served.ts";

const ignore = !await hasTool("chromium", "shows the pages");

type Open = (path: string, script?: string) => Promise<Page>;

/** A test with a server, and a browser that opens its pages. */
function shown(name: string, test: (served: Served, open: Open) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    fn: () =>
      withServed((served) =>
        withBrowser((browser) =>
          test(served, (path, script) => browser.open(served.url + path, script))
        )
      ),
  });
}

async function make(served: Served, name: string, image: Uint8Array<ArrayBuffer>): Promise<void> {
  await served.supervisor.addImage(name, image);
  const { status } = await served.send("POST", "/v1/vms", { json: { name, image: name } });
  assertEquals(status, 201);
}

const text = (id: string) => `document.getElementById("${id}").textContent`;
const hidden = (id: string) => `document.getElementById("${id}").hidden`;

shown(
  "a browser shows the machines, what happened to them, and a console",
  async (served, open) => {
    await make(served, "parrot", printGuest("<script>document.title = 1</script>\n"));
    await served.send("GET", "/v1/vms/parrot/wait");
    const page = await open("/#parrot");
    await page.until(`${text("console")}.startsWith("<script>document.title")`);
    await page.until(`${text("events")}.includes("vm.created vm 1: parrot")`);
    await page.until(`${text("totals")}.startsWith("machines1")`);
    await page.until(`${text("vms")}.startsWith("parrotparrotstopped (0)")`);
    assertEquals(await page.evaluate("document.title"), "Denali");
    assertEquals(await page.evaluate(text("vm-actions")), "startremove");
    assertEquals(await page.evaluate(hidden("problem")), true);
  },
);

shown("a filter that is typed while the fleet is asked for is not lost", async (served, open) => {
  for (const name of ["ape", "bee"]) await make(served, name, idleGuest());
  const page = await open("/");
  await page.until(`${text("vms")}.includes("bee")`);
  // The answer to the first is held until the second is typed, and the page does nothing by itself.
  await page.evaluate(`
    setTimeout = () => {};
    const real = fetch, asked = Promise.withResolvers(), hold = Promise.withResolvers();
    fetch = async (...request) => {
      if (request[0].includes("ape")) {
        asked.resolve();
        await hold.promise;
      }
      return await real(...request);
    };
    const type = (value) => {
      document.getElementById("name").value = value;
      document.getElementById("filter").oninput();
    };
    type("ape");
    asked.promise;
  `);
  await page.evaluate(`type("bee"), hold.resolve()`);
  await page.until(`!${text("vms")}.includes("ape")`);
  assertMatch(String(await page.evaluate(text("vms"))), /^bee/);
});

shown("an answer that comes behind the login does not ask for it again", async (served, open) => {
  await make(served, "ape", idleGuest());
  const json = { name: "root", role: "admin" };
  const { token } = await (await served.send("POST", "/v1/tokens", { json })).json();
  const page = await open(
    "/",
    `const late = Promise.withResolvers(), real = fetch;
    fetch = async (...request) => {
      const answer = await real(...request);
      if (request[0].startsWith("/v1/events") && answer.status === 401) await late.promise;
      return answer;
    };`,
  );
  const login = `document.getElementById("login")`;
  await page.until(`${login}.open`);
  await page.evaluate(`
    document.getElementById("token").value = ${JSON.stringify(token)};
    ${login}.querySelector("button").click();
  `);
  await page.until(`${text("vms")}.startsWith("ape")`);
  await page.evaluate("late.resolve()");
  await page.until(`${login}.open || ${text("events")}.includes("vm.created")`);
  assertEquals(await page.evaluate(`${login}.open`), false);
});

shown("an address that names no machine says so", async (_served, open) => {
  const page = await open("/#%");
  await page.until(`!${hidden("vm-problem")}`);
  assertMatch(String(await page.evaluate(text("vm-problem"))), /no VM/);
  await page.until(`${text("totals")}.startsWith("machines0")`);
});

shown("a machine that ends while it is looked at is shown as it ended", async (served, open) => {
  await make(served, "echo", echoGuest());
  await make(served, "crash", crashGuest());
  const page = await open("/#echo");
  await page.until(`${text("vm-about")} === "echo, running"`);
  await page.evaluate(`
    document.getElementById("line").value = "hello";
    document.getElementById("typing").requestSubmit();
  `);
  await page.until(`${text("console")} === "hello\\n"`);
  await served.send("POST", "/v1/vms/echo/console?close=true");
  await page.until(`${text("vm-about")} === "echo, stopped"`);
  assertEquals(await page.evaluate(text("vm-actions")), "startremove");
  assertEquals(await page.evaluate(text("console")), "hello\n");
  assertEquals(await page.evaluate(hidden("typing")), true);
  // One that has ended before says how as well.
  await served.send("GET", "/v1/vms/crash/wait");
  await page.evaluate(`location.hash = "crash"`);
  await page.until(`${text("vm-about")}.startsWith("crash, crashed: ")`);
});

shown(
  "a browser shows the routes of the endpoint and the shapes of what they take",
  async (_served, open) => {
    const page = await open("/docs");
    await page.until(`${text("routes")}.includes("POST/v1/vmsCreate a VM")`);
    await page.until(`${text("shapes")}.includes("image")`);
  },
);
