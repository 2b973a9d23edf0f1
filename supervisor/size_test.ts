import { assertEquals } from "@std/assert";
import { formatSize, parseSize } from "./size.ts";

Deno.test("sizes are read as people write them", () => {
  const cases: [string, number | undefined][] = [
    ["4096", 4096],
    ["16M", 16 * 2 ** 20],
    ["16m", 16 * 2 ** 20],
    ["1.5G", 1.5 * 2 ** 30],
    ["64KiB", 65536],
    ["64 kb", 65536],
    ["0", 0],
    ["", undefined],
    ["M", undefined],
    ["-1M", undefined],
    ["1e3", undefined],
    ["1T", 2 ** 40],
    ["1P", undefined],
    ["0.3", undefined],
    ["99999999999999999999", undefined],
  ];
  for (const [text, bytes] of cases) assertEquals(parseSize(text), bytes, text);
});

Deno.test("sizes are shown with the largest unit that fits", () => {
  for (const text of ["2T", "16M", "1.5G", "4K", "512"]) {
    assertEquals(formatSize(parseSize(text)!), text);
  }
});
