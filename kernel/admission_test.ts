import { assertEquals, assertThrows } from "@std/assert";
import { VmError } from "./kernel.ts";
import { testKernel, testNetwork } from "./testing/test_kernel.ts";

const SPIN = "_start: jmp _start";

Deno.test("requests that do not fit the VM's state are refused by name", async () => {
  const t = testKernel();
  const vm = await t.boot(SPIN);
  const refused = (action: () => void, field: string) =>
    assertEquals(assertThrows(action, VmError).field, field);
  refused(() => t.kernel.start(vm), "state");
  refused(() => t.kernel.resume(vm), "state");
  t.kernel.stop(vm, 300);
  assertEquals(vm.exitCode, 300 & 0xff);
  t.kernel.stop(vm, 1);
  assertEquals(vm.exitCode, 300 & 0xff);
  refused(() => t.kernel.pause(vm), "state");
  t.kernel.destroy(vm);
  refused(() => t.kernel.start(vm), "id");
  assertEquals(t.kernel.vm(1), undefined);
  t.finish();
});

Deno.test("a specification that cannot be met is refused by the name of its field", async () => {
  const t = testKernel();
  const image = await t.load(SPIN);
  const good = { name: "good", image, memory: 1 << 20, network: testNetwork(9) };
  const bad: [string, Partial<Parameters<typeof t.kernel.createVm>[0]>][] = [
    ["id", { id: 0 }],
    ["id", { id: 1 << 24 }],
    ["id", { id: 1.5 }],
    ["id", { id: 77 }],
    ["name", { name: "" }],
    ["name", { name: "x".repeat(64) }],
    ["name", { name: "a\0b" }],
    ["memory", { memory: 4096 }],
    ["memory", { memory: (1 << 20) + 1 }],
    ["memory", { memory: 2 ** 31 }],
    ["memory", { memory: NaN }],
    ["args", { args: ["x".repeat(3600)] }],
    ["args[1]", { args: ["a", "b\0"] }],
    ["env", { env: { "a=b": "c" } }],
    ["network.address", { network: { ...testNetwork(1), address: 0 } }],
    ["network.address", { network: testNetwork(77) }],
    ["network.mtu", { network: { ...testNetwork(1), mtu: 9000 } }],
    ["network.netmask", { network: { ...testNetwork(1), netmask: -1 } }],
  ];
  t.kernel.createVm({ ...good, id: 77, network: testNetwork(77) });
  const { free } = t.kernel.stats().frames;
  for (const [field, change] of bad) {
    const error = assertThrows(() => t.kernel.createVm({ ...good, ...change }), VmError);
    assertEquals(error.field, field, error.message);
  }
  assertEquals(t.kernel.stats().frames.free, free);
  assertEquals(t.kernel.vms.size, 1);
  assertEquals(t.kernel.createVm(good).id, 78);
  t.finish();
});

Deno.test("an image that needs more memory than the VM has is refused", async () => {
  const t = testKernel();
  const image = await t.load(`_start: nop\n .bss\n .fill 0x100000`);
  const error = assertThrows(
    () => t.kernel.createVm({ name: "small", image, memory: 1 << 20 }),
    VmError,
    "expected at least",
  );
  assertEquals(error.field, "memory");
  t.finish();
});

Deno.test("an image in use cannot be dropped", async () => {
  const t = testKernel();
  const vm = await t.boot(SPIN);
  assertThrows(() => t.kernel.dropImage(vm.image), VmError, "used by 1 VMs");
  t.finish();
});
