/**
 * A program on two engines side by side: both get the same budgets, and the same happens to both between
 * runs. After every run all of the state and memory must be the same.
 */

import {
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_IDLE,
  EXIT_IO_REQUEST,
  EXIT_IRET,
} from "../../cpu/engine.ts";
import { EIP, EXIT_NEXT_EIP } from "../../cpu/state.ts";
import { Random } from "../hardware/random.ts";
import { CODE, CODE_PAGES, DATA, PAGE, PAGES, READ_ONLY } from "./layout.ts";
import { type EngineFactory, Machine, observe, type Vm } from "./machine.ts";
import { makeProgram, type Program } from "./program.ts";

export interface Limits {
  /** Runs of an engine. */
  readonly pieces: number;
  /** Instructions of both VMs together. */
  readonly instructions: number;
}

export interface Difference {
  /** The run that differed, counted from 0. */
  readonly piece: number;
  readonly budget: number;
  /** What differs: name, what the reference has, what the subject has. */
  readonly parts: readonly (readonly [string, number, number])[];
}

export interface Result {
  readonly program: Program;
  readonly subject: Machine;
  readonly reference: Machine;
  readonly pieces: number;
  readonly difference: Difference | null;
}

/** Budgets are drawn from one of these for a whole program: exact ends, and code that stays inside. */
const BUDGETS = [1, 3, 10, 40, 300, 3000];

/** Something that happens to both machines between two runs. */
type Event = (machine: Machine, vm: Vm) => void;

export class Lockstep {
  private readonly random: Random;
  private readonly program: Program;
  private readonly reference: Machine;
  private readonly subject: Machine;
  private readonly budget: number;
  private readonly eventful: boolean;

  /** `exact`: both run the same budgets; else the reference runs what the subject has done. */
  constructor(
    seed: number,
    reference: EngineFactory,
    subject: EngineFactory,
    private readonly exact = true,
  ) {
    const random = this.random = new Random(seed);
    this.program = makeProgram(random);
    this.budget = random.pick(BUDGETS);
    this.eventful = random.once(2);
    this.reference = new Machine(reference, this.program);
    this.subject = new Machine(subject, this.program);
    this.both(0, ({ engine: _ }, vm) => vm.cpu.i32[EIP] = this.program.labels[0]);
    const entry = random.pick(this.program.labels);
    this.both(1, (_, vm) => vm.cpu.i32[EIP] = entry);
  }

  run({ pieces, instructions }: Limits): Result {
    const { random, reference, subject, program } = this;
    let difference: Difference | null = null, piece = 0;
    for (let left = instructions; piece < pieces && left > 0 && difference === null; piece++) {
      const number = random.once(4) ? 1 : 0;
      if (piece > 0 && this.eventful && random.once(4)) this.both(number, this.event());
      const budget = 1 + random.below(this.budget);
      const before = reference.vms[number].cpu.retired;
      const [wanted, got] = this.exact
        ? [reference, subject].map((machine) => machine.run(machine.vms[number], budget))
        : this.runAbout(number, budget);
      const parts = [...this.compare(number, wanted, got)];
      if (parts.length > 0) difference = { piece, budget, parts };
      left -= Math.max(1, reference.vms[number].cpu.retired - before);
      if (wanted !== EXIT_BUDGET) this.both(number, this.answer(wanted));
    }
    return { program, subject, reference, pieces: piece, difference };
  }

  /** What ends a run does not count as retired. */
  private runAbout(number: number, budget: number): readonly [number, number] {
    const { reference, subject } = this;
    const before = subject.vms[number].cpu.retired;
    const got = subject.runAbout(subject.vms[number], budget);
    const retired = subject.vms[number].cpu.retired - before;
    const whole = got === EXIT_BUDGET ? retired : retired + 1;
    return [reference.run(reference.vms[number], whole), got];
  }

  private both(number: number, event: Event): void {
    for (const machine of [this.reference, this.subject]) event(machine, machine.vms[number]);
  }

  /** What the kernel and its devices do to a VM that waits for its turn. */
  private event(): Event {
    const { random, program } = this;
    const page = random.pick(PAGES), code = CODE / PAGE + random.below(CODE_PAGES);
    switch (random.below(8)) {
      case 0: { // a device writes, mostly where it does not destroy the program
        const address = program.immediates.length > 0 && random.once(2)
          ? random.pick(program.immediates)
          : random.once(4)
          ? CODE + random.below(CODE_PAGES * PAGE)
          : DATA + random.below(PAGE);
        const byte = Uint8Array.of(random.next());
        return (_, { space }) => space.write(address >>> 12, address & PAGE - 1, byte);
      }
      case 1:
        return (_, { space }) => space.evict(page);
      case 2:
        return (_, { space }) => space.remove(page);
      case 3:
        return (machine, { space }) => machine.moveFrame(space, code);
      case 4:
        if (!random.once(4)) return () => {};
        return (_, { space }) => space.exchange(CODE / PAGE + 1, code);
      case 5: { // all of the code as it was
        const { code: bytes } = program;
        return (_, { space }) => {
          for (let i = 0; i < CODE_PAGES; i++) {
            space.write(CODE / PAGE + i, 0, bytes.subarray(i * PAGE, (i + 1) * PAGE));
          }
        };
      }
      default: // an interrupt
        return this.jump();
    }
  }

  private jump(): Event {
    const address = this.random.pick(this.program.labels);
    return (machine, { cpu }) => {
      machine.resetPointers(cpu);
      cpu.i32[EIP] = address;
    };
  }

  /** What follows an exit. */
  private answer(reason: number): Event {
    const { random } = this;
    const value = random.next();
    if (reason === EXIT_IO_REQUEST) {
      return (_, { cpu }) => {
        cpu.i32[0] = value;
        cpu.i32[EIP] = cpu.i32[EXIT_NEXT_EIP];
        cpu.retired++;
      };
    }
    if (reason === EXIT_IDLE) return () => {};
    if (reason === EXIT_EXCEPTION && random.once(2)) {
      // Behind the instruction, more or less.
      const bytes = 1 + random.below(7);
      return (_, { cpu }) => cpu.i32[EIP] += bytes;
    }
    if (reason === EXIT_IRET) return (_, { cpu }) => cpu.i32[EIP] += 1;
    return this.jump();
  }

  private *compare(
    number: number,
    wanted: number,
    got: number,
  ): Generator<readonly [string, number, number]> {
    const a = this.reference.vms[number], b = this.subject.vms[number];
    if (wanted !== got) {
      yield ["exit", wanted, got];
      yield ["retired", a.cpu.retired, b.cpu.retired];
      yield ["eip", a.cpu.i32[EIP], b.cpu.i32[EIP]];
      return;
    }
    const theirs = observe(b.cpu, wanted);
    for (const [name, value] of observe(a.cpu, wanted)) {
      const [, other] = theirs.next().value as [string, number];
      if (value !== other) yield [name, value, other];
    }
    for (const page of PAGES) {
      if (page !== READ_ONLY) yield* this.comparePage(page, a, b);
    }
  }

  private *comparePage(
    page: number,
    a: Vm,
    b: Vm,
  ): Generator<readonly [string, number, number]> {
    const left = this.reference.pool.i32, right = this.subject.pool.i32;
    const fromA = a.space.frame(page) >> 2, fromB = b.space.frame(page) >> 2;
    for (let i = 0; i < PAGE >> 2; i++) {
      if (left[fromA + i] === right[fromB + i]) continue;
      yield [`[${(page * PAGE + 4 * i).toString(16)}]`, left[fromA + i], right[fromB + i]];
      return;
    }
  }
}
