/** What differs between two tables, by rows. */

import { NO_ROW, type NodeTable, ROW, STAT_WORDS, type Xattr } from "../model.js";
import { originBetween } from "./origin.js";

export interface TableDelta {
  /** Row → row of the same path and type in the earlier table, or `NO_ROW`. Where no row came or went it is shared (`identityOrigin`): not to be written to. */
  readonly origin: Uint32Array;
  /**
   * Triples (first row, first row in the earlier table, number of rows), ascending: all rows with an origin, in the longest stretches in which
   * rows and origins advance together.
   */
  readonly ranges: Uint32Array;
  /** Rows without an origin, and those whose stat record, selection, body or extended attributes are others than their origin's; ascending. */
  readonly changedRows: Uint32Array;
  /** Rows of the earlier table that are no row's origin; ascending. */
  readonly removedRows: Uint32Array;
}

/** By comparing all of both tables: for tables that were made apart. */
export function deltaBetween(previous: NodeTable, next: NodeTable): TableDelta {
  const origin = originBetween(previous, next);
  const ranges = rangesOf(origin);
  const changed: number[] = [];
  for (let row = 0; row < next.count; row++) {
    const old = origin[row] as number;
    if (old === NO_ROW || !isSameRow(previous, old, next, row)) changed.push(row);
  }
  return { origin, ranges, changedRows: Uint32Array.from(changed), removedRows: rowsBetween(ranges, previous.count) };
}

/** `TableDelta.ranges` of an origin. */
export function rangesOf(origin: Uint32Array): Uint32Array {
  const ranges: number[] = [];
  for (let row = 0; row < origin.length; ) {
    const start = row++;
    const from = origin[start] as number;
    if (from === NO_ROW) continue;
    const distance = from - start;
    while (row < origin.length && origin[row] === row + distance) row++;
    ranges.push(start, from, row - start);
  }
  return Uint32Array.from(ranges);
}

/** Rows of an earlier table with `count` rows that are in none of the ranges. */
export function rowsBetween(ranges: Uint32Array, count: number): Uint32Array {
  const rows: number[] = [];
  let next = 0;
  for (let at = 0; at < ranges.length; at += 3) {
    const from = ranges[at + 1] as number;
    for (; next < from; next++) rows.push(next);
    next = from + (ranges[at + 2] as number);
  }
  for (; next < count; next++) rows.push(next);
  return Uint32Array.from(rows);
}

/** The row whose origin is `old`, or `NO_ROW`. */
export function rowWithOrigin(ranges: Uint32Array, old: number): number {
  let low = 0;
  let high = ranges.length / 3;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle * 3 + 1] as number) <= old) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return NO_ROW;
  const at = (low - 1) * 3;
  const offset = old - (ranges[at + 1] as number);
  return offset < (ranges[at + 2] as number) ? (ranges[at] as number) + offset : NO_ROW;
}

/** Whether stat record, selection, body and extended attributes are the same. */
export function isSameRow(a: NodeTable, rowA: number, b: NodeTable, rowB: number): boolean {
  const atA = rowA * STAT_WORDS;
  const atB = rowB * STAT_WORDS;
  for (let word = 0; word < STAT_WORDS; word++) if (a.stats[atA + word] !== b.stats[atB + word]) return false;
  if ((((a.flags[rowA] as number) ^ (b.flags[rowB] as number)) & ROW.selected) !== 0) return false;
  if (a.bodyLength[rowA] !== b.bodyLength[rowB]) return false;
  if (a.bodyLength[rowA] !== 0 && !isSameBody(a, rowA, b, rowB)) return false;
  return (a.xattrs.size === 0 && b.xattrs.size === 0) || isSameList(a.xattrs.get(rowA), b.xattrs.get(rowB));
}

function isSameBody(a: NodeTable, rowA: number, b: NodeTable, rowB: number): boolean {
  const length = a.bodyLength[rowA] as number;
  const atA = a.bodyStart[rowA] as number;
  const atB = b.bodyStart[rowB] as number;
  return a.bytes.compare(b.bytes, atB, atB + length, atA, atA + length) === 0;
}

function isSameList(a: readonly Xattr[] | undefined, b: readonly Xattr[] | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every(({ name, value }, index) => {
    const other = b[index] as Xattr;
    return name.equals(other.name) && value.equals(other.value);
  });
}
