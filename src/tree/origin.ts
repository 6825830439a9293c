/** Which rows of two tables are the same names. */

import { NO_ROW, type NodeTable } from "../model.js";
import { rowFormat, S_IFDIR } from "./row.js";

/** Of every row of `next` the row of `previous` with the same path and type, or `NO_ROW`: one pass through both, depth first. */
export function originBetween(previous: NodeTable, next: NodeTable): Uint32Array {
  const origin = new Uint32Array(next.count).fill(NO_ROW);
  originWithin(previous, 0, next, 0, origin);
  return origin;
}

/**
 * The same for the subtrees of two directories of the same path.
 * @param origin receives the rows; must hold `NO_ROW` for those of the subtree
 */
export function originWithin(
  previous: NodeTable,
  oldTop: number,
  next: NodeTable,
  top: number,
  origin: Uint32Array,
): void {
  origin[top] = oldTop;
  /** Ends of the directories that both are in, of `previous` and of `next` by turns. */
  const open: number[] = [previous.end[oldTop] as number, next.end[top] as number];
  let old = oldTop + 1;
  let row = top + 1;
  while (open.length > 0) {
    const oldEnd = open[open.length - 2] as number;
    const end = open[open.length - 1] as number;
    if (old >= oldEnd || row >= end) {
      old = oldEnd;
      row = end;
      open.length -= 2;
      continue;
    }
    const order = compareNames(previous, old, next, row);
    const isSame = order === 0 && rowFormat(previous, old) === rowFormat(next, row);
    if (isSame) {
      origin[row] = old;
      if (rowFormat(next, row) === S_IFDIR) open.push(previous.end[old] as number, next.end[row] as number);
      old++;
      row++;
      continue;
    }
    if (order <= 0) old = previous.end[old] as number;
    if (order >= 0) row = next.end[row] as number;
  }
}

let identity = new Uint32Array(0);

/** Every row its own origin. Shared by all who ask for tables of that size: not to be written to. */
export function identityOrigin(count: number): Uint32Array {
  if (identity.length !== count) {
    identity = new Uint32Array(count);
    for (let row = 0; row < count; row++) identity[row] = row;
  }
  return identity;
}

function compareNames(a: NodeTable, rowA: number, b: NodeTable, rowB: number): number {
  let atA = a.nameStart[rowA] as number;
  let atB = b.nameStart[rowB] as number;
  const lengthA = a.nameLength[rowA] as number;
  const lengthB = b.nameLength[rowB] as number;
  for (const end = atA + Math.min(lengthA, lengthB); atA < end; atA++, atB++) {
    const difference = (a.bytes[atA] as number) - (b.bytes[atB] as number);
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}
