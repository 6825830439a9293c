/** Numbers a tree's inodes in path order and counts what their encoding needs: names, links, sizes. Integer passes only. */

import { BLOCK_BYTES, DIRENT_BYTES, INODE_BYTES } from "../image/constants.js";
import { xattrAreaBytes } from "../image/encode-xattrs.js";
import { NO_ROW, type NodeTable, ROW, type Tree } from "../model.js";
import { rowFormat, rowSize, S_IFDIR, S_IFLNK, S_IFREG } from "../tree/row.js";
import { HardLinks, isLinked } from "./hard-links.js";
import { combine } from "./hash.js";

/** Columns by ordinal: the position of an inode's first path in component-wise byte order; the root is 0. */
export interface Inventory {
  readonly tree: Tree;
  /** Number of inodes. */
  readonly count: number;
  /** First row of the inode; ascending. */
  readonly row: Uint32Array;
  /** By row: the ordinal, `NO_ROW` where the row is not selected. */
  readonly ordinal: Uint32Array;
  /** The directory of the first path; the root is its own. */
  readonly parent: Uint32Array;
  readonly nlink: Uint32Array;
  /** Bytes of content: a file's size, a symlink's body, a directory's dirents; 0 for others. */
  readonly contentBytes: Float64Array;
  /** Bytes of inode and xattrs; a chunk map comes on top. */
  readonly headBytes: Uint32Array;
  /** 1 for directories. */
  readonly isDirectory: Uint8Array;
  /** 1 where content may be mapped into memory, so must lie at block boundaries to its end. */
  readonly mappable: Uint8Array;
  /** Of the first path: `combine(the parent's, hashName(name))`; the root's is fixed. */
  readonly pathHash: Uint32Array;
}

/** `pathHash` of the root. */
export const ROOT_PATH_HASH = 0x6269_6e66;

/** Larger files are mapped often enough (archives, class data, models) that whole blocks are worth their padding. */
export const INLINE_FILE_LIMIT_BYTES = 1_048_576;

const DOT = 0x2e;
/** How many of `.` and `..` come before the names seen so far; both do once it is 2. */
const DOTS_DONE = 2;

export function takeInventory(tree: Tree): Inventory {
  const { table } = tree;
  const rows = table.count;
  const { flags } = table;
  const ordinal = new Uint32Array(rows).fill(NO_ROW);
  const links = new HardLinks(table);
  // As if every row were an inode: cut down once they are counted.
  const row = new Uint32Array(rows);
  const parent = new Uint32Array(rows);
  const nlink = new Uint32Array(rows);
  const contentBytes = new Float64Array(rows);
  const isDirectory = new Uint8Array(rows);
  const mappable = new Uint8Array(rows);
  const pathHash = new Uint32Array(rows);
  const dots = new Uint8Array(rows);

  let next = 0;
  for (let at = 0; at < rows; at++) {
    if (((flags[at] as number) & ROW.selected) === 0) continue;
    const above = at === 0 ? 0 : (ordinal[table.parent[at] as number] as number);
    if (at > 0) addName(table, at, above, contentBytes, dots);
    const known = isLinked(table, at) ? links.firstOf(at) : at;
    const type = rowFormat(table, at);
    let own = next;
    if (known !== at) {
      own = ordinal[known] as number;
    } else {
      next++;
      row[own] = at;
      parent[own] = above;
      pathHash[own] = at === 0 ? ROOT_PATH_HASH : combine(pathHash[above] as number, table.nameHash[at] as number);
      if (type === S_IFREG) contentBytes[own] = rowSize(table, at);
      else if (type === S_IFLNK) contentBytes[own] = table.bodyLength[at] as number;
    }
    ordinal[at] = own;
    if (type === S_IFDIR) {
      isDirectory[own] = 1;
      nlink[own] = 2;
      if (at > 0) nlink[above] = (nlink[above] as number) + 1;
      continue;
    }
    nlink[own] = (nlink[own] as number) + 1;
    if (type !== S_IFREG) continue;
    if ((contentBytes[own] as number) >= INLINE_FILE_LIMIT_BYTES || isLibraryName(table, at)) mappable[own] = 1;
  }
  const count = next;
  const kept = row.slice(0, count);
  endDirectories(isDirectory, contentBytes, dots);
  return {
    tree,
    count,
    row: kept,
    ordinal,
    parent: parent.slice(0, count),
    nlink: nlink.slice(0, count),
    contentBytes: contentBytes.slice(0, count),
    headBytes: headBytesOf(table, kept, ordinal),
    isDirectory: isDirectory.slice(0, count),
    mappable: mappable.slice(0, count),
    pathHash: pathHash.slice(0, count),
  };
}

