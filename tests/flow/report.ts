/** What one needs to know about a difference: how to repeat it, and what ran before it. */

import { decode } from "../../cpu/decoder.ts";
import { disassemble } from "../../cpu/disassembler.ts";
import { type AddressSpace, type Engine, EXIT_BUDGET, type Pool } from "../../cpu/engine.ts";
import { Evaluator } from "../../cpu/evaluator.ts";
import { EIP } from "../../cpu/state.ts";
import { PAGE } from "./layout.ts";
import { type Limits, Lockstep, type Result } from "./lockstep.ts";
import type { EngineFactory } from "./machine.ts";

/** Instructions before the difference that are shown. */
const SHOWN = 40;

/** A difference as text; "" if there is none. */
export function describe(seed: number, { difference }: Result, limits: Limits): string {
  if (difference === null) return "";
  const { piece, budget, parts } = difference;
  return [
    `seed ${seed}: run ${piece}, of at most ${budget} instructions, differs`,
    ...parts.map(([name, wanted, got]) =>
      `  ${name}: the evaluator has ${hex(wanted)}, the engine ${hex(got)}`
    ),
    "the last that the evaluator ran:",
    ...traceOf(seed, { ...limits, pieces: piece + 1 }),
  ].join("\n");
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)} (${value})`;
}

/** The last instructions within the limits, from the evaluator, one at a time. */
function traceOf(seed: number, limits: Limits): string[] {
  const lines: string[] = [];
  const stepping: EngineFactory = (options) =>
    stepped(new Evaluator(options), (space, eip) => {
      lines.push(lineAt(options.pool, space, eip));
      if (lines.length > SHOWN) lines.shift();
    });
  new Lockstep(seed, stepping, (options) => new Evaluator(options)).run(limits);
  return lines;
}

/** An engine that runs one instruction at a time and tells of each. */
function stepped(engine: Engine, tell: (space: AddressSpace, eip: number) => void): Engine {
  return {
    dropFrame: (frame) => engine.dropFrame(frame),
    stats: () => engine.stats(),
    run(cpu, space, budget) {
      for (const end = cpu.retired + budget; cpu.retired < end;) {
        tell(space, cpu.i32[EIP]);
        engine.preparation = 0;
        const reason = engine.run(cpu, space, 1);
        if (reason !== EXIT_BUDGET) return reason;
      }
      return EXIT_BUDGET;
    },
  };
}

function lineAt({ u8 }: Pool, space: AddressSpace, eip: number): string {
  const bytes = new Uint8Array(15);
  let count = 0;
  for (; count < bytes.length; count++) {
    const address = eip + count, entry = space.readTable[address >>> 12] ?? 0;
    if (entry === 0) break;
    bytes[count] = u8[(entry & -PAGE) + (address & PAGE - 1)];
  }
  const instruction = decode(bytes, 0, count);
  const place = (eip >>> 0).toString(16).padStart(8, "0");
  if (instruction === null) return `  ${place}  (not in the table)`;
  const shown = [...bytes.subarray(0, instruction.length)].map((b) =>
    b.toString(16).padStart(2, "0")
  );
  return `  ${place}  ${shown.join(" ").padEnd(30)} ${disassemble(instruction, eip)}`;
}
