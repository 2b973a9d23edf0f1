/**
 * Guests that try to hurt the kernel or their neighbours. Each attack ends as its line says, or goes on
 * for ever; in every case a neighbour computes on, nothing is thrown, and no memory is lost.
 */

import { assert, assertEquals } from "@std/assert";
import { RECEIVE_QUEUE_FRAMES } from "../devices/nic.ts";
import { DEFAULT_QUANTUM } from "./scheduler.ts";
import { TEST_ENGINE, TEST_ENGINES } from "./testing/engine.ts";
import { testKernel } from "./testing/test_kernel.ts";
import { SEND_UNTIL_REFUSED } from "./testing/send_until_refused.ts";

type End = "crashed" | "running" | "idle" | "stopped" | "paused";

const ATTACKS: [string, End, string][] = [
  ["writes 4 GiB to the console", "crashed", "xor esi, esi\n mov ecx, -1\n call write"],
  [
    "writes its whole memory to the console",
    "crashed",
    "mov esi, 0x1000\n mov ecx, -1\n call write",
  ],
  ["writes from the end of the address space", "crashed", "mov esi, -3\n mov ecx, 9\n call write"],
  ["writes nothing for ever", "running", "1: mov ecx, 0\n call write\n jmp 1b"],
  [
    "reads the keyboard into nowhere",
    "idle",
    "mov edi, -1\n mov ecx, -1\n mov edx, PORT_KEYBOARD_READ\n rep insb\n jmp sleep",
  ],
  [
    "receives into nowhere when nothing waits",
    "idle",
    "xor edi, edi\n mov ecx, -1\n mov edx, PORT_NIC_RECEIVE\n rep insb\n jmp sleep",
  ],
  ["sends a frame of 4 GiB", "crashed", "mov esi, 0x20000\n mov ecx, -1\n call send"],
  ["sends a frame of 1 byte", "crashed", "mov esi, 0x20000\n mov ecx, 1\n call send"],
  ["sends a frame of 1515 bytes", "crashed", "mov esi, 0x20000\n mov ecx, 1515\n call send"],
  ["sends without end", "running", "1: mov esi, 0x20000\n mov ecx, 1514\n call send\n jmp 1b"],
  [
    "broadcasts without end",
    "running",
    `mov edi, 0x20000
  mov eax, -1
  stosd
  stosd
  mov word ptr [0x2000c], 0xb588
  mov esi, REG_nic_mac
  mov edi, 0x20006
  movsd
  movsw
1: mov esi, 0x20000
  mov ecx, 1514
  call send
  jmp 1b`,
  ],
  [
    "works an empty ring without end",
    "running",
    "mov dword ptr [0x20000], 16\n mov eax, 0x20000\n mov edx, PORT_NIC_RING_SEND\n 1: out dx, eax\n jmp 1b",
  ],
  [
    "works a ring at the end of its memory",
    "crashed",
    "mov eax, 0xffff0\n mov dword ptr [eax], 16\n mov dword ptr [eax + 4], 1\n" +
    "mov edx, PORT_NIC_RING_SEND\n out dx, eax",
  ],
  [
    "receives into a ring of nonsense",
    "crashed",
    "mov edi, 0x20000\n mov ecx, 0x1000\n mov eax, -1\n rep stosd\n" +
    "mov eax, 0x20000\n mov edx, PORT_NIC_RING_RECEIVE\n out dx, eax",
  ],
  [
    "uses every port",
    "running",
    "mov dword ptr [REG_exception_handler], offset skip\n1: inc edx\n in eax, dx\n out dx, eax\n outsb\n jmp 1b",
  ],
  ["has no stack for an exception", "crashed", "call handle\n mov esp, 4\n ud2"],
  ["has its stack on the null page", "crashed", "call handle\n mov esp, 0x1004\n ud2"],
  ["has its stack beyond memory", "crashed", "call handle\n mov esp, -8\n ud2"],
  ["has its stack in the virtual registers", "running", "call handle\n mov esp, 0x1060\n ud2"],
  [
    "handles exceptions at an unmapped address",
    "crashed",
    "mov esp, 0x21000\n mov dword ptr [REG_exception_handler], -16\n ud2",
  ],
  [
    "handles exceptions by raising one",
    "running",
    "call handle\n mov byte ptr [again], 0xf4\n ud2",
  ],
  [
    "handles interrupts without a stack",
    "crashed",
    "mov dword ptr [REG_interrupt_handler], 0x10000\n xor esp, esp\n" +
    "mov dword ptr [REG_interrupt_pending], 1\n mov dword ptr [REG_interrupt_enable], 1\n 1: jmp 1b",
  ],
  [
    "handles interrupts at an unmapped address",
    "crashed",
    "mov dword ptr [REG_interrupt_handler], 0xfffff000\n" +
    "mov dword ptr [REG_interrupt_pending], 1\n mov dword ptr [REG_interrupt_enable], 1\n 1: jmp 1b",
  ],
  [
    "interrupts itself without end",
    "running",
    "mov dword ptr [REG_interrupt_handler], offset 2f\n" +
    "mov dword ptr [REG_interrupt_pending], -1\n 1: mov dword ptr [REG_interrupt_enable], 1\n" +
    "mov eax, 1\n idle\n jmp 1b\n 2: iret",
  ],
  [
    "scribbles over the virtual registers",
    "crashed",
    "call scribble\n mov esp, 0x21000\n 1: jmp 1b",
  ],
  [
    "scribbles over the virtual registers and sleeps",
    "crashed",
    "call scribble\n mov esp, 0x21000\n mov eax, 1000\n idle\n 1: jmp 1b",
  ],
  [
    "runs code in the virtual registers",
    "running",
    "mov dword ptr [0x1300], 0xfceb9090\n mov eax, 0x1300\n jmp eax",
  ],
  [
    "runs code over the time registers",
    "running",
    "mov dword ptr [0x1010], 0xebb890eb\n mov dword ptr [0x1014], 0xeb90fceb\n" +
    "call handle\n mov eax, 0x1010\n jmp eax",
  ],
  ["sleeps for ever with no handler", "idle", "jmp sleep"],
  ["sleeps for one microsecond at a time", "running", "1: mov eax, 1\n idle\n jmp 1b"],
  ["yields without end", "running", "1: xor eax, eax\n idle\n jmp 1b"],
  [
    "has a timer of one microsecond",
    "running",
    "mov eax, 1\n mov edx, PORT_TIMER_PERIODIC\n out dx, eax\n" +
    "1: mov dword ptr [REG_interrupt_pending], 0\n mov eax, -1\n idle\n jmp 1b",
  ],
  [
    "sets its timer without end",
    "running",
    "mov edx, PORT_TIMER_ONESHOT\n 1: out dx, eax\n jmp 1b",
  ],
  ["asks for the time without end", "running", "mov edx, PORT_CLOCK\n 1: out dx, eax\n jmp 1b"],
  ["returns from no interrupt without end", "running", "call handle\n 1: iret\n jmp 1b"],
  ["overwrites its own code", "crashed", "mov edi, 0x10000\n mov ecx, 0x1000\n rep stosd\n ud2"],
  [
    "fills memory with a string instruction",
    "crashed",
    "mov edi, 0x20000\n mov ecx, -1\n rep stosb\n ud2",
  ],
  ["jumps into nowhere", "crashed", "mov eax, 0xffffffff\n jmp eax"],
  ["jumps to the null page", "crashed", "xor eax, eax\n call eax"],
  ["runs zeros", "crashed", "mov eax, 0x40000\n jmp eax"],
  ["recurses without end", "crashed", "1: call 1b"],
  ["pops beyond its memory", "crashed", "1: pop eax\n jmp 1b"],
  ["ends with a huge code", "stopped", "mov eax, -1\n terminate"],
  [
    "sets odd flags",
    "running",
    "1: push -1\n popf\n pushf\n pop eax\n mov [0x30000], eax\n cld\n jmp 1b",
  ],
  ["returns with odd flags", "running", "1: push -1\n push 0x23\n push offset 1b\n cld\n iret"],
  [
    "points the thread pointer at nowhere",
    "crashed",
    "mov eax, -1\n mov edx, PORT_THREAD_POINTER\n" +
    "out dx, eax\n mov eax, gs:[0]",
  ],
];

