/** What the host's errors mean. */

/** The disk, or the user's share of it, is used up. */
export function isFull(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ENOSPC" || code === "EDQUOT" || /no space left|quota/i.test(message ?? "");
}
