/**
 * What a VM finds in its tables when it gets them, and what is noted of them when it loses them: which of its
 * own pages were in which, in the page map.
 *
 * A fleet larger than the number of pairs (soft_tlb.ts) does this at every turn, so it must touch little memory:
 * only entries that were set are cleared, where a whole table would go through the processor's caches.
 */

import { PRESENT } from "../cpu/engine.ts";
import type { Image } from "./image.ts";
import { ABSENT, type PageMap } from "./page_map.ts";

/** What has tables. */
export interface TableOwner {
  readonly image: Image;
  readonly map: PageMap;
  readonly pages: number;
  readonly readTable: Int32Array;
  readonly writeTable: Int32Array;
  /** What the tables had when they were lost is noted in the map. */
  readonly tlbNoted: boolean;
  /** The table for reading has pages that are neither its own nor the image's. */
  readonly strayed: boolean;
}

/** Of a page that was in the tables: in the one for reading, or in both. */
const NOTED_READ = 1, NOTED_WRITE = 2;
/** Places of the largest map that notes it: with more, pages are found again when they are needed. */
const NOTED_PLACES = 256;

/**
 * Fills empty tables. Pages of the image are readable at once: a translated region is only entered if all of
 * its pages are in the table. The VM's own are there if they were when it lost its tables, and no others, because the
 * pager takes what is there for used.
 */
export function fillTables({ image, map, pages, readTable, writeTable, tlbNoted }: TableOwner) {
  image.mapInto(readTable);
  if (map.places > NOTED_PLACES) {
    const end = Math.min(image.firstPage + image.pageCount, pages);
    for (let page = image.firstPage; page < end; page++) {
      if (map.find(page) >= 0) readTable[page] = 0;
    }
    return;
  }
  for (let place = 0; place < map.places; place++) {
    const page = map.page(place);
    if (page === 0) continue;
    const note = tlbNoted ? map.note(place) : 0, entry = map.frame(place) | PRESENT;
    readTable[page] = note !== 0 ? entry : 0;
    if (note === NOTED_WRITE && map.slot(place) === ABSENT) writeTable[page] = entry;
  }
}

/** Notes what the tables have, and empties them. */
export function emptyTables({ image, map, readTable, writeTable, strayed }: TableOwner) {
  if (map.places > NOTED_PLACES) {
    readTable.fill(0);
    writeTable.fill(0);
    return;
  }
  for (let place = 0; place < map.places; place++) {
    const page = map.page(place);
    if (page === 0) continue;
    const note = readTable[page] !== 0 ? NOTED_READ : 0;
    map.setNote(place, writeTable[page] !== 0 ? NOTED_WRITE : note);
    readTable[page] = 0;
    writeTable[page] = 0;
  }
  if (strayed) readTable.fill(0);
  else readTable.fill(0, image.firstPage, image.firstPage + image.pageCount);
}
