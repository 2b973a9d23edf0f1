/** The whole state of a VM at its end, as plain JSON. */
export interface CrashReport {
  readonly reason: string;
}
