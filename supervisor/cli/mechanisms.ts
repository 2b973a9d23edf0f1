/** `--interrupts`, `--idle` and `--nic`: options of the verbs that run VMs themselves, for measurements. */

import { MECHANISM_VALUES, type Mechanisms } from "../../kernel/mechanisms.ts";
import { oneOf } from "./command.ts";

export const MECHANISM_OPTIONS = ["interrupts", "idle", "nic"] as const;

const TEXTS = {
  interrupts: "when a frame interrupts its VM: when it is scheduled, or at once",
  idle: "an idle VM leaves the run queue, or spins in it",
  nic: "frames by rings with offload, by an operation each, or by a dozen each",
} as const;

/** Lines for --help, whose texts begin in the given column. */
export function mechanismHelp(column: number): string {
  const heading = "For measurements, each changes one mechanism (the first is the default):";
  const lines = MECHANISM_OPTIONS.flatMap((option) => [
    `  --${option} ${MECHANISM_VALUES[option].join("|")}`,
    " ".repeat(column) + TEXTS[option],
  ]);
  return [heading, "", ...lines].join("\n");
}

/** Throws a UsageError that tells what was expected. */
export function readMechanisms(
  text: Readonly<Record<string, string | undefined>>,
): Partial<Mechanisms> {
  const read = <K extends keyof Mechanisms>(option: K): { [P in K]?: Mechanisms[K] } => {
    const given = text[option];
    if (given === undefined) return {};
    const value = oneOf(`--${option}`, given, MECHANISM_VALUES[option]);
    return { [option]: value } as { [P in K]?: Mechanisms[K] };
  };
  return { ...read("interrupts"), ...read("idle"), ...read("nic") };
}