const HELPERS = `
sleep: mov eax, IDLE_FOREVER
  idle
  jmp sleep
write: mov edx, PORT_CONSOLE_WRITE
  rep outsb
  ret
send: mov edx, PORT_NIC_SEND
  rep outsb
  ret
handle: mov dword ptr [REG_exception_handler], offset handler
  ret
scribble: mov edi, 0x1000
  mov ecx, 1024
  mov eax, -1
  rep stosd
  ret
skip: inc dword ptr [esp]
  iret
handler: mov esp, 0x80000
again: jmp again
`;

/** Memory full of code that runs once is too much to translate all of it before it runs. */
const ENGINE = TEST_ENGINE.translateAfter === 0 ? TEST_ENGINES.soon : TEST_ENGINE;

const NEIGHBOUR = `
_start: inc dword ptr [0x20000]
  jmp _start`;

for (const [what, end, source] of ATTACKS) {
  Deno.test(`a guest that ${what} hurts only itself`, async () => {
    const t = testKernel({
      engine: ENGINE,
      events: { console: () => {}, state: () => {}, uplink: () => false },
    });
    const guest = `_start:\n${source}\n jmp sleep\n${HELPERS}\n .section .w, "awx"\n .byte 0`;
    const vm = await t.boot(guest, { network: true });
    const neighbour = await t.boot(NEIGHBOUR, { network: true });
    const due = () => end === "crashed" && vm.state === "running";
    for (let i = 0; i < 24 || (due() && i < 2000); i++) t.kernel.run(DEFAULT_QUANTUM / 4);
    const asleep = vm.state === "idle" && end === "running";
    assertEquals(asleep ? "running" : vm.state, end, vm.crash?.reason);
    assertEquals(neighbour.state, "running");
    // Its share is at least a third, whatever the other does.
    assert(neighbour.stats.instructions > 350_000, `${neighbour.stats.instructions}`);
    assert(t.kernel.report(vm).state === vm.state);
    t.finish();
  });
}

