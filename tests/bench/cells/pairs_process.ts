/**
 * FetchingPairs as a process of their own, which can be held on some of the machine's cores:
 * pairs_process.ts SETTING BYTES, with the setting as JSON. For each line on stdin, the seconds of a window,
 * it prints what the window found, as JSON.
 */

import { TextLineStream } from "@std/streams";
import { fetchImage, FetchingPairs } from "./fetching_pairs.ts";

const pairs = await FetchingPairs.start(JSON.parse(Deno.args[0]), await fetchImage());
const bytes = Number(Deno.args[1]);
console.log("ready");
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
  new TextLineStream(),
);
for await (const line of lines) {
  console.log(JSON.stringify(await pairs.window(bytes, Number(line))));
}
await pairs.close();
