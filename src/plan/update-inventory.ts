/** The inventory of a tree that differs little from an earlier one: what did not change is copied by stretches. */

import { INODE_BYTES } from "../image/constants.js";
import { xattrAreaBytes } from "../image/encode-xattrs.js";
import { NO_ROW, type Tree } from "../model.js";
import { rowFormat, rowSize, S_IFDIR, S_IFLNK, S_IFREG } from "../tree/row.js";
import { CarriedColumn } from "./carried-column.js";
import { isLinked } from "./hard-links.js";
import { combine } from "./hash.js";
import { type InodePairs, OrdinalMap, type Piece, pieceOf, type Stretch } from "./inode-pairs.js";
import { directoryFacts, INLINE_FILE_LIMIT_BYTES, type Inventory, isLibraryName } from "./inventory.js";

export interface InventoryUpdate {
  readonly inventory: Inventory;
  /** Ordinals, ascending, of new inodes and of those of which anything may differ. */
  readonly touched: Uint32Array;
}

/** @returns what `takeInventory` would, or undefined where it has to be asked */
export function updateInventory(tree: Tree, before: Inventory, pairs: InodePairs): InventoryUpdate | undefined {
  const { table } = tree;
  const numbers = pairs.isIdentity ? before : renumbered(before, table.count, pairs);
  const { row, ordinal, parent } = numbers;
  const nlink = new CarriedColumn(before.nlink, pairs);
  const contentBytes = new CarriedColumn(before.contentBytes, pairs);
  const headBytes = new CarriedColumn(before.headBytes, pairs);
  const isDirectory = new CarriedColumn(before.isDirectory, pairs);
  const mappable = new CarriedColumn(before.mappable, pairs);
  const pathHash = new CarriedColumn(before.pathHash, pairs);
  const touched = new Set<number>();

  /** What only its own row, the inode's first, decides. @returns false where other names have to be asked */
  const describe = (own: number, at: number): boolean => {
    touched.add(own);
    const xattrs = table.xattrs.get(at);
    headBytes.set(own, xattrs === undefined ? INODE_BYTES : INODE_BYTES + xattrAreaBytes(xattrs));
    const type = rowFormat(table, at);
    if (type === S_IFLNK) contentBytes.set(own, table.bodyLength[at] as number);
    if (type !== S_IFREG) return true;
    const bytes = rowSize(table, at);
    const wasLarge = contentBytes.at(own) >= INLINE_FILE_LIMIT_BYTES;
    contentBytes.set(own, bytes);
    if (bytes >= INLINE_FILE_LIMIT_BYTES) mappable.set(own, 1);
    else if (!isLinked(table, at)) mappable.set(own, isLibraryName(table, at) ? 1 : 0);
    else if (wasLarge) return false;
    return true;
  };

  for (const [index, at] of pairs.freshRows.entries()) {
    const own = pairs.freshOrdinals[index] as number;
    const above = at === 0 ? 0 : (ordinal[table.parent[at] as number] as number);
    row[own] = at;
    ordinal[at] = own;
    parent[own] = above;
    pathHash.set(own, combine(pathHash.at(above), table.nameHash[at] as number));
    isDirectory.set(own, rowFormat(table, at) === S_IFDIR ? 1 : 0);
    nlink.set(own, 1);
    describe(own, at);
  }
  for (const at of pairs.changedRows) {
    const own = ordinal[at] as number;
    if (row[own] === at && !describe(own, at)) return undefined;
  }
  for (const at of pairs.directories) {
    const own = ordinal[at] as number;
    const facts = directoryFacts(table, at);
    contentBytes.set(own, facts.bytes);
    nlink.set(own, facts.nlink);
    touched.add(own);
  }
  return {
    inventory: {
      tree,
      count: pairs.count,
      row,
      ordinal,
      parent,
      nlink: nlink.cells,
      contentBytes: contentBytes.cells,
      headBytes: headBytes.cells,
      isDirectory: isDirectory.cells,
      mappable: mappable.cells,
      pathHash: pathHash.cells,
    },
    touched: Uint32Array.from(touched).sort(),
  };
}

type Numbers = Pick<Inventory, "row" | "ordinal" | "parent">;

/** The columns that hold rows and ordinals; what is new stays to be entered, rows that are not selected say so. */
function renumbered(before: Inventory, rows: number, pairs: InodePairs): Numbers {
  const row = new Uint32Array(pairs.count);
  const ordinal = new Uint32Array(rows);
  const parent = new Uint32Array(pairs.count);
  const map = new OrdinalMap(pairs);
  /** Ordinals below this are what they were. */
  let settled = 0;
  let at = 0;
  for (const stretch of pairs.stretches) {
    ordinal.fill(NO_ROW, at, stretch.row);
    at = stretch.row + stretch.rows;
    if (stretch.ordinal === stretch.ordinalThen && settled === stretch.ordinal) settled += stretch.ordinals;
    const isSettled = stretch.ordinal + stretch.ordinals <= settled && stretch.ordinal === stretch.ordinalThen;
    shiftRows(before.row, row, stretch);
    const { rowThen, ordinalThen } = stretch;
    if (isSettled) {
      ordinal.set(before.ordinal.subarray(rowThen, rowThen + stretch.rows), stretch.row);
      parent.set(before.parent.subarray(ordinalThen, ordinalThen + stretch.ordinals), stretch.ordinal);
    } else {
      mapCells(before.ordinal, rowThen, ordinal, stretch.row, stretch.rows, map, pairs.pieces);
      mapCells(before.parent, ordinalThen, parent, stretch.ordinal, stretch.ordinals, map, pairs.pieces);
    }
  }
  ordinal.fill(NO_ROW, at);
  return { row, ordinal, parent };
}

function shiftRows(earlier: Uint32Array, row: Uint32Array, stretch: Stretch): void {
  const { ordinal, ordinalThen, ordinals } = stretch;
  const shift = stretch.row - stretch.rowThen;
  if (shift === 0) {
    row.set(earlier.subarray(ordinalThen, ordinalThen + ordinals), ordinal);
    return;
  }
  for (let index = 0; index < ordinals; index++)
    row[ordinal + index] = (earlier[ordinalThen + index] as number) + shift;
}

function mapCells(
  from: Uint32Array,
  fromFirst: number,
  to: Uint32Array,
  toFirst: number,
  length: number,
  map: OrdinalMap,
  pieces: readonly Piece[],
): void {
  let first = 0;
  let size = 0;
  let shift = 0;
  for (let index = 0; index < length; index++) {
    const value = from[fromFirst + index] as number;
    if ((value - first) >>> 0 < size) {
      to[toFirst + index] = value + shift;
      continue;
    }
    const now = map.now(value);
    to[toFirst + index] = now;
    const piece = now === NO_ROW ? undefined : pieceOf(pieces, now);
    if (piece === undefined) continue;
    first = piece.old;
    size = piece.length;
    shift = piece.first - piece.old;
  }
}
