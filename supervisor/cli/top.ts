/** `denali top`: what the VMs of a server are doing. */

import type { VmRow } from "../cell/protocol.ts";
import { formatSize } from "../size.ts";
import { PAGE_BYTES } from "../swap/channel.ts";
import { CLIENT_EXIT_HELP, HOST_HELP, readClientWords } from "./client.ts";
import { type Command, EXIT, noWords, writeLine } from "./command.ts";
import { about, type Look, look, memoryOf } from "./look.ts";
import { readNumber } from "./number.ts";
import { onSignals } from "./signals.ts";
import { shorten, table } from "./table.ts";
import { clear, columns, paintState, rows } from "./terminal.ts";

const HELP = `usage: denali top [--interval S] [--count N] [--host URL]

Shows the virtual machines that work hardest, and what the server does in all, again and again until
Ctrl-C. Where stdout is no terminal the tables follow each other.

  --interval S  seconds between two looks, 0.1 to 60 (default 2)
  --count N   end after N looks
${HOST_HELP}

${CLIENT_EXIT_HELP}
`;

const HEADING = ["ID", "NAME", "STATE", "INSTR/S", "MEMORY", "SWAP"];
/** Lines of the screen that are not VMs. */
const FRAME_LINES = 4;
const UNITS = [["G", 1e9], ["M", 1e6], ["k", 1e3]] as const;

export const top: Command = {
  name: "top",
  summary: "show what the VMs of a server are doing",
  help: HELP,
  async run(args) {
    const { read, client } = readClientWords(args, { text: ["interval", "count"] });
    noWords(read);
    const interval = readNumber("interval", read.text.interval ?? "2", 0.1, 60) * 1000;
    const count = readNumber("count", read.text.count ?? "1e9", 1, 1e9);
    const stopped = Promise.withResolvers<"stopped">();
    const stopListening = onSignals(() => stopped.resolve("stopped"));
    try {
      let before = await look(client);
      for (let turn = 0; turn < count; turn++) {
        if (await pause(interval, stopped.promise) === "stopped") break;
        const now = await look(client);
        await writeLine(clear() + compare(before, now));
        before = now;
      }
    } finally {
      stopListening();
    }
    return EXIT.OK;
  },
};

/** The VMs with the instructions that they executed since the look before, as many as fit. */
function compare(before: Look, now: Look): string {
  const seconds = (now.time - before.time) / 1000;
  const earlier = new Map(before.rows.map((row) => [row.id, row.instructions]));
  const rates = now.rows.map((row) => ({
    row,
    // A VM that was started afresh counts from 0 again.
    rate: Math.max(0, row.instructions - (earlier.get(row.id) ?? 0)) / seconds,
  })).sort((a, b) => b.rate - a.rate);
  const pages = (of: (row: VmRow) => number) =>
    formatSize(now.rows.reduce((total, row) => total + of(row), 0) * PAGE_BYTES);
  const summary = [
    `${now.rows.length} VMs`,
    `${now.rows.filter(({ state }) => state === "running").length} running`,
    `${formatRate(rates.reduce((total, { rate }) => total + rate, 0))} instructions/s`,
    `${pages((row) => row.residentPages)} in memory`,
    `${pages((row) => row.swappedPages)} in swap`,
  ].join(", ");
  const lines = rates.slice(0, rows() - FRAME_LINES).map(({ row, rate }) => [
    ...about(row, now.names),
    formatRate(rate),
    ...memoryOf(row),
  ]);
  return `${shorten(summary, columns())}\n\n${
    table([HEADING, ...lines], { paint: { STATE: paintState } })
  }`;
}

function formatRate(perSecond: number): string {
  const unit = UNITS.find(([, size]) => perSecond >= size);
  return unit === undefined
    ? perSecond.toFixed(0)
    : `${(perSecond / unit[1]).toFixed(1)}${unit[0]}`;
}

async function pause<T>(milliseconds: number, unless: Promise<T>): Promise<T | void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
  return await Promise.race([unless, over]).finally(() => clearTimeout(timer));
}
