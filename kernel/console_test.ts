import { assert, assertEquals } from "@std/assert";
import type { KernelEvents } from "./kernel.ts";
import { testKernel } from "./testing/test_kernel.ts";

const LENGTH = 50_000;

/** Writes LENGTH bytes that count modulo 251, with one instruction, and ends. */
const WRITE = `
_start: mov edi, 0x20000
  xor ecx, ecx
fill: mov eax, ecx
  xor edx, edx
  mov ebx, 251
  div ebx
  mov [edi + ecx], dl
  inc ecx
  cmp ecx, ${LENGTH}
  jb fill
  mov esi, edi
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  mov eax, ecx
  terminate`;

/** Writes for ever. */
const FLOOD = `
_start: mov edx, PORT_CONSOLE_WRITE
  mov ecx, 4096
  mov esi, 0x20000
  rep outsb
  jmp _start`;

const SPIN = `
_start: inc ebx
  jmp _start`;

/** A console that takes what `room` allows, keeps it, and counts how often it was asked. */
function limitedConsole(room: Map<number, number>) {
  const written: number[] = [];
  let offers = 0;
  const events: KernelEvents = {
    consoleRoom(vm) {
      offers++;
      return room.get(vm.id) ?? 0;
    },
    console(vm, bytes) {
      room.set(vm.id, (room.get(vm.id) ?? 0) - bytes.length);
      for (const byte of bytes) written.push(byte);
    },
    state() {},
    uplink: () => true,
  };
  return { events, written, offers: () => offers };
}

Deno.test("a console with little room gets every byte once, in order, as it makes room", async () => {
  const room = new Map<number, number>();
  const { events, written } = limitedConsole(room);
  const t = testKernel({ events });
  const vm = await t.boot(WRITE);
  for (let n = 0; vm.state === "running"; n++) {
    assert(n < 100_000, "the VM does not end");
    t.kernel.run(1_000_000);
    // Nothing, one byte, and pieces that fit neither pages nor operations.
    room.set(1, [0, 1, 777, 5000][n % 4]);
    t.kernel.consoleReady(vm);
  }
  assertEquals(vm.exitCode, 0, vm.crash?.reason);
  assertEquals(written.length, LENGTH);
  assert(written.every((byte, index) => byte === index % 251));
  assertEquals(vm.stats.consoleBytes, LENGTH);
  t.finish();
});

Deno.test("a VM whose console is full takes no turn, and the others get all of them", async () => {
  const room = new Map<number, number>();
  const { events, offers } = limitedConsole(room);
  const t = testKernel({ events, quantum: 1000 });
  const flood = await t.boot(FLOOD);
  const spin = await t.boot(SPIN);
  t.kernel.run(1_000_000);
  assertEquals(offers(), 1);
  assertEquals(flood.state, "running");
  assert(flood.stats.quanta === 1 && spin.stats.instructions > 999_900);
  t.kernel.pause(spin);
  assertEquals(t.kernel.runnable, false);
  assertEquals(t.kernel.run(1000), 0);
  room.set(1, 100);
  t.kernel.consoleReady(flood);
  t.kernel.run(1000);
  assertEquals(flood.stats.consoleBytes, 100);
  t.finish();
});

Deno.test("a VM that waits for its console can be paused, resumed, interrupted and destroyed", async () => {
  const room = new Map<number, number>();
  const { events } = limitedConsole(room);
  const t = testKernel({ events });
  const vm = await t.boot(FLOOD);
  t.kernel.run(10_000);
  t.kernel.pause(vm);
  t.kernel.resume(vm);
  t.kernel.shutdown(vm);
  assertEquals(t.kernel.run(1000), 0);
  t.kernel.pause(vm);
  room.set(1, 1 << 20);
  t.kernel.consoleReady(vm);
  assertEquals(t.kernel.run(1000), 0);
  t.kernel.resume(vm);
  assertEquals(t.kernel.run(1000), 1000);
  assert(vm.stats.consoleBytes > 0);
  room.set(1, 0);
  t.kernel.run(100_000);
  t.kernel.destroy(vm);
  t.kernel.consoleReady(vm);
  assertEquals(t.kernel.run(1000), 0);
  t.finish();
});

Deno.test("a byte that the console has no room for is not an instruction", async () => {
  const { events, written } = limitedConsole(new Map([[1, 1]]));
  const t = testKernel({ events });
  const vm = await t.boot(`
_start: mov edx, PORT_CONSOLE_WRITE
  mov esi, offset text
  outsb
  outsb
  ud2
text: .ascii "ab"`);
  t.kernel.run(10_000);
  assertEquals([written.length, vm.stats.instructions], [1, 3]);
  t.kernel.consoleReady(vm);
  t.kernel.run(10_000);
  assertEquals([written.length, vm.stats.instructions], [1, 3]);
  assertEquals(vm.state, "running");
  t.finish();
});
