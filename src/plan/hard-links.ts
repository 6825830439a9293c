/** Finds the rows that are names of one inode, by integers alone. */

import { NO_ROW, type NodeTable, ROW, STAT, STAT_WORDS } from "../model.js";
import { rowFormat, S_IFDIR, S_IFLNK } from "../tree/row.js";
import { mix } from "./hash.js";

const LEAST_SLOTS = 256;

/**
 * First names of inodes with several, in an open hash table: device and inode number decide, of symlinks the body too
 * (a link that is rewritten on its way into the image need not be the same at both its places).
 */
export class HardLinks {
  readonly #table: NodeTable;
  #firstRows = new Uint32Array(LEAST_SLOTS).fill(NO_ROW);
  #count = 0;

  constructor(table: NodeTable) {
    this.#table = table;
  }

  /** The row that was asked for first among those of the same inode: `row` itself, if it is the first. */
  firstOf(row: number): number {
    if (2 * this.#count >= this.#firstRows.length) this.#grow();
    const slot = this.#slotOf(row);
    const first = this.#firstRows[slot] as number;
    if (first !== NO_ROW) return first;
    this.#firstRows[slot] = row;
    this.#count++;
    return row;
  }

  /** The slot of the row's inode, or the one to put it into. */
  #slotOf(row: number): number {
    const { stats } = this.#table;
    const mask = this.#firstRows.length - 1;
    const at = row * STAT_WORDS;
    const low = stats[at + STAT.ino] as number;
    const key = Math.imul(low, 0x9e37_79b1) + (stats[at + STAT.ino + 1] as number) + (stats[at + STAT.dev] as number);
    for (let slot = mix(key | 0) & mask; ; slot = (slot + 1) & mask) {
      const first = this.#firstRows[slot] as number;
      if (first === NO_ROW || this.#same(first, row)) return slot;
    }
  }

  #grow(): void {
    const rows = this.#firstRows;
    this.#firstRows = new Uint32Array(4 * rows.length).fill(NO_ROW);
    for (const row of rows) if (row !== NO_ROW) this.#firstRows[this.#slotOf(row)] = row;
  }

  #same(one: number, other: number): boolean {
    const { stats } = this.#table;
    const a = one * STAT_WORDS;
    const b = other * STAT_WORDS;
    if (stats[a + STAT.ino] !== stats[b + STAT.ino] || stats[a + STAT.ino + 1] !== stats[b + STAT.ino + 1])
      return false;
    if (stats[a + STAT.dev] !== stats[b + STAT.dev]) return false;
    const type = rowFormat(this.#table, one);
    if (type !== rowFormat(this.#table, other)) return false;
    return type !== S_IFLNK || sameBody(this.#table, one, this.#table, other);
  }
}

/** Whether a row may share its inode with others in the image. */
export function isLinked(table: NodeTable, row: number): boolean {
  if ((table.stats[row * STAT_WORDS + STAT.nlink] as number) < 2) return false;
  return ((table.flags[row] as number) & ROW.selected) !== 0 && rowFormat(table, row) !== S_IFDIR;
}

export function sameBody(a: NodeTable, rowA: number, b: NodeTable, rowB: number): boolean {
  const length = a.bodyLength[rowA] as number;
  if (length !== b.bodyLength[rowB]) return false;
  const startA = a.bodyStart[rowA] as number;
  const startB = b.bodyStart[rowB] as number;
  if (a.bytes === b.bytes && startA === startB) return true;
  for (let index = 0; index < length; index++) {
    if (a.bytes[startA + index] !== b.bytes[startB + index]) return false;
  }
  return true;
}
