/** Pairs the inodes of two trees by stretches of equal distance: work in proportion to the number of changes. */

import { NO_ROW, type NodeTable, ROW, STAT, STAT_WORDS, type Tree } from "../model.js";
import { rowFormat, S_IFDIR, S_IFLNK } from "../tree/row.js";
import { isLinked, sameBody } from "./hard-links.js";
import type { Inventory } from "./inventory.js";
import type { RowDelta } from "./row-delta.js";
import { lowerBound } from "./shapes.js";

/** Rows that have an origin and the inodes of which the first names are among them; all selected in both trees or in neither. */
export interface Stretch {
  readonly row: number;
  readonly rowThen: number;
  readonly rows: number;
  readonly ordinal: number;
  readonly ordinalThen: number;
  readonly ordinals: number;
}

/** A run of ordinals and what it was then: both ascend from stretch to stretch. */
export interface Piece {
  readonly first: number;
  readonly old: number;
  readonly length: number;
}

export interface InodePairs {
  /** Number of inodes now. */
  readonly count: number;
  readonly stretches: readonly Stretch[];
  /** Stretches without rows, merged where they can be. */
  readonly pieces: readonly Piece[];
  /** Rows, ascending, of inodes that are new; the inodes have one name each. */
  readonly freshRows: readonly number[];
  /** Ordinals of `freshRows`. */
  readonly freshOrdinals: readonly number[];
  /** Rows with an origin that are selected no more. */
  readonly droppedRows: readonly number[];
  /** Rows with an origin, selected now and then, that differ. */
  readonly changedRows: readonly number[];
  /** Rows of directories, selected now, of which names are new, came or went. */
  readonly directories: readonly number[];
  /** Every inode is what it was, and every row. */
  readonly isIdentity: boolean;
}

const isSelected = (table: NodeTable, row: number): boolean => ((table.flags[row] as number) & ROW.selected) !== 0;

/** @returns undefined where names of inodes with several came, went or parted: then all rows have to be looked at */
export function pairInodes(
  before: Inventory,
  tree: Tree,
  origin: Uint32Array,
  delta: RowDelta,
): InodePairs | undefined {
  const pairing = new Pairing(before, tree.table, origin, delta);
  return pairing.changesLinks() ? undefined : pairing.pairs();
}

class Pairing {
  readonly #before: Inventory;
  readonly #tableThen: NodeTable;
  readonly #table: NodeTable;
  readonly #origin: Uint32Array;
  readonly #delta: RowDelta;
  readonly #stretches: Stretch[] = [];
  readonly #pieces: { first: number; old: number; length: number }[] = [];
  readonly #freshRows: number[] = [];
  readonly #freshOrdinals: number[] = [];
  readonly #directories = new Set<number>();
  #ordinal = 0;

  constructor(before: Inventory, table: NodeTable, origin: Uint32Array, delta: RowDelta) {
    this.#before = before;
    this.#tableThen = before.tree.table;
    this.#table = table;
    this.#origin = origin;
    this.#delta = delta;
  }

