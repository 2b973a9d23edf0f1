/**
 * What the peer has received beyond a loss (RFC 2018), and what that says is lost (RFC 6675).
 *
 * The ranges are kept in order and apart; a peer that names more than RANGES_MAXIMUM has the highest ones
 * forgotten, which costs retransmissions and nothing else. A timeout forgets all of them: a peer may take
 * back what it has only selectively acknowledged (RFC 2018 section 8).
 */
import { after, before, distance } from "./tcp_sequence.ts";

const RANGES_MAXIMUM = 64;
/** Segments above a hole that make it a loss (RFC 6675 section 2). */
const DUPLICATES_FOR_LOSS = 3;

interface Range {
  start: number;
  end: number;
}

export class SackBoard {
  /** Bytes of all ranges. */
  bytes = 0;
  #ranges: Range[] = [];

  /** Takes a block of an acknowledgement; what lies outside of `una` to `max` is nonsense. */
  add(start: number, end: number, una: number, max: number): void {
    if (!before(start, end) || !after(start, una) || after(end, max)) return;
    const ranges = this.#ranges;
    let at = ranges.length;
    while (at > 0 && !before(ranges[at - 1].end, start)) at--;
    let last = at;
    for (; last < ranges.length && !after(ranges[last].start, end); last++) {
      const { start: first, end: behind } = ranges[last];
      this.bytes -= distance(behind, first);
      if (before(first, start)) start = first;
      if (after(behind, end)) end = behind;
    }
    ranges.splice(at, last - at, { start, end });
    this.bytes += distance(end, start);
    if (ranges.length <= RANGES_MAXIMUM) return;
    const dropped = ranges.pop()!;
    this.bytes -= distance(dropped.end, dropped.start);
  }

  /** Everything before `una` is acknowledged. */
  discard(una: number): void {
    const ranges = this.#ranges;
    while (ranges.length > 0 && !after(ranges[0].start, una)) {
      const { start, end } = ranges.shift()!;
      this.bytes -= distance(end, start);
    }
  }

  clear(): void {
    this.#ranges = [];
    this.bytes = 0;
  }

  /** The sequence number before which all that is not in a range is lost; `una` if nothing is. */
  lostBefore(una: number, mss: number): number {
    let above = 0;
    for (let at = this.#ranges.length - 1, count = 1; at >= 0; at--, count++) {
      const { start, end } = this.#ranges[at];
      above += distance(end, start);
      if (count >= DUPLICATES_FOR_LOSS || above > (DUPLICATES_FOR_LOSS - 1) * mss) return start;
    }
    return una;
  }

  /** The end of what the peer has; `una` if that is nothing more. */
  highest(una: number): number {
    return this.#ranges.at(-1)?.end ?? una;
  }

  /** Bytes from `una` to `edge` that are in no range. */
  missing(una: number, edge: number): number {
    let bytes = Math.max(0, distance(edge, una));
    for (const { start, end } of this.#ranges) {
      if (!before(start, edge)) break;
      bytes -= distance(before(end, edge) ? end : edge, start);
    }
    return bytes;
  }

  /** The first piece at or behind `from` that is in no range and before `edge`; null: there is none. */
  hole(from: number, edge: number): Readonly<Range> | null {
    let start = from;
    for (const range of this.#ranges) {
      if (before(start, range.start)) break;
      if (before(start, range.end)) start = range.end;
    }
    if (!before(start, edge)) return null;
    const next = this.#ranges.find((range) => after(range.start, start));
    const end = next !== undefined && before(next.start, edge) ? next.start : edge;
    return { start, end };
  }
}