Deno.test("a flood fills the queue of its victim and nothing else", async () => {
  const t = testKernel();
  const [broadcast] = ATTACKS.filter(([what]) => what === "broadcasts without end");
  const toVictim = "mov eax, 0x004e4402\n  stosd\n  mov eax, 0x0200\n  stosd"; // 02:44:4e:00:00:02
  const flood = broadcast[2].replace("mov eax, -1\n  stosd\n  stosd", toVictim);
  await t.boot(`_start:\n${flood}\n${HELPERS}`, { network: true });
  const victim = await t.boot(NEIGHBOUR, { network: true });
  t.kernel.run(20 * DEFAULT_QUANTUM);
  const { packetBytes } = t.kernel.stats().metadata;
  assertEquals(victim.stats.framesIn - victim.stats.drops, RECEIVE_QUEUE_FRAMES);
  assert(victim.stats.drops > 100, `${victim.stats.drops}`);
  t.kernel.run(20 * DEFAULT_QUANTUM);
  assertEquals(t.kernel.stats().metadata.packetBytes, packetBytes);
  t.finish();
});

Deno.test("frames with another's MAC or address never leave the VM's port", async () => {
  const t = testKernel();
  await t.boot(
    `
_start: mov dword ptr [0x20000], -1
  mov dword ptr [0x20004], 0x4402ffff
  mov dword ptr [0x20008], 0x0200004e
  mov dword ptr [0x2000c], 0xb588
  mov ecx, 60
  mov esi, 0x20000
  mov edx, PORT_NIC_SEND
  rep outsb
  mov eax, IDLE_FOREVER
  idle`,
    { network: true },
  );
  const other = await t.boot(NEIGHBOUR, { network: true });
  t.kernel.run(10 * DEFAULT_QUANTUM);
  assertEquals(other.stats.framesIn, 0);
  assertEquals(t.kernel.stats().network.drops.spoofed_mac, 1);
  assertEquals(t.uplinked.length, 0);
  t.finish();
});

Deno.test("a sender that was refused hears of room", async () => {
  const t = testKernel();
  const vm = await t.boot(
    `
${SEND_UNTIL_REFUSED}
  mov dword ptr [REG_interrupt_pending], 0
  mov eax, 1000000
  idle
  mov eax, [REG_interrupt_pending]
  terminate
  .data
frame: .byte 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0x88, 0xb5
  .fill 46`,
    { network: true },
  );
  t.kernel.run(10 * DEFAULT_QUANTUM);
  assertEquals(vm.exitCode, 1 << 3);
  assertEquals(t.uplinked.length, 64);
  t.finish();
});
