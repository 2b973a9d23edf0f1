/**
 * What instructions cost that take much longer than others.
 *
 * A budget is about time where time is the host's, and an instruction counts as one or less. But FSIN takes
 * as long as a thousand others, and an access to a page that is not in the tables as some ten: a guest
 * that does nothing else would keep the processor a thousand times as long as it was given it. So such
 * instructions count what they cost here, and an engine that need not be exact takes that off the budget.
 *
 * Generated code counts its budget in locals and cannot know. So what takes longest is not translated
 * (`isLengthy`), and a region that misses pages until the budget is used up is made to leave, or that
 * computes with operands which take the exact way (cpu/sse/exact_lane.ts).
 */

import type { Operation } from "./operation.ts";

/**
 * In units of about one evaluated instruction's time; engines set both at the beginning of a run, and the maximum
 * is finite while a region runs.
 */
export const effort = { units: 0, maximum: Infinity };

/** What an engine that must be exact knows of it. */
export const NO_EFFORT: Readonly<typeof effort> = Object.freeze({ units: 0, maximum: Infinity });

/** What it costs to compute one lane exactly. */
const EXACT_WORK = 8;

/** Counts a lane that is to be computed exactly; false: the region must leave first. */
export function mayTakeLong(): boolean {
  effort.units += EXACT_WORK;
  return effort.units <= effort.maximum;
}

const lengthyOperations = new WeakSet<Operation>();

/** An operation that costs so many units. */
export function lengthy(units: number, operation: Operation): Operation {
  const counted: Operation = (cpu, destination, source, immediate) => {
    effort.units += units;
    return operation(cpu, destination, source, immediate);
  };
  lengthyOperations.add(counted);
  return counted;
}

/** Whether only the evaluator runs it. */
export function isLengthy(operation: Operation): boolean {
  return lengthyOperations.has(operation);
}
