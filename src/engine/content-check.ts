/** Which files hold other bytes than the published library, where stat records alone do not settle it. */

import { ok, type Result } from "../errors.js";
import { sameContent } from "../fingerprint/same-content.js";
import { NO_ROW, type NodeTable, ROW, STAT, STAT_WORDS, type Tree } from "../model.js";
import type { Plan } from "../plan/plan.js";
import { isRacy } from "../select/racy.js";
import { hostPath } from "../tree/paths.js";
import { rowFormat, rowSize, S_IFREG } from "../tree/row.js";
import type { LibraryContent } from "./library-content.js";
import type { TableUpdate } from "./outcome.js";

/** What tells that a file may have been written to or replaced; mode, owner and links change its inode alone. */
const CONTENT_WORDS = [
  STAT.dev,
  STAT.ino,
  STAT.ino + 1,
  STAT.mtime,
  STAT.mtime + 1,
  STAT.mtimeNsec,
  STAT.ctime,
  STAT.ctime + 1,
  STAT.ctimeNsec,
] as const;

export interface ContentCheck {
  /** By row of the new table: 1 where a file's bytes differ from the library's, or are new. */
  readonly contentChanged: Uint8Array;
  readonly anyChanged: boolean;
  /** Racy rows whose content was read at a time when a later write would show: for `settle`, once the library holds that content. */
  readonly settled: readonly number[];
}

/**
 * @param update the tree now, and how its table differs from the plan's; undefined when it is the plan's
 * Errors: `input-changed`, `unreadable`, `io`
 */
export async function checkContents(
  tree: Tree,
  update: TableUpdate | undefined,
  previous: Plan,
  library: LibraryContent,
): Promise<Result<ContentCheck>> {
  const { table } = tree;
  if (tree.places !== undefined) return ok(checkPlaces(tree, update, previous));
  const old = previous.inventory.tree.table;
  const contentChanged = new Uint8Array(table.count);
  let anyChanged = false;
  const settled: number[] = [];
  for (const row of suspects(table, update)) {
    const flags = table.flags[row] as number;
    if ((flags & ROW.selected) === 0) continue;
    const from = update === undefined ? row : (update.origin[row] as number);
    const ordinal = from === NO_ROW ? NO_ROW : (previous.inventory.ordinal[from] as number);
    if (ordinal !== NO_ROW) {
      if (rowFormat(table, row) !== S_IFREG) continue;
      const isRacyNow = (flags & ROW.racy) !== 0;
      const wasRacy = ((old.flags[from] as number) & ROW.racy) !== 0;
      if (!wasRacy && !isRacyNow && !mayDiffer(table, row, old, from)) continue;
      if (rowSize(table, row) === rowSize(old, from)) {
        const begun = Date.now();
        const stat = table.stats.subarray(row * STAT_WORDS, (row + 1) * STAT_WORDS);
        const same = await sameContent(hostPath(tree, row), stat, (at, size) => library.read(ordinal, at, size));
        if (!same.ok) return same;
        if (isRacyNow && !isRacy(table.stats, row * STAT_WORDS, begun)) settled.push(row);
        if (same.value) continue;
      }
    }
    contentChanged[row] = 1;
    anyChanged = true;
  }
  return ok({ contentChanged, anyChanged, settled });
}

/** Where content comes with its identity, that tells everything. */
function checkPlaces({ table, places }: Tree, update: TableUpdate | undefined, previous: Plan): ContentCheck {
  const contentChanged = new Uint8Array(table.count);
  const ids = places?.sha256 as Buffer;
  const oldIds = previous.inventory.tree.places?.sha256;
  let anyChanged = false;
  for (let row = 0; row < table.count; row++) {
    const from = update === undefined ? row : (update.origin[row] as number);
    const at = row * SHA256_BYTES;
    const was = from * SHA256_BYTES;
    const isSame = from !== NO_ROW && oldIds?.compare(ids, at, at + SHA256_BYTES, was, was + SHA256_BYTES) === 0;
    if (isSame || rowFormat(table, row) !== S_IFREG) continue;
    contentChanged[row] = 1;
    anyChanged = true;
  }
  return { contentChanged, anyChanged, settled: [] };
}

const SHA256_BYTES = 32;

/** Rows that differ, and those whose stat record never said anything of their content. */
function* suspects(table: NodeTable, update: TableUpdate | undefined): Generator<number> {
  const changed = update?.delta.changedRows ?? NO_ROWS;
  yield* changed;
  let next = 0;
  for (let row = 0; row < table.count; row++) {
    if (((table.flags[row] as number) & ROW.racy) === 0) continue;
    while (next < changed.length && (changed[next] as number) < row) next++;
    if (changed[next] !== row) yield row;
  }
}

const NO_ROWS = new Uint32Array(0);

function mayDiffer(table: NodeTable, row: number, old: NodeTable, from: number): boolean {
  const at = row * STAT_WORDS;
  const was = from * STAT_WORDS;
  for (const word of CONTENT_WORDS) if (table.stats[at + word] !== old.stats[was + word]) return true;
  return false;
}

/** Not before the library holds what was read: an update that failed must look at these rows again. */
export function settle({ flags }: NodeTable, rows: readonly number[]): void {
  for (const row of rows) flags[row] = (flags[row] as number) & ~ROW.racy;
}

/** Racy rows that a library settles which is made from nothing. @param begunMs before any content was read, in milliseconds since the epoch */
export function settledBy({ table }: Tree, begunMs: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < table.count; row++) {
    if (((table.flags[row] as number) & ROW.racy) !== 0 && !isRacy(table.stats, row * STAT_WORDS, begunMs))
      rows.push(row);
  }
  return rows;
}

/** Whether some file's stat record says nothing about its content. */
export function hasRacyFile({ table }: Tree): boolean {
  for (let row = 0; row < table.count; row++) {
    const flags = table.flags[row] as number;
    if ((flags & ROW.racy) !== 0 && (flags & ROW.selected) !== 0 && rowFormat(table, row) === S_IFREG) return true;
  }
  return false;
}
