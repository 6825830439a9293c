/** What selection says of two tables, worked out the slow way. */

import { NO_ROW, type NodeTable, ROW, STAT_WORDS } from "../../src/model.js";
import type { RowDelta } from "../../src/plan/row-delta.js";
import { bodyOf } from "../../src/tree/row.js";

export function deltaBetween(previous: NodeTable, next: NodeTable, origin: Uint32Array): RowDelta {
  const ranges: number[] = [];
  const changedRows: number[] = [];
  const isOrigin = new Uint8Array(previous.count);
  for (let row = 0; row < next.count; row++) {
    const from = origin[row] as number;
    if (from === NO_ROW) {
      changedRows.push(row);
      continue;
    }
    isOrigin[from] = 1;
    const last = ranges.length - 3;
    const goesOn =
      last >= 0 &&
      (ranges[last] as number) + (ranges[last + 2] as number) === row &&
      (ranges[last + 1] as number) + (ranges[last + 2] as number) === from;
    if (goesOn) ranges[last + 2] = (ranges[last + 2] as number) + 1;
    else ranges.push(row, from, 1);
    if (!sameRow(previous, from, next, row)) changedRows.push(row);
  }
  const removedRows = [...isOrigin.keys()].filter((row) => isOrigin[row] === 0);
  return {
    ranges: Uint32Array.from(ranges),
    changedRows: Uint32Array.from(changedRows),
    removedRows: Uint32Array.from(removedRows),
  };
}

function sameRow(previous: NodeTable, from: number, next: NodeTable, row: number): boolean {
  for (let word = 0; word < STAT_WORDS; word++) {
    if (previous.stats[from * STAT_WORDS + word] !== next.stats[row * STAT_WORDS + word]) return false;
  }
  const flags = (previous.flags[from] as number) ^ (next.flags[row] as number);
  if ((flags & ROW.selected) !== 0 || previous.xattrs.get(from) !== next.xattrs.get(row)) return false;
  return bodyOf(previous, from).equals(bodyOf(next, row));
}
