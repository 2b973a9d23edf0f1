/** Guests that are asked by a line on the keyboard and answer by a line on the console. */

import type { Supervisor } from "../supervisor.ts";

export interface TalkingGuest {
  readonly id: number;
  /** Sends a line and returns the answer. */
  ask(line: string): Promise<string>;
}

/** A VM by its console from here on. */
export function talkTo(supervisor: Supervisor, id: number): TalkingGuest {
  const reader = supervisor.followConsole(id).pipeThrough(new TextDecoderStream()).getReader();
  /** What it said before comes again, and is no answer. */
  let skip = new TextDecoder().decode(supervisor.consoleHistory(id)).length;
  let text = "";
  return {
    id,
    async ask(line) {
      await supervisor.keyboard(id, new TextEncoder().encode(line + "\n"));
      for (;;) {
        const end = text.indexOf("\n");
        if (end >= 0) {
          const answer = text.slice(0, end);
          text = text.slice(end + 1);
          return answer;
        }
        const { value } = await reader.read();
        if (value === undefined) throw new Error(`the VM ended, asked ${line}`);
        text += value.slice(skip);
        skip = Math.max(0, skip - value.length);
      }
    },
  };
}
