import { assert, assertEquals } from "@std/assert";
import { EMPTY_TABLE, SoftTlb, type SoftTlbHolder } from "./soft_tlb.ts";

function holder(pages: number): SoftTlbHolder {
  return {
    pages,
    readTable: EMPTY_TABLE,
    writeTable: EMPTY_TABLE,
    tlbOlder: null,
    tlbNewer: null,
    tlbNoted: false,
    tlbTaken() {
      this.readTable.fill(0);
      this.writeTable.fill(0);
    },
  };
}

Deno.test("the holder that ran longest ago loses its tables when the limit is reached", () => {
  const tlb = new SoftTlb(3 * 8 * 256);
  const [a, b, c, d] = [1, 2, 3, 4].map(() => holder(256));
  for (const each of [a, b, c]) tlb.attach(each);
  a.readTable[5] = 99;
  tlb.attach(a);
  tlb.attach(d);
  assertEquals(b.readTable.length, 0);
  assertEquals([a, c, d].map((each) => each.readTable.length), [256, 256, 256]);
  assertEquals(a.readTable[5], 99);
  assertEquals(tlb.bytes, 3 * 8 * 256);
});

Deno.test("a table that is taken over comes empty", () => {
  const tlb = new SoftTlb(8 * 256);
  const [a, b] = [holder(256), holder(256)];
  tlb.attach(a);
  a.readTable.fill(1);
  a.writeTable.fill(1);
  tlb.attach(b);
  assert(b.readTable.every((entry) => entry === 0) && b.writeTable.every((entry) => entry === 0));
});

Deno.test("a holder larger than the limit still gets tables", () => {
  const tlb = new SoftTlb(8 * 256);
  const small = holder(256);
  const large = holder(4096);
  tlb.attach(small);
  tlb.attach(large);
  assertEquals(small.readTable.length, 0);
  assertEquals(large.readTable.length, 4096);
  tlb.attach(small);
  assertEquals(large.readTable.length, 0);
  tlb.detach(small);
  assertEquals(tlb.bytes, 0);
});

Deno.test("at most so many holders have tables, and those of each size are used again", () => {
  const tlb = new SoftTlb(1 << 20, 4);
  const holders = Array.from({ length: 10 }, (_, i) => holder(i % 2 === 0 ? 256 : 512));
  const seen = new Set<Int32Array>();
  for (let round = 0; round < 20; round++) {
    for (const each of holders) {
      tlb.attach(each);
      seen.add(each.readTable);
      each.readTable[round] = 1;
    }
    assertEquals(holders.filter((each) => each.readTable.length > 0).length, 4);
  }
  assert(seen.size <= 6, `${seen.size} tables`);
});
