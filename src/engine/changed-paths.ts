/** What an update changed, as guest paths. */

import { NO_ROW, type NodeTable, ROW, STAT, STAT_WORDS } from "../model.js";
import type { RowDelta } from "../plan/row-delta.js";
import { guestPath } from "../tree/paths.js";
import { rowFormat, S_IFDIR } from "../tree/row.js";

const MOST_PATHS = 1_000;

/** Guest paths that came, went or changed, in byte order; the first 1,000 of each kind at most. */
export function changedPaths(previous: NodeTable, next: NodeTable, delta: RowDelta): Buffer[] {
  const paths: Buffer[] = [];
  for (const [table, rows] of [
    [next, delta.changedRows],
    [previous, delta.removedRows],
  ] as const) {
    const end = paths.length + MOST_PATHS;
    for (let index = 0; index < rows.length && paths.length < end; index++) {
      const row = rows[index] as number;
      if (((table.flags[row] as number) & ROW.selected) !== 0) paths.push(guestPath(table, row));
    }
  }
  paths.sort(Buffer.compare);
  // A name that changed its type came and went.
  return paths.filter((path, index) => index === 0 || !path.equals(paths[index - 1] as Buffer)).slice(0, MOST_PATHS);
}

const isListed = (table: NodeTable, row: number): boolean =>
  rowFormat(table, row) === S_IFDIR && ((table.flags[row] as number) & ROW.unlisted) === 0;

/** Guest paths of directories whose names were looked at. */
export function* listedDirectories(table: NodeTable): Generator<Buffer> {
  for (let row = 0; row < table.count; row++) if (isListed(table, row)) yield guestPath(table, row);
}

/** Undefined when the same directories are listed as before. */
export function directoryChanges(
  previous: NodeTable,
  next: NodeTable,
  origin: Uint32Array,
  { changedRows, removedRows }: RowDelta,
): { readonly added: readonly Buffer[]; readonly removed: readonly Buffer[] } | undefined {
  const added: Buffer[] = [];
  const removed: Buffer[] = [];
  for (const row of changedRows) {
    const from = origin[row] as number;
    const wasListed = from !== NO_ROW && isListed(previous, from);
    // One that was made again under the same name is another directory to those who watch it.
    if (isListed(next, row) && !(wasListed && isSameFile(next, row, previous, from))) added.push(guestPath(next, row));
    if (wasListed && !isListed(next, row)) removed.push(guestPath(previous, from));
  }
  for (const row of removedRows) if (isListed(previous, row)) removed.push(guestPath(previous, row));
  return added.length + removed.length === 0 ? undefined : { added, removed };
}

/** Device and inode number. */
const FILE_WORDS = [STAT.dev, STAT.ino, STAT.ino + 1] as const;

const isSameFile = (a: NodeTable, row: number, b: NodeTable, from: number): boolean =>
  FILE_WORDS.every((word) => a.stats[row * STAT_WORDS + word] === b.stats[from * STAT_WORDS + word]);
