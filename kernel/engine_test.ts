/** What the choice of the engine changes, and what it does not. */

import { assert, assertEquals } from "@std/assert";
import type { EngineSettings } from "../cpu/engine_settings.ts";
import { testKernel } from "./testing/test_kernel.ts";

const TRANSLATOR: EngineSettings = { name: "translator", translateAfter: 300 };
const AT_ONCE: EngineSettings = { ...TRANSLATOR, translateAfter: 0 };
const FORGETFUL: EngineSettings = { ...AT_ONCE, codeBytes: 1 };

/** Every way to run guests that could make a difference. */
const EVERY_ENGINE: readonly EngineSettings[] = [
  { name: "evaluator" },
  TRANSLATOR,
  AT_ONCE,
  { ...TRANSLATOR, translateAfter: 1 },
  { ...TRANSLATOR, translateAfter: 7 },
  FORGETFUL,
];

/** Calls, loops, stores; ends with a sum. */
const SUM = `
_start: xor eax, eax
  mov ecx, 50
again: call work
  dec ecx
  jnz again
  and eax, 127
  terminate
work: mov edx, ecx
1: add eax, edx
  mov [0x20000 + edx * 4], eax
  dec edx
  jnz 1b
  ret`;

Deno.test("a thousand VMs of one image translate each region once", async () => {
  for (const engine of [AT_ONCE, TRANSLATOR]) {
    const t = testKernel({ engine, poolBytes: 16 << 20, memory: undefined });
    const image = await t.load(SUM);
    const runOne = () => {
      const vm = t.kernel.createVm({ name: "one", image, memory: 1 << 20 });
      t.kernel.start(vm);
      t.kernel.run(1_000_000);
      assertEquals([vm.state, vm.exitCode], ["stopped", 22_100 & 127]);
      t.kernel.destroy(vm);
    };
    // What runs once in each VM, its start, is hot only when many have started.
    const warm = engine === AT_ONCE ? 1 : 400;
    for (let n = 0; n < warm; n++) runOne();
    const { translations } = t.kernel.stats().engine;
    for (let n = warm; n < 1000; n++) runOne();
    const last = t.kernel.stats().engine;
    assert(translations > 0 && translations < 5, `${translations} regions`);
    assertEquals([last.translations, last.invalidations, last.cleared], [translations, 0, 0]);
    assert(last.regions > 0 && last.regions <= translations, `${last.regions} are kept`);
    assert(last.translated > 50 * last.evaluated, `${last.evaluated} were evaluated`);
    t.finish();
  }
});

/** Reads the time, waits for the timer, writes to the console. */
const TIMES = `
_start: mov dword ptr [REG_interrupt_enable], 0
  mov ebp, 5
again: mov ecx, 3000
1: imul eax, ecx, 77
  add ebx, eax
  rol ebx, 3
  dec ecx
  jnz 1b
  rdtsc
  add ebx, eax
  mov eax, 1000
  idle
  mov [0x20000], ebx
  mov esi, 0x20000
  mov ecx, 4
  mov edx, PORT_CONSOLE_WRITE
  rep outsb
  dec ebp
  jnz again
  mov eax, 7
  terminate`;

Deno.test("the same run takes the same instructions and time on every engine", async () => {
  const results = [];
  for (const engine of EVERY_ENGINE) {
    const t = testKernel({ engine, quantum: 1234 });
    const vms = [await t.boot(TIMES), await t.boot(TIMES), await t.boot(SUM)];
    for (let slice = 1; vms.some((vm) => !vm.ended); slice++) t.kernel.run(slice);
    const { name, translated, evaluated } = t.kernel.stats().engine;
    assertEquals(translated > 0, name === "translator");
    assert(evaluated >= 0 && translated >= 0);
    results.push({
      // Besides them the kernel counts the I/O instructions that it completes.
      executed: translated + evaluated,
      reports: vms.map((vm) => t.kernel.report(vm)),
      consoles: [...t.consoles],
      states: t.states,
      time: t.clock.monotonic(),
    });
    t.finish();
  }
  for (const result of results) assertEquals(result, results[0]);
});

Deno.test("the counters tell what happened to translations", async () => {
  const t = testKernel({ engine: AT_ONCE });
  // Writes into its own page: the copy is another frame, which is then written again and again.
  const vm = await t.boot(`
_start: mov ecx, 10
again: inc byte ptr [patch + 1]
patch: mov al, 0
  dec ecx
  jnz again
  movzx eax, al
  terminate`);
  t.kernel.run(1000);
  assertEquals(vm.exitCode, 10);
  const { name, translations, invalidations, deoptimizations, cleared } = t.kernel.stats().engine;
  assertEquals([name, cleared], ["translator", 0]);
  assert(translations > 1 && invalidations > 1, `${translations}, ${invalidations} invalid`);
  assert(deoptimizations > 1 && deoptimizations <= translations, `left ${deoptimizations} times`);
  t.finish();
  const small = testKernel({ engine: FORGETFUL });
  await small.boot(SUM);
  small.kernel.run(100_000);
  const { regions, cleared: often } = small.kernel.stats().engine;
  assert(regions <= 1 && often > 0, `${regions} regions are kept, cleared ${often} times`);
  small.finish();
});

/** Runs the code at `patch`, lets a device write into it, and runs it again, often. */
const PATCHED_BY_KEYBOARD = `
_start: mov ebp, 40
again: call patch
  add ebx, eax
  mov edi, offset patch + 1
  mov ecx, 1
  mov edx, PORT_KEYBOARD_READ
  rep insb
  dec ebp
  jnz again
  mov eax, ebx
  and eax, 127
  terminate
  .balign 64
patch: mov eax, 1
  ret`;

Deno.test("code that the keyboard overwrites is run as it is now, on any engine", async () => {
  const typed = Uint8Array.from({ length: 40 }, (_, index) => index + 3);
  // Its last byte comes too late.
  const sum = 1 + typed.subarray(0, 39).reduce((total, byte) => total + byte, 0);
  for (const engine of EVERY_ENGINE) {
    const t = testKernel({ engine });
    const vm = await t.boot(PATCHED_BY_KEYBOARD);
    assertEquals(t.kernel.keyboard(vm, typed), 40);
    t.kernel.run(1_000_000);
    assertEquals([vm.state, vm.exitCode], ["stopped", sum & 127], JSON.stringify(engine));
    t.finish();
  }
});

/** VM 1 overwrites its code, VM 2 of the same image does not. */
const PATCHED_BY_ITSELF = `
_start: mov ebp, 30
again: call patch
  add ebx, eax
  cmp dword ptr [REG_vm_id], 1
  jne 1f
  inc byte ptr [patch + 1]
1: dec ebp
  jnz again
  mov eax, ebx
  and eax, 127
  terminate
patch: mov eax, 1
  ret`;

Deno.test("a VM that overwrites its code changes it for no other VM of the image, on any engine", async () => {
  for (const engine of EVERY_ENGINE) {
    const t = testKernel({ engine, quantum: 13 });
    const image = await t.load(PATCHED_BY_ITSELF);
    const vms = [1, 2].map((id) => {
      const vm = t.kernel.createVm({ id, name: `vm-${id}`, image, memory: 1 << 20 });
      t.kernel.start(vm);
      return vm;
    });
    t.kernel.run(1_000_000);
    const sum = 30 * 31 / 2 & 127;
    assertEquals(vms.map((vm) => vm.exitCode), [sum, 30], JSON.stringify(engine));
    t.finish();
  }
});
