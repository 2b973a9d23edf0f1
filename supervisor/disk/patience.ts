/** A stream that fails when nothing has come for a while, so that nobody waits for a sender for ever. */

import { RequestError } from "../request_error.ts";

export const PATIENCE_MS = 30_000;

export function withPatience(
  from: ReadableStream<Uint8Array>,
  milliseconds = PATIENCE_MS,
  brokenOff = new RequestError("body", "it broke off", "all of it"),
): ReadableStream<Uint8Array> {
  const reader = from.getReader();
  const late = new RequestError(
    "body",
    `nothing came for ${milliseconds / 1000} seconds`,
    "a sender that goes on",
    408,
  );
  return new ReadableStream({
    async pull(controller) {
      const patience = Promise.withResolvers<never>();
      const timer = setTimeout(() => patience.reject(late), milliseconds);
      try {
        const { value } = await Promise.race([reader.read(), patience.promise]);
        if (value === undefined) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw error instanceof RequestError ? error : brokenOff;
      } finally {
        clearTimeout(timer);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
