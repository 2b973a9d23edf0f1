import { assert, assertEquals } from "@std/assert";
import { table } from "./table.ts";

const ROWS = [
  ["ID", "NAME", "PORTS"],
  ["1", "web", "127.0.0.1:8000->80, 127.0.0.1:8001->81"],
  ["20", "a-rather-long-name-of-a-service", ""],
];

Deno.test("a table has aligned columns and no blanks at the ends of its lines", () => {
  assertEquals(table([["A", "B"], ["1", ""], ["333", "x"]]), "A    B\n1\n333  x");
});

Deno.test("a table fits its width, the widest columns give way, and short ones stay whole", () => {
  for (const width of [30, 40, 60]) {
    const lines = table(ROWS, { width }).split("\n");
    for (const line of lines) assert(line.length <= width, line);
    assert(lines[1].startsWith("1   web") && lines[2].startsWith("20  a-r"), lines.join("\n"));
    assert(lines[1].endsWith("…"), lines[1]);
  }
});

Deno.test("a cell that is cut is painted for what it says, and a column stays aligned", () => {
  const paint = { STATE: (text: string, shown: string) => `<${text}>${shown}</>` };
  const rows = [["STATE", "ID"], ["running (0)", "1"], ["idle", "2"]];
  assertEquals(
    table(rows, { width: 9, paint }),
    "STATE  ID\n<running (0)>runn…</>  1\n<idle>idle</>   2",
  );
});
