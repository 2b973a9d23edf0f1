import { assert, assertEquals } from "@std/assert";
import { listEvents } from "./events.ts";

Deno.test("who sees few of many events costs a read for each thousand of them", async () => {
  const all = Array.from({ length: 20_000 }, (_, n) => ({ id: n + 1, time: "", type: "t", vm: n }));
  let reads = 0;
  const events = {
    since(after: number, limit: number) {
      reads++;
      return Promise.resolve(all.slice(after, after + limit));
    },
  };
  const seen = await listEvents({ events }, 0, 2, ({ vm = 0 }) => vm % 9000 === 5);
  assertEquals(seen.map(({ id }) => id), [6, 9006]);
  assert(reads <= 10, `${reads}`);
  assertEquals(await listEvents({ events }, 0, 1, () => false), []);
  assert(reads <= 31, `${reads}`);
});
