/** Makes the table that edits lead to: unchanged rows are copied, new ones are assembled as by a clean selection. */

import { type BinaryfsError, ok, type Result } from "../errors.js";
import { NO_ROW, type NodeTable, ROW, STAT_WORDS, type Tree } from "../model.js";
import { rangesOf, rowWithOrigin } from "../tree/delta.js";
import { identityOrigin, originWithin } from "../tree/origin.js";
import { nameOf, rowFormat, S_IFDIR, S_IFLNK, S_IFREG } from "../tree/row.js";
import { Assembler, type RowWarning } from "./assemble.js";
import { compacted } from "./compacted.js";
import type { SelectionContext } from "./context.js";
import { type Edit, type InsertEdit, inRowOrder, isDirectory, type StatEdit } from "./edits.js";
import { changedInodes, lookAtOtherNames } from "./hard-links.js";
import { guestText } from "./look.js";
import { type NewEntry, scanNew } from "./new-names.js";
import { isRacy } from "./racy.js";
import { settleAgain } from "./settle.js";
import { TableBuilder } from "./table-builder.js";

export interface Applied {
  /** Without extended attributes. */
  readonly table: NodeTable;
  /** As `TableDelta` has them. */
  readonly origin: Uint32Array;
  readonly ranges: Uint32Array;
  /** Rows came or went. */
  readonly structural: boolean;
  /** Pairs (first row, row after the last), ascending: rows that were made anew, subtree by subtree; not all of them lack an origin. */
  readonly fresh: readonly number[];
  /** Other rows: with new stat records. */
  readonly changed: ReadonlySet<number>;
  /** Other directories that are selected now and were not, or the other way round. */
  readonly turned: readonly number[];
  /** Symlinks came, went or were read again, or something may have come or gone that has no row: a directory changed, or its names did. */
  readonly linksChanged: boolean;
  /** Of rows that came or were read again. */
  readonly warnings: readonly RowWarning[];
}

/** @param hinted not every directory was looked at */
export function applyEdits(
  previous: Tree,
  found: readonly Edit[],
  context: SelectionContext,
  hinted: boolean,
): Result<Applied> {
  const { table } = previous;
  let edits = inRowOrder(found, table);
  const structural = edits.some(({ kind }) => kind === "insert" || kind === "remove");
  const news = scanNew(table, edits, context);
  if (hinted) {
    const known = new Set(edits.flatMap(({ kind, row }) => (kind === "stat" ? [row] : [])));
    const others = lookAtOtherNames(previous, changedInodes(table, edits, news.seeds), known);
    if (others.length > 0) edits = inRowOrder([...edits, ...others], table);
  }
  if (!structural && !edits.some(({ kind, row }) => kind === "fail" || rowFormat(table, row) === S_IFLNK)) {
    return ok(withStats(table, edits as StatEdit[]));
  }
  const builder = new TableBuilder(table.bytes);
  builder.reserve(table.count + news.rows, news.bytes);
  const assembler = new Assembler(context, builder);
  const origin = new Uint32Array(table.count + news.rows).fill(NO_ROW);
  const changed = new Set<number>();
  let linksChanged = edits.some(({ kind, row }) => kind === "stat" && rowFormat(table, row) === S_IFDIR);
  const fresh: number[] = [];
  const replaced: Replaced[] = [];
  /** Rows, as they were, of directories whose names changed. */
  const touched = new Set<number>();
  let inserted: InsertEdit | undefined;
  let next = 0;
  const copyTo = (row: number): void => {
    for (let old = next, at = builder.count; old < row; old++) origin[at++] = old;
    builder.copyRows(table, next, row);
    next = row;
  };
  for (const edit of edits) {
    const { row } = edit;
    if (row > next) copyTo(row);
    if (edit.kind === "fail") return { ok: false, error: edit.error };
    if (edit.kind === "insert") {
      const { listing, directory } = news.entries.get(edit) as NewEntry;
      fresh.push(builder.count);
      assembler.appendEntry(listing, edit.entry, edit.start, edit.end, directory, edit.depth);
      if (assembler.error !== undefined) break;
      fresh.push(builder.count);
      touched.add(edit.directory);
      inserted = edit;
    } else if (edit.kind === "remove") {
      linksChanged ||= hasLinks(table, row, table.end[row] as number);
      if (inserted !== undefined && isReplaced(table, row, inserted)) {
        replaced.push({ old: row, row: fresh[fresh.length - 2] as number });
      }
      touched.add(table.parent[row] as number);
      next = table.end[row] as number;
    } else {
      copyTo(row + 1);
      const at = builder.count - 1;
      changed.add(at);
      builder.setStats(at, edit.words, edit.at);
      builder.setFlags(at, flagsWith(table, row, edit));
      if (rowFormat(table, row) === S_IFLNK && isSelected(table, row)) {
        linksChanged = true;
        const name = nameOf(table, row).toString("latin1");
        assembler.readLink(at, guestText(table, table.parent[row] as number), name);
        if (assembler.error !== undefined) break;
      }
    }
  }
  if (assembler.error !== undefined) return { ok: false, error: assembler.error as BinaryfsError };
  copyTo(table.count);
  const finished = builder.finish(new Map());
  // Where nothing but new rows came, no byte went out of use.
  const made = edits.every(({ kind }) => kind === "insert") ? finished : compacted(finished);
  for (let at = 0; at < fresh.length && !linksChanged; at += 2) {
    linksChanged = hasLinks(made, fresh[at] as number, fresh[at + 1] as number);
  }
  const { warnings } = assembler;
  if (!structural) return ok({ ...unmoved(made), changed, linksChanged, warnings });
  const origins = origin.subarray(0, made.count);
  const copied = rangesOf(origins);
  const settled = [...touched].map((old) => rowWithOrigin(copied, old));
  const turned = context.decides ? settleAgain(made, context.rules, fresh, settled) : [];
  for (const { old, row } of replaced) originWithin(table, old, made, row, origins);
  const ranges = replaced.length === 0 ? copied : rangesOf(origins);
  return ok({ table: made, origin: origins, ranges, structural, fresh, changed, turned, linksChanged, warnings });
}

