/** Looks again: at all recorded directories, or at those that hints name. */

import { type NodeTable, ROW, STAT_WORDS, type Tree } from "../model.js";
import { guestPath, hostPath, lookup } from "../tree/paths.js";
import { rowFormat, S_IFDIR } from "../tree/row.js";
import { compareListing, type Edit, isEqualRecord, isSameNode, statIfThere } from "./edits.js";
import { scanBlocks } from "./listing.js";
import type { OwnOutputIn } from "./own-output.js";

/** Guest paths. A file: look at that name again. A directory: list it again. */
export interface Hints {
  readonly directories: readonly Buffer[];
  readonly files: readonly Buffer[];
}

const isListed = (table: NodeTable, row: number): boolean =>
  rowFormat(table, row) === S_IFDIR && ((table.flags[row] as number) & ROW.unlisted) === 0;

/** All edits, in no order; undefined when ROOT itself is another directory now. */
export function lookAgain(tree: Tree, hints: Hints | "all", ownOutputIn: OwnOutputIn): Edit[] | undefined {
  const { table } = tree;
  const startedMs = Date.now();
  const root = statIfThere(hostPath(tree, 0));
  if (root === undefined || !isSameNode(table.stats, 0, root, 0)) return undefined;
  const edits: Edit[] = [];
  const statEdit = (row: number, words: Uint32Array): void => {
    if (isEqualRecord(table.stats, row * STAT_WORDS, words, 0)) return;
    edits.push({ kind: "stat", row, depth: table.depth[row] as number, words, at: 0, startedMs });
  };
  statEdit(0, root);
  let rows: number[];
  if (hints === "all") {
    rows = [];
    for (let row = 0; row < table.count; row++) if (isListed(table, row)) rows.push(row);
  } else {
    const looked = new Map<number, Uint32Array>([[0, root]]);
    rows = directoriesToList(tree, hints, looked);
    const toList = new Set(rows);
    // A name in a directory that is listed anyway is compared there.
    for (const [row, words] of looked) if (row !== 0 && !toList.has(table.parent[row] as number)) statEdit(row, words);
  }
  const listed = new Set(rows);
  for (let next = rows; next.length > 0; ) {
    const start = edits.length;
    for (const [index, block] of scanBlocks(scanPaths(tree, next), next.length).entries()) {
      compareListing(tree, next[index] as number, block, ownOutputIn, edits);
    }
    if (hints === "all") break;
    // A directory that changed may be another one with the same inode number, of which no hint speaks.
    next = edits
      .slice(start)
      .flatMap(({ kind, row }) => (kind === "stat" && isListed(table, row) && !listed.has(row) ? [row] : []));
    for (const row of next) listed.add(row);
  }
  return edits;
}

/**
 * Rows of directories to list, ascending: those hinted, and for names that came, went or became something else the directory that holds them.
 * @param looked receives the new stat records of rows that are still the same node
 */
function directoriesToList(tree: Tree, { directories, files }: Hints, looked: Map<number, Uint32Array>): number[] {
  const { table } = tree;
  const toList = new Set<number>();
  /** Whether the row is still there as the same node. */
  const isThere = (row: number): boolean => {
    if (looked.has(row)) return true;
    const words = statIfThere(hostPath(tree, row));
    if (words === undefined || !isSameNode(table.stats, row * STAT_WORDS, words, 0)) return false;
    looked.set(row, words);
    return true;
  };
  const look = (path: Buffer, isNameOnly: boolean): void => {
    let row = lookup(table, path);
    let isName = isNameOnly && row !== undefined;
    for (let above = path; row === undefined; row = lookup(table, above)) {
      above = above.subarray(0, Math.max(0, above.lastIndexOf(0x2f)));
    }
    // What vanished or became something else is for the directory above to say.
    for (; !isThere(row); row = table.parent[row] as number) isName = false;
    if (!isName && isListed(table, row)) toList.add(row);
    // A name that went and came again, perhaps with the same inode number, shows in its directory's times.
    if (isName) isThere(table.parent[row] as number);
  };
  for (const path of directories) look(path, false);
  for (const path of files) look(path, true);
  return [...toList].sort((a, b) => a - b);
}

/** Host paths of rows (ascending), each with a NUL after it. */
function scanPaths(tree: Tree, rows: readonly number[]): Buffer {
  const { depth, nameStart, nameLength, parent, bytes } = tree.table;
  /** By depth, of the last path there: its row, where it begins and how long it is, without the NUL. */
  const rowAt: number[] = [];
  const startAt: number[] = [];
  const lengthAt: number[] = [];
  let out = Buffer.allocUnsafe(rows.length * 64 + 8192);
  let at = 0;
  for (const row of rows) {
    const level = depth[row] as number;
    if (out.length - at < 8192) {
      const larger = Buffer.allocUnsafe(out.length * 2);
      out.copy(larger, 0, 0, at);
      out = larger;
    }
    startAt[level] = at;
    if (level > 0 && rowAt[level - 1] === parent[row]) {
      const start = startAt[level - 1] as number;
      const length = level === 1 ? tree.rootHost.length : (lengthAt[level - 1] as number);
      out.copyWithin(at, start, start + length);
      at += length;
      out[at++] = 0x2f;
      const name = nameStart[row] as number;
      at += bytes.copy(out, at, name, name + (nameLength[row] as number));
    } else {
      at += hostPath(tree, row).copy(out, at);
    }
    rowAt[level] = row;
    lengthAt[level] = at - (startAt[level] as number);
    out[at++] = 0;
  }
  return out.subarray(0, at);
}

/** latin1 text, as listings have it. */
export const guestText = (table: NodeTable, row: number): string => guestPath(table, row).toString("latin1");
