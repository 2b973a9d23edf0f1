import { assert, assertEquals } from "@std/assert";
import { reportText } from "./crash.ts";
import { testKernel } from "./testing/test_kernel.ts";

/** main -> middle -> leaf, which writes to address 16; `framed` are those with frame pointers. */
function nested(framed: readonly string[]): string {
  const enter = (name: string) => framed.includes(name) ? "push ebp\n mov ebp, esp" : "sub esp, 24";
  const leave = (name: string) => framed.includes(name) ? "pop ebp" : "add esp, 24";
  return `
.type _start, @function
_start: call main
  terminate
.size _start, . - _start
.type main, @function
main: ${enter("main")}
  call middle
  ${leave("main")}
  ret
.size main, . - main
.type middle, @function
middle: ${enter("middle")}
  mov ecx, offset leaf
  call ecx
  ${leave("middle")}
  ret
.size middle, . - middle
.type leaf, @function
leaf: mov eax, 0x11223344
  fld1
  fldpi
  movd xmm3, eax
  stc
  mov [16], eax
  ret
.size leaf, . - leaf`;
}

async function crash(source: string) {
  const t = testKernel();
  const vm = await t.boot(source);
  t.kernel.run(100_000);
  assertEquals(vm.state, "crashed");
  const report = t.kernel.report(vm);
  assertEquals(report, vm.crash);
  t.finish();
  return report;
}

Deno.test("a crash report holds the exception and the whole processor state", async () => {
  const report = await crash(nested([]));
  assertEquals(report.state, "crashed");
  assertEquals(report.exception, { vector: 14, name: "#PF", error: 6, address: 16 });
  assert(report.reason.includes("(leaf+0x"), report.reason);
  assert(report.reason.endsWith("write to address 0x10"), report.reason);
  assertEquals(report.registers.eax, 0x11223344);
  assertEquals(report.eflags & 1, 1);
  assertEquals(report.xmm[3], "000000000000000000000000" + "11223344");
  assertEquals(report.fpu.st[0], "4000c90fdaa22168c235");
  assertEquals(report.fpu.st[1], "3fff8000000000000000");
  assertEquals(JSON.parse(JSON.stringify(report)), report);
});

Deno.test("the report shows the code around EIP", async () => {
  const { disassembly, registers } = await crash(nested([]));
  const at = disassembly.findIndex((line) => line.address === registers.eip);
  assertEquals(disassembly[at].bytes, "a310000000");
  assert(disassembly[at].text.startsWith("mov"), disassembly[at].text);
  assertEquals(disassembly[at - 1].text, "stc");
  assertEquals(disassembly[at + 1].text, "ret");
});

const CALLERS: [how: string, framed: string[], sources: string[]][] = [
  ["frame pointers", ["main", "middle"], ["eip", "scan", "frame", "frame"]],
  ["return addresses on the stack", [], ["eip", "scan", "scan", "scan"]],
  ["both, if only some keep frame pointers", ["main"], ["eip", "scan", "scan", "frame"]],
];

for (const [how, framed, sources] of CALLERS) {
  Deno.test(`the report names the callers by ${how}`, async () => {
    const { trace } = await crash(nested(framed));
    const names = trace.map(({ symbol }) => symbol.replace(/\+.*/, ""));
    assertEquals(names, ["leaf", "middle", "main", "_start"]);
    assertEquals(trace.map(({ source }) => source), sources);
  });
}

Deno.test("the report names who called what is no code", async () => {
  const { trace } = await crash(nested([]).replace("offset leaf", "0"));
  const names = trace.map(({ symbol }) => symbol.replace(/\+.*/, ""));
  assertEquals(names, ["", "middle", "main", "_start"]);
});

Deno.test("a stack that grew out of memory, or into the code, is told", async () => {
  const outside = await crash("_start: push eax\n mov dword ptr [esp - 0x2000000], 1\n jmp _start");
  assert(!outside.reason.includes("overflowed"), outside.reason);
  const deep = await crash("_start: sub esp, 0x4000\n call _start");
  assert(deep.reason.endsWith("where no stack can be: it has overflowed"), deep.reason);
  const code = await crash("_start: mov esp, offset _start + 4\n ud2");
  assert(code.reason.startsWith("#UD at 0x") && code.reason.includes("; ESP is 0x"), code.reason);
});

Deno.test("the report as text names what an operator looks for", async () => {
  const text = reportText(await crash(nested([])));
  for (
    const part of ["VM 1", "#PF", "leaf+0x", "eax     11223344", "=> ", "call trace:", "middle"]
  ) {
    assert(text.includes(part), `${part} in\n${text}`);
  }
});

Deno.test("control characters in names do not reach the terminal", async () => {
  const report = await crash("_start: ud2");
  const text = reportText({ ...report, name: "evil\x1b[2J", image: "x\r\n" });
  assert(!text.includes("\x1b") && !text.includes("\r"));
});

Deno.test("a report is whole whatever the registers hold", async () => {
  for (
    const value of ["0", "0xfff", "0xfffffffe", "0xffffffff", "0x7fffffff", "0x1ffe", "0xfffff"]
  ) {
    const report = await crash(`
_start: mov eax, ${value}
  mov esp, eax
  mov ebp, eax
  jmp eax`);
    assert(report.trace.length >= 1 && report.disassembly.length <= 12);
    assert(reportText(report).length < 10_000);
  }
});

Deno.test("a report can be taken of a VM in every state", async () => {
  const t = testKernel();
  const vm = await t.boot("_start: inc eax\n jmp _start");
  t.kernel.run(1000);
  assertEquals(t.kernel.report(vm).state, "running");
  assert(t.kernel.report(vm).disassembly.length > 0);
  t.kernel.pause(vm);
  assertEquals(t.kernel.report(vm).state, "paused");
  t.kernel.stop(vm, 5);
  assertEquals(t.kernel.report(vm).code, 5);
  assertEquals(t.kernel.report(vm).instructions, 1000);
  assertEquals(t.kernel.report(vm).disassembly, []);
  t.finish();
});

Deno.test("a report of a VM deep in a long function looks at a bounded part of it", async () => {
  for (const [length, before] of [[4000, 6], [5000, 0], [200_000, 0]]) {
    const t = testKernel();
    const vm = await t.boot(`_start: jmp 1f\n .fill ${length}, 1, 0x90\n1: jmp 1b`);
    t.kernel.run(1000);
    const { disassembly, registers } = t.kernel.report(vm);
    assertEquals(disassembly.findIndex(({ address }) => address === registers.eip), before);
    t.finish();
  }
});
