import { assert, assertEquals } from "@std/assert";
import { NicRegisters } from "./nic_registers.ts";

function setCount(registers: NicRegisters, count: number): void {
  registers.setCount(count & 0xff, 0);
  registers.setCount(count >> 8, 8);
}

Deno.test("a frame is moved to the card and then sent, once", () => {
  const registers = new NicRegisters();
  setCount(registers, 1000);
  assert(!registers.mayWrite(1000));
  assert(registers.begin("write"));
  assert(!registers.moved);
  assert(registers.mayWrite(1000));
  registers.buffer.fill(7, 0, 1000);
  registers.end();
  assert(registers.moved && registers.loaded);
  assertEquals(registers.take(), new Uint8Array(1000).fill(7));
  assertEquals(registers.take(), null);
});

Deno.test("a received frame is read from the page it lies in, and pages follow each other", () => {
  const registers = new NicRegisters();
  const frame = new Uint8Array(0x345);
  for (let turn = 0; turn < 130; turn++) {
    registers.selectPage(1);
    const { page } = registers;
    assertEquals(page, turn % 64);
    registers.selectPage(0);
    registers.setAddress(0, 0);
    registers.setAddress(page + 1, 8);
    assertEquals([registers.lengthByte(frame, 0), registers.lengthByte(frame, 8)], [0x45, 3]);
    assert(registers.begin("read"));
    assert(!registers.mayRead);
    registers.setAddress(page, 8);
    assert(registers.mayRead);
    registers.end();
    assert(!registers.mayRead && !registers.loaded);
    registers.advance();
  }
});

Deno.test("accesses out of order are refused", () => {
  const registers = new NicRegisters();
  assertEquals(registers.take(), null);
  assertEquals(registers.page, -1);
  assert(!registers.begin("write"));
  setCount(registers, 1515);
  assert(!registers.begin("write"));
  setCount(registers, 60);
  registers.begin("write");
  assert(!registers.mayWrite(59) && !registers.mayWrite(61) && !registers.mayRead);
  registers.selectPage(1);
  assert(!registers.setAddress(0, 0) && !registers.setCount(0, 0) && !registers.begin("read"));
  assertEquals(registers.lengthByte(new Uint8Array(60), 0), -1);
});
