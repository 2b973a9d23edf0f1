/** The pages in a real browser. */

import { assertMatch, assertStringIncludes } from "@std/assert";
import { hasTool } from "../../tests/tools.ts";
import { printGuest } from "../testing/guests.ts";
import { withServed } from "../testing/served.ts";

const ignore = !await hasTool("chromium", "shows the pages");

/** The page's elements after some seconds of the browser's own time, in which it waits for answers. */
async function shown(url: string): Promise<string> {
  const { stdout } = await new Deno.Command("chromium", {
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--virtual-time-budget=5000",
      "--dump-dom",
      url,
    ],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "a browser shows the machines, what happened to them, and a console",
  ignore,
  fn: () =>
    withServed(async ({ send, supervisor, url }) => {
      await supervisor.addImage("print", printGuest("<script>document.title = 1</script>\n"));
      await send("POST", "/v1/vms", { json: { name: "parrot", image: "print" } });
      await send("GET", "/v1/vms/parrot/wait");
      const page = await shown(`${url}/#parrot`);
      assertMatch(page, /<dt>machines<\/dt><dd>1<\/dd>/);
      assertMatch(page, /<a [^>]*>parrot<\/a><\/td><td>print<\/td><td class="stopped">/);
      assertMatch(page, /vm\.created vm 1: parrot/);
      assertStringIncludes(page, '<dialog id="vm" open="">');
      assertMatch(page, /<button>start<\/button>/);
      assertMatch(page, /<pre id="console"[^>]*>&lt;script&gt;document/);
      assertMatch(page, /<p id="problem" role="alert" hidden="">/);
    }),
});

Deno.test({
  name: "a browser shows the routes of the endpoint and the shapes of what they take",
  ignore,
  fn: () =>
    withServed(async ({ url }) => {
      const page = await shown(`${url}/docs`);
      assertMatch(page, /POST<\/span><code>\/v1\/vms<\/code><small>Create a VM</);
      assertMatch(page, /<code>image<\/code>/);
    }),
});