  changesLinks(): boolean {
    const { changedRows, removedRows } = this.#delta;
    for (const row of removedRows) if (isLinked(this.#tableThen, row)) return true;
    for (const row of changedRows) {
      const then = this.#origin[row] as number;
      const linked = isLinked(this.#table, row);
      if (then === NO_ROW ? linked : !this.#keepsLinks(row, linked, then)) return true;
    }
    return false;
  }

  #keepsLinks(row: number, linked: boolean, then: number): boolean {
    if (linked !== isLinked(this.#tableThen, then)) return false;
    if (!linked) return true;
    const now = this.#table.stats;
    const before = this.#tableThen.stats;
    const at = row * STAT_WORDS;
    const old = then * STAT_WORDS;
    return (
      now[at + STAT.dev] === before[old + STAT.dev] &&
      now[at + STAT.ino] === before[old + STAT.ino] &&
      now[at + STAT.ino + 1] === before[old + STAT.ino + 1] &&
      (rowFormat(this.#table, row) !== S_IFLNK || sameBody(this.#table, row, this.#tableThen, then))
    );
  }

  pairs(): InodePairs {
    const { ranges } = this.#delta;
    const changedRows: number[] = [];
    const droppedRows: number[] = [];
    const reselected: number[] = [];
    for (const row of this.#delta.changedRows) {
      const then = this.#origin[row] as number;
      if (then === NO_ROW) continue;
      const selected = isSelected(this.#table, row);
      if (selected !== isSelected(this.#tableThen, then)) {
        reselected.push(row);
        if (!selected) droppedRows.push(row);
      } else if (selected) {
        changedRows.push(row);
      }
    }
    let at = 0;
    let next = 0;
    for (let range = 0; range < ranges.length; range += 3) {
      const first = ranges[range] as number;
      const shift = (ranges[range + 1] as number) - first;
      const end = first + (ranges[range + 2] as number);
      for (; at < first; at++) this.#addFresh(at);
      for (; next < reselected.length && (reselected[next] as number) < end; next++) {
        const row = reselected[next] as number;
        this.#addStretch(at, row, shift);
        this.#addFresh(row);
        at = row + 1;
      }
      this.#addStretch(at, end, shift);
      at = end;
    }
    for (; at < this.#table.count; at++) this.#addFresh(at);
    for (const row of droppedRows) this.#addDirectory(this.#table.parent[row] as number);
    for (const row of this.#delta.removedRows) this.#addDirectoryOfRemoved(row);
    const [only, ...others] = this.#pieces;
    return {
      count: this.#ordinal,
      stretches: this.#stretches,
      pieces: this.#pieces,
      freshRows: this.#freshRows,
      freshOrdinals: this.#freshOrdinals,
      droppedRows,
      changedRows,
      directories: [...this.#directories],
      isIdentity:
        ranges.length === 3 &&
        others.length === 0 &&
        only?.length === this.#before.count &&
        this.#ordinal === this.#before.count &&
        ranges[2] === this.#tableThen.count &&
        ranges[2] === this.#table.count,
    };
  }

  #addFresh(row: number): void {
    if (!isSelected(this.#table, row)) return;
    this.#freshRows.push(row);
    this.#freshOrdinals.push(this.#ordinal++);
    this.#addDirectory(row);
    if (row > 0) this.#addDirectory(this.#table.parent[row] as number);
  }

  #addDirectory(row: number): void {
    if (isSelected(this.#table, row) && rowFormat(this.#table, row) === S_IFDIR) this.#directories.add(row);
  }

  #addDirectoryOfRemoved(row: number): void {
    if (!isSelected(this.#tableThen, row)) return;
    const parent = this.#tableThen.parent[row] as number;
    const { ranges } = this.#delta;
    let from = 0;
    for (let to = ranges.length / 3; from < to; ) {
      const middle = (from + to) >>> 1;
      if ((ranges[3 * middle + 1] as number) + (ranges[3 * middle + 2] as number) <= parent) from = middle + 1;
      else to = middle;
    }
    const then = ranges[3 * from + 1];
    if (then !== undefined && then <= parent) this.#addDirectory((ranges[3 * from] as number) + parent - then);
  }

  /** Rows [at, end): what was selected then is now. */
  #addStretch(at: number, end: number, shift: number): void {
    if (at === end) return;
    const first = lowerBound(this.#before.row, at + shift);
    const length = lowerBound(this.#before.row, end + shift) - first;
    this.#stretches.push({
      row: at,
      rowThen: at + shift,
      rows: end - at,
      ordinal: this.#ordinal,
      ordinalThen: first,
      ordinals: length,
    });
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.first + last.length === this.#ordinal && last.old + last.length === first) {
      last.length += length;
    } else if (length > 0) {
      this.#pieces.push({ first: this.#ordinal, old: first, length });
    }
    this.#ordinal += length;
  }
}

/** From ordinals of one tree to those of the other, and back; remembers the last run, as neighbours are asked for after each other. */
export class OrdinalMap {
  readonly #pieces: readonly Piece[];
  #now: Piece;
  #then: Piece;

  constructor({ pieces }: InodePairs) {
    this.#pieces = pieces;
    this.#now = this.#then = pieces[0] ?? { first: 0, old: 0, length: 0 };
  }

  /** @returns `NO_ROW` for what is new, and for `NO_ROW` */
  before(ordinal: number): number {
    const last = this.#now;
    if ((ordinal - last.first) >>> 0 < last.length) return ordinal - last.first + last.old;
    const piece = pieceOf(this.#pieces, ordinal);
    if (piece === undefined) return NO_ROW;
    this.#now = piece;
    return ordinal - piece.first + piece.old;
  }

  /** @returns `NO_ROW` for what is gone, and for `NO_ROW` */
  now(then: number): number {
    const last = this.#then;
    if ((then - last.old) >>> 0 < last.length) return then - last.old + last.first;
    let from = 0;
    for (let to = this.#pieces.length; from < to; ) {
      const middle = (from + to) >>> 1;
      const piece = this.#pieces[middle] as Piece;
      if (piece.old + piece.length <= then) from = middle + 1;
      else to = middle;
    }
    const piece = this.#pieces[from];
    if (piece === undefined || piece.old > then) return NO_ROW;
    this.#then = piece;
    return then - piece.old + piece.first;
  }
}

/** The run in which an ordinal of now lies. */
export function pieceOf(pieces: readonly Piece[], ordinal: number): Piece | undefined {
  let from = 0;
  for (let to = pieces.length; from < to; ) {
    const middle = (from + to) >>> 1;
    const piece = pieces[middle] as Piece;
    if (piece.first + piece.length <= ordinal) from = middle + 1;
    else to = middle;
  }
  const piece = pieces[from];
  return piece === undefined || piece.first > ordinal ? undefined : piece;
}
