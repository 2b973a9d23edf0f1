/** What tests/crash/recorder.c writes, judged from outside. */

const BLOCK = 4096, WORDS = BLOCK / 4, MAGIC = 0x52454344;

/** The number of a record, 0 for a block that was never written, undefined if it is torn. */
export function recordNumber(block: Uint32Array): number | undefined {
  if (block.every((word) => word === 0)) return 0;
  const [magic, number, checksum] = block;
  let sum = number;
  for (let i = 0; i < WORDS - 3; i++) {
    const mixed = (Math.imul(number, 0x9e3779b1) ^ Math.imul(i, 0x85ebca6b)) >>> 0;
    if (block[i + 3] !== ((mixed ^ (mixed >>> 13)) >>> 0)) return undefined;
    sum = (Math.imul(sum, 31) + block[i + 3]) >>> 0;
  }
  return magic === MAGIC && sum === checksum ? number : undefined;
}

export interface Judgement {
  /** The greatest number that was found. */
  readonly last: number;
  readonly wrong: readonly string[];
}

/**
 * Judges a disk on which all records up to `acked` were acknowledged. More may be there, by any number: the
 * last acknowledgements may not have left the process when it was killed.
 */
export function judgeRecords(disk: Uint8Array<ArrayBuffer>, acked: number): Judgement {
  const blocks = disk.length / BLOCK;
  const wrong: string[] = [];
  let last = 0;
  for (let block = 0; block < blocks; block++) {
    const number = recordNumber(new Uint32Array(disk.buffer, block * BLOCK, WORDS));
    // The last record up to `acked` that belongs here.
    const least = acked - ((acked - block) % blocks + blocks) % blocks;
    if (number === undefined) wrong.push(`block ${block} is torn`);
    else if (number !== 0 && number % blocks !== block) wrong.push(`block ${block} has ${number}`);
    else if (number < least) wrong.push(`record ${least} is lost: its block has ${number}`);
    last = Math.max(last, number ?? 0);
  }
  return { last, wrong };
}
