/**
 * The pager against a plain model: VMs whose instructions touch up to six random pages, over a device
 * that is slow, full and broken at random. The model is a map from pages to the last value written.
 */

import { assert, assertEquals } from "@std/assert";
import { PAGE_MASK, PAGE_SIZE, PRESENT, RESOLVE_WAIT } from "../cpu/engine.ts";
import { createPool, FrameTable, ZERO_FRAME } from "./frames.ts";
import { Image } from "./image.ts";
import { Pager } from "./pager.ts";
import { ABSENT } from "./page_map.ts";
import { SoftTlb } from "./soft_tlb.ts";
import { SWAP_DONE, SWAP_FAILED, SWAP_FULL } from "./swap_device.ts";
import { SwapSpace } from "./swap_space.ts";
import { buildElf } from "./testing/elf_builder.ts";
import { MemorySwap } from "./testing/memory_swap.ts";
import type { Vm } from "./vm.ts";
import { buildVm } from "./vm_builder.ts";
import { checkSpec } from "./vm_spec.ts";

const MEMORY = 1 << 20, PAGES = MEMORY / PAGE_SIZE;
const IMAGE_PAGE = 0x20, IMAGE_PAGES = 3, IMAGE_VALUE = 0x01010101;

interface FuzzOptions {
  readonly seed: number;
  readonly frames: number;
  readonly vms: number;
  /** Pages that a VM touches: a part of it most of the time. */
  readonly spread: number;
  readonly clusterPages: number;
  readonly failures?: number;
  readonly full?: number;
}

class Machine {
  readonly frames: FrameTable;
  readonly image: Image;
  readonly device: MemorySwap;
  readonly swap = new SwapSpace(4096 * PAGES);
  readonly softTlb = new SoftTlb(6 * 8 * PAGES);
  readonly pager: Pager;
  readonly vms: Vm[] = [];
  readonly runnable = new Set<Vm>();
  readonly model = new Map<Vm, Map<number, number>>();
  /** First words of frames from which code is cached. */
  readonly cached = new Map<number, number>();
  /** Which word of a frame is in `cached`. */
  readonly words = new Map<number, number>();
  /** Bits in the registers of a VM. */
  readonly registers = new WeakMap<Vm, number>();
  now = 0;
  nextId = 1;
  crashed = 0;
  #state: number;

  constructor(readonly options: FuzzOptions) {
    this.#state = options.seed | 1;
    const { failures = 0, full = 0 } = options;
    this.device = new MemorySwap({
      clusterPages: options.clusterPages,
      delay: () => this.random(4),
      outcome: ({ write }) => {
        if (this.random(10_000) < failures) return SWAP_FAILED;
        return write && this.random(10_000) < full ? SWAP_FULL : SWAP_DONE;
      },
    });
    this.frames = new FrameTable(createPool(options.frames * PAGE_SIZE));
    this.frames.codeCache = { dropFrame: (frame) => this.cached.delete(frame) };
    const bytes = new Uint8Array(IMAGE_PAGES * PAGE_SIZE).fill(1);
    const file = buildElf({ segments: [{ address: IMAGE_PAGE * PAGE_SIZE, bytes }] });
    this.image = new Image("fuzz", file, this.frames);
    this.pager = new Pager({
      frames: this.frames,
      softTlb: this.softTlb,
      device: this.device.swap.open(this.frames.pool.u8),
      owner: {
        wake: (vm) => this.runnable.add(vm),
        pause: (vm) => this.pause(vm),
        resume: (vm) => this.resume(vm),
        crash: (vm) => {
          this.crashed++;
          this.end(vm);
        },
        now: () => this.now,
      },
    });
  }

  random(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % below;
  }