/** A directory in the place of another one. */
interface Replaced {
  readonly old: number;
  readonly row: number;
}

/** Whether the directory that was inserted last has the path of the row, which goes. */
function isReplaced(table: NodeTable, row: number, inserted: InsertEdit): boolean {
  const { block, entry, start, end } = inserted;
  if (inserted.row !== row || inserted.depth !== table.depth[row]) return false;
  if (!isDirectory(table.stats, row * STAT_WORDS)) return false;
  if (!isDirectory(block.words, block.statAt + entry * STAT_WORDS)) return false;
  return nameOf(table, row).compare(block.bytes, start, end) === 0;
}

/** Of a table in which no row came or went. */
const unmoved = (table: NodeTable) => ({
  table,
  origin: identityOrigin(table.count),
  ranges: Uint32Array.of(0, 0, table.count),
  structural: false,
  fresh: [],
  turned: [],
});

/** Names alone stay as they are. */
function withStats(table: NodeTable, edits: readonly StatEdit[]): Applied {
  // `slice` would first fill what it copies to.
  const stats = new Uint32Array(table.stats);
  const flags = new Uint8Array(table.flags);
  for (const edit of edits) {
    for (let word = 0; word < STAT_WORDS; word++) {
      stats[edit.row * STAT_WORDS + word] = edit.words[edit.at + word] as number;
    }
    flags[edit.row] = flagsWith(table, edit.row, edit);
  }
  const changed = new Set(edits.map(({ row }) => row));
  const made = { ...table, stats, flags, xattrs: new Map() };
  const linksChanged = edits.some(({ row }) => rowFormat(table, row) === S_IFDIR);
  return { ...unmoved(made), changed, linksChanged, warnings: [] };
}

function flagsWith(table: NodeTable, row: number, { words, at, startedMs }: StatEdit): number {
  const kept = (table.flags[row] as number) & ~ROW.racy;
  return rowFormat(table, row) === S_IFREG && isRacy(words, at, startedMs) ? kept | ROW.racy : kept;
}

const isSelected = ({ flags }: NodeTable, row: number): boolean => ((flags[row] as number) & ROW.selected) !== 0;

function hasLinks(table: NodeTable, start: number, end: number): boolean {
  for (let row = start; row < end; row++) if (rowFormat(table, row) === S_IFLNK) return true;
  return false;
}
