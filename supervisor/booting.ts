/** How long and how often those who are led to a VM ask it again that has only just been started. */

/** So long a VM that was started may take until its server listens, ms. */
const BOOT_MS = 3000;
const LONGEST_PAUSE_MS = 50;

/** `startedAt`: of performance.now. What the VM refuses now it may take in a moment. */
export function isBooting(startedAt: number): boolean {
  return performance.now() < startedAt + BOOT_MS;
}

/** The pause behind the n-th attempt, from 1: doubled from 2 ms on. */
export function bootPause(attempt: number): Promise<void> {
  const milliseconds = Math.min(2 ** attempt, LONGEST_PAUSE_MS);
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