  create(): void {
    const id = this.nextId++;
    const spec = { name: `vm-${id}`, image: this.image, memory: MEMORY };
    this.pager.poll();
    const sink = { room: () => Infinity, write: () => {} };
    const vm = buildVm(this.frames, spec, id, checkSpec(spec), null, true, sink);
    vm.space.region = this.swap.allocate(PAGES);
    this.pager.add(vm);
    this.vms.push(vm);
    this.model.set(vm, new Map());
    vm.changeState("running");
    this.runnable.add(vm);
  }

  end(vm: Vm): void {
    this.runnable.delete(vm);
    this.pager.forget(vm);
    this.softTlb.detach(vm.space);
    vm.releaseMemory();
    this.pager.remove(vm);
    this.vms.splice(this.vms.indexOf(vm), 1);
    this.model.delete(vm);
    if (!vm.ended) vm.changeState("crashed");
  }

  pause(vm: Vm): void {
    this.runnable.delete(vm);
    this.pager.forget(vm);
    vm.changeState("paused");
  }

  resume(vm: Vm): void {
    this.pager.forget(vm);
    vm.changeState("running");
    this.runnable.add(vm);
  }

  /** One thing happens. */
  step(): void {
    this.now += this.random(2000);
    const what = this.random(100);
    const vm = this.vms[this.random(this.vms.length)];
    if (vm === undefined || (what === 0 && this.vms.length < this.options.vms)) this.create();
    else if (what === 1 && this.random(4) === 0) this.end(vm);
    else if (what === 2 && vm.active) this.pause(vm);
    else if (what < 5 && vm.state === "paused") this.resume(vm);
    else if (what < 15 && vm.state === "idle") {
      vm.changeState("running");
      this.runnable.add(vm);
    } else this.turn();
    this.checkCode();
  }

  /** A VM has a turn of some instructions. */
  turn(): void {
    this.pager.poll();
    const candidates = [...this.runnable];
    const vm = candidates[this.random(candidates.length)];
    if (vm === undefined) return;
    this.runnable.delete(vm);
    if (!this.pager.admit(vm)) return;
    vm.registers.open();
    // The kernel writes to the registers without asking for the page.
    const bits = this.registers.get(vm) ?? 0, raised = 1 << this.random(31);
    assertEquals(vm.registers.interruptPending, bits, `VM ${vm.id} seed ${this.options.seed}`);
    vm.registers.raise(raised);
    this.registers.set(vm, bits | raised);
    for (let left = 1 + this.random(30); left > 0 && vm.active; left--) {
      this.runnable.delete(vm);
      this.softTlb.attach(vm.space);
      if (this.instruction(vm)) vm.cpu.retired++;
    }
    if (vm.pageWaits || vm.ended || vm.state !== "running") return;
    this.pager.turnEnded(vm);
    if (this.random(3) === 0) vm.changeState("idle");
    else this.runnable.add(vm);
  }

  /** Touches pages, all or none of them; false if it has to wait. */
  instruction(vm: Vm): boolean {
    const { space } = vm;
    const model = this.model.get(vm)!;
    const home = 2 + (vm.id * 37) % 100, count = 1 + this.random(6);
    const touched: [number, boolean][] = [];
    for (let i = 0; i < count; i++) {
      const page = home + this.random(this.random(8) === 0 ? 150 : this.options.spread);
      touched.push([page, this.random(2) === 0]);
    }
    for (const [page, write] of touched) {
      const table = write ? space.writeTable : space.readTable;
      if ((table[page] & PRESENT) !== 0) continue;
      if (space.resolve(page, write) === RESOLVE_WAIT) {
        this.pager.wait(vm);
        return false;
      }
    }
    const { i32 } = this.frames.pool;
    for (const [page, write] of touched) {
      const entry = (write ? space.writeTable : space.readTable)[page];
      assert((entry & PRESENT) !== 0, "a page went away within an instruction");
      const at = ((entry & ~PAGE_MASK) >>> 2) + (page & 0x3ff);
      const inImage = page >= IMAGE_PAGE && page < IMAGE_PAGE + IMAGE_PAGES;
      const expected = model.get(page) ?? (inImage ? IMAGE_VALUE : 0);
      assertEquals(i32[at], expected, `VM ${vm.id} page ${page} seed ${this.options.seed}`);
      if (!write) continue;
      const value = this.random(5) === 0 ? 0 : this.random(0x7fffffff);
      i32[at] = value;
      model.set(page, value);
    }
    if (this.random(20) === 0) this.cacheCode(vm, touched[0][0]);
    return true;
  }

