import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RequestError } from "../request_error.ts";
import { createHandler } from "../server.ts";
import { Supervisor } from "../supervisor.ts";

Deno.test("without an uplink a published port is refused, and a name leads nowhere", async () => {
  const supervisor = await Supervisor.start({
    cells: 1,
    poolBytes: 16 << 20,
    uplink: { kind: "none" },
  });
  try {
    const publish = [{ hostname: "127.0.0.1", host: 0, guest: 80 }];
    const request = { image: "hello", memory: 1 << 20, publish };
    await assertRejects(() => supervisor.create(request), RequestError, "--uplink none");
    const handler = createHandler(supervisor);
    const response = await handler(new Request("http://web.localhost/"));
    assertEquals(response.status, 502);
    assertStringIncludes(await response.text(), "leads nowhere");
    handler.close();
  } finally {
    await supervisor.close();
  }
});
