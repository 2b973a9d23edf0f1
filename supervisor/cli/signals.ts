/** The two signals by which an operator ends a program. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Exit status of a program that ends because of one, as a shell would say it. */
export const EXIT_SIGNAL: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** Calls `handler` at SIGINT and SIGTERM; returns a function that stops that. */
export function onSignals(handler: (signal: StopSignal) => void): () => void {
  const removals = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const listener = () => handler(signal);
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => removals.forEach((remove) => remove());
}
