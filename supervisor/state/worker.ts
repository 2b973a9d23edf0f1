/// <reference lib="deno.worker" />
/** Entry of the thread that has the database; see thread.ts. */

import { type Database, openDatabase } from "./database.ts";
import type { ReadName, Row } from "./statements.ts";
import type { Answer, Order } from "./thread.ts";

let database: Database | undefined;

self.onmessage = ({ data }: MessageEvent<Order>) => {
  const answer: Answer = { number: data.number };
  try {
    self.postMessage({ ...answer, rows: execute(data) });
  } catch (error) {
    self.postMessage({ ...answer, error: (error as Error).message });
  }
};

function execute(order: Order): Row[] {
  if ("open" in order) database = openDatabase(order.open);
  else if (database === undefined) throw new Error("the database is not open");
  else if ("write" in order) database.write(order.write);
  else if ("read" in order) return database.read(order.read as ReadName, order.values);
  else database.close();
  return [];
}