  /** An engine decodes a page that was read. */
  cacheCode(vm: Vm, page: number): void {
    vm.space.protectCode(page);
    const frame = vm.space.readTable[page] & ~PAGE_MASK;
    this.cached.set(frame, this.frames.pool.i32[(frame >>> 2) + (page & 0x3ff)]);
    this.words.set(frame, page & 0x3ff);
  }

  /** No frame changed while code from it was cached. */
  checkCode(): void {
    for (const [frame, word] of this.cached) {
      const now = this.frames.pool.i32[(frame >>> 2) + this.words.get(frame)!];
      assertEquals(now, word, `frame 0x${frame.toString(16)} seed ${this.options.seed}`);
    }
  }

  /** What must hold at any time. */
  check(): void {
    let resident = 0;
    for (const vm of this.vms) {
      const { space } = vm;
      let frames = 0;
      for (let place = 0; place < space.map.places; place++) {
        if (space.map.page(place) === 0) continue;
        const frame = space.map.frame(place);
        if (frame !== ABSENT) frames++;
        else assert(space.map.slot(place) >= 0, "a page is nowhere");
      }
      assertEquals(space.resident, frames);
      resident += frames;
    }
    const inTransfer = this.frames.total - 1 - this.image.frameCount - this.frames.free - resident;
    assert(inTransfer >= 0 && inTransfer <= 8 * this.options.clusterPages, `${inTransfer}`);
  }

  finish(): void {
    for (let i = 0; i < 100; i++) this.pager.poll();
    for (const vm of [...this.vms]) this.end(vm);
    for (let i = 0; i < 100; i++) this.pager.poll();
    assertEquals(this.pager.underWay, 0);
    assertEquals(this.swap.available, this.swap.pages);
    this.image.release();
    assertEquals(this.frames.free, this.frames.total - 1);
    // Nothing ever writes to the zero frame.
    assertEquals([...this.cached.keys()].filter((frame) => frame !== ZERO_FRAME), []);
  }
}

function fuzz(options: FuzzOptions, steps: number): Machine {
  const machine = new Machine(options);
  for (let i = 0; i < steps; i++) {
    machine.step();
    if (i % 100 === 0) machine.check();
  }
  machine.finish();
  return machine;
}

const SHAPES = [
  { frames: 40, vms: 3, spread: 30, clusterPages: 1 },
  { frames: 64, vms: 12, spread: 12, clusterPages: 16 },
  { frames: 200, vms: 40, spread: 20, clusterPages: 4 },
  { frames: 400, vms: 6, spread: 140, clusterPages: 64 },
];

Deno.test("no VM ever reads another value than it wrote, whatever the pager does", () => {
  for (const shape of SHAPES) {
    for (let seed = 1; seed <= 3; seed++) {
      const { pager, crashed } = fuzz({ ...shape, seed }, 6000);
      const { pageIns, pageOuts } = pager.counters;
      assert(pageIns > 100 && pageOuts > 100, JSON.stringify(pager.counters));
      assertEquals(crashed, 0);
    }
  }
});

Deno.test("a device that fails or is full at times costs the VMs it fails for, and no other a byte", () => {
  for (const shape of SHAPES) {
    const { pager, crashed } = fuzz({ ...shape, seed: 7, failures: 200, full: 300 }, 6000);
    assert(crashed > 0 && pager.counters.errors >= crashed, `${crashed}`);
  }
});