/** Counts a name's dirent, and those of `.` and `..` when they come before it (as `directoryBytes` of image/ does for names in a list). */
function addName(table: NodeTable, row: number, directory: number, contentBytes: Float64Array, dots: Uint8Array): void {
  let bytes = contentBytes[directory] as number;
  const done = dots[directory] as number;
  if (done < DOTS_DONE) {
    const before = dotsBefore(table, row);
    for (let dot = done; dot < before; dot++) bytes = afterDirent(bytes, dot + 1);
    if (before > done) dots[directory] = before;
  }
  contentBytes[directory] = afterDirent(bytes, table.nameLength[row] as number);
}

/** Bytes of a directory's content once a dirent is added: one that does not fit begins a block. */
function afterDirent(bytes: number, nameLength: number): number {
  const needed = DIRENT_BYTES + nameLength;
  // Exact for every safe integer, and many times faster than a remainder of doubles.
  const used = bytes & (BLOCK_BYTES - 1);
  return used + needed > BLOCK_BYTES ? bytes - used + BLOCK_BYTES + needed : bytes + needed;
}

/** What its names make of one directory: bytes of content, and its link count. */
export function directoryFacts(
  table: NodeTable,
  directory: number,
): { readonly bytes: number; readonly nlink: number } {
  const bytes = new Float64Array(1);
  const dots = new Uint8Array(1);
  let nlink = 2;
  const end = table.end[directory] as number;
  for (let row = directory + 1; row < end; row = table.end[row] as number) {
    if (((table.flags[row] as number) & ROW.selected) === 0) continue;
    addName(table, row, 0, bytes, dots);
    if (rowFormat(table, row) === S_IFDIR) nlink++;
  }
  endDirectories(Uint8Array.of(1), bytes, dots);
  return { bytes: bytes[0] as number, nlink };
}

/** How many of `.` and `..` are less than a name. */
function dotsBefore({ bytes, nameStart, nameLength }: NodeTable, row: number): number {
  const start = nameStart[row] as number;
  const first = bytes[start] as number;
  if (first !== DOT) return first < DOT ? 0 : 2;
  return (nameLength[row] as number) > 1 && (bytes[start + 1] as number) >= DOT ? 2 : 1;
}

function endDirectories(isDirectory: Uint8Array, contentBytes: Float64Array, dots: Uint8Array): void {
  for (let own = 0; own < isDirectory.length; own++) {
    const done = dots[own] as number;
    if (isDirectory[own] === 0 || done === DOTS_DONE) continue;
    let bytes = contentBytes[own] as number;
    for (let dot = done; dot < DOTS_DONE; dot++) bytes = afterDirent(bytes, dot + 1);
    contentBytes[own] = bytes;
  }
}

/** Programs and libraries are mapped by loaders; names are all that a plan knows of contents: `.so` at the end or before a dot. */
export function isLibraryName({ bytes, nameStart, nameLength }: NodeTable, row: number): boolean {
  const start = nameStart[row] as number;
  const end = start + (nameLength[row] as number);
  for (let at = end - 3; at >= start; at--) {
    if (bytes[at] !== DOT || bytes[at + 1] !== 0x73 || bytes[at + 2] !== 0x6f) continue;
    if (at + 3 === end || bytes[at + 3] === DOT) return true;
  }
  return false;
}

function headBytesOf(table: NodeTable, row: Uint32Array, ordinal: Uint32Array): Uint32Array {
  const head = new Uint32Array(row.length).fill(INODE_BYTES);
  for (const [at, xattrs] of table.xattrs) {
    const own = ordinal[at];
    if (own !== undefined && own !== NO_ROW && row[own] === at) head[own] = INODE_BYTES + xattrAreaBytes(xattrs);
  }
  return head;
}
