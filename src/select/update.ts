/** Brings a tree up to date. */

import { readlinkSync } from "node:fs";
import { ok, type Result } from "../errors.js";
import { NO_ROW, type NodeTable, ROW, type Tree, type Warning, type WarningCode, type Xattr } from "../model.js";
import { deltaBetween, isSameRow, rowsBetween, rowWithOrigin, type TableDelta } from "../tree/delta.js";
import { guestPath, hostPath, lookup } from "../tree/paths.js";
import { type Applied, applyEdits } from "./apply.js";
import type { RowWarning } from "./assemble.js";
import { keepRacy, selectCleanly } from "./clean.js";
import { conclude, inOrder } from "./conclude.js";
import type { SelectionContext } from "./context.js";
import { resolveLink } from "./links.js";
import { guestText, type Hints, lookAgain } from "./look.js";
import { asText, isWithin } from "./paths.js";
import { allPaths, countFiles } from "./settle.js";

export type TreeUpdate =
  | { readonly kind: "unchanged" }
  | ({
      readonly kind: "changed";
      readonly tree: Tree;
      /** Rows came, went, or changed their type or whether they are selected. */
      readonly structural: boolean;
    } & TableDelta);

/** By a clean selection. */
export function updateCleanly(previous: Tree, context: SelectionContext): Result<TreeUpdate> {
  const tree = selectCleanly(context);
  if (!tree.ok) return tree;
  const { table } = tree.value;
  const delta = deltaBetween(previous.table, table);
  keepRacy(previous.table, table, delta.origin);
  return ok({ kind: "changed", tree: tree.value, structural: isStructural(previous.table, table, delta), ...delta });
}

function isStructural(previous: NodeTable, next: NodeTable, { origin, changedRows, removedRows }: TableDelta): boolean {
  if (removedRows.length > 0) return true;
  return changedRows.some((row) => {
    const old = origin[row] as number;
    return old === NO_ROW || isSelected(previous, old) !== isSelected(next, row);
  });
}

const isSelected = ({ flags }: NodeTable, row: number): boolean => ((flags[row] as number) & ROW.selected) !== 0;

/**
 * By what has changed.
 * @param isMatched the rules' matches are those of `previous`
 */
export function updateTree(
  previous: Tree,
  hints: Hints | "all",
  context: SelectionContext,
  isMatched: boolean,
): Result<TreeUpdate> {
  const edits = lookAgain(previous, hints, context.ownOutputIn);
  if (edits === undefined) return updateCleanly(previous, context);
  if (edits.length === 0) return ok({ kind: "unchanged" });
  const applied = applyEdits(previous, edits, context, hints !== "all");
  if (!applied.ok) return applied;
  const { table, origin, ranges, structural, linksChanged } = applied.value;
  const old = previous.table;
  if (!context.rules.isEmpty) matchAgain(table, context, isMatched);
  const mayLeadElsewhere = structural || linksChanged || context.decides;
  const concerned = concernedRows(applied.value);
  const concernedSet = new Set(concerned);
  const removedRows = rowsBetween(ranges, old.count);
  const isNew = (row: number): boolean => origin[row] === NO_ROW || !isSelected(old, origin[row] as number);
  const before = concerned.map((row) => origin[row] as number).filter((row) => row !== NO_ROW);
  const carried = carry(previous, applied.value, concernedSet, context, mayLeadElsewhere);
  const tree = conclude(context, {
    table,
    warnings: inOrder([...applied.value.warnings, ...carried.warnings]),
    newRows: concerned.filter(isNew),
    rowsToRead: concerned,
    fileCount:
      previous.fileCount - countFiles(old, removedRows) - countFiles(old, before) + countFiles(table, concerned),
    keptXattrs: carried.xattrs,
    keptXattrWarnings: carried.xattrWarnings,
    keptSecrets: carried.secrets,
    ancestor: { table: old, origin, ranges, concerned: concernedSet },
    ...(!mayLeadElsewhere && {
      keptTargets: previous.warnings.filter(({ code }) => code === "symlink-target-unselected"),
    }),
  });
  if (!tree.ok) return tree;
  const changedRows = Uint32Array.from(
    concerned.filter((row) => {
      const from = origin[row] as number;
      return from === NO_ROW || !isSameRow(old, from, tree.value.table, row);
    }),
  );
  return ok({ kind: "changed", tree: tree.value, structural, origin, ranges, changedRows, removedRows });
}

/** All rows that may differ from their origin, ascending. */
function concernedRows({ fresh, changed, turned }: Applied): number[] {
  const rows = [...changed, ...turned.filter((row) => !changed.has(row))];
  for (let at = 0; at < fresh.length; at += 2) {
    for (let row = fresh[at] as number; row < (fresh[at + 1] as number); row++) rows.push(row);
  }
  return rows.sort((a, b) => a - b);
}

/** New rows have been matched when they were made; matches by rows that went are looked for again. */
function matchAgain(table: NodeTable, { rules }: SelectionContext, isMatched: boolean): void {
  if (!isMatched) rules.reset();
  else if (!rules.forgetMatches((path) => lookup(table, path) !== undefined)) return;
  rules.matchAll(allPaths(table));
}

interface Carried {
  readonly warnings: readonly RowWarning[];
  readonly xattrs: NodeTable["xattrs"];
  readonly xattrWarnings: readonly RowWarning[];
  readonly secrets: readonly number[];
}

/** What was said of rows that are as they were. @param concerned the others */
function carry(
  previous: Tree,
  applied: Applied,
  concerned: ReadonlySet<number>,
  context: SelectionContext,
  mayLeadElsewhere: boolean,
): Carried {
  const { table, origin, changed } = applied;
  const isKept = (row: number): boolean => !concerned.has(row);
  const rowWarnings: RowWarning[] = [];
  const xattrWarnings: RowWarning[] = [];
  const secrets: number[] = [];
  const leaving = mayLeadElsewhere ? linksToJudgeAgain(table, isKept, context) : undefined;
  for (const warning of previous.warnings) {
    const { code, path } = warning;
    if (!OF_ROWS.has(code) || path === undefined) continue;
    const row = lookup(table, path);
    if (row === undefined || origin[row] === NO_ROW) continue;
    if (code === "secrets-selected" && isSelected(table, row)) secrets.push(row);
    // What is skipped is so whatever its stat record says; unless it is a new row, which has said so itself.
    if (code === "special-skipped" && (isKept(row) || changed.has(row))) rowWarnings.push({ row, warning });
    if (code === "xattr-skipped" && isKept(row)) xattrWarnings.push({ row, warning });
    if (code === "symlink-leaves-root" && isKept(row) && leaving?.has(row) !== true) rowWarnings.push({ row, warning });
  }
  for (const [row, warning] of leaving ?? []) if (warning !== undefined) rowWarnings.push({ row, warning });
  return { warnings: rowWarnings, xattrs: keptXattrs(previous.table, applied, concerned), xattrWarnings, secrets };
}

/** Codes of warnings that hold as long as their row is as it was. */
const OF_ROWS: ReadonlySet<WarningCode> = new Set([
  "secrets-selected",
  "special-skipped",
  "xattr-skipped",
  "symlink-leaves-root",
]);

function keptXattrs(
  { xattrs }: NodeTable,
  { ranges, structural }: Applied,
  concerned: ReadonlySet<number>,
): NodeTable["xattrs"] {
  if (!structural && [...concerned].every((row) => !xattrs.has(row))) return xattrs;
  const kept = new Map<number, readonly Xattr[]>();
  for (const [old, list] of xattrs) {
    const row = structural ? rowWithOrigin(ranges, old) : old;
    if (row !== NO_ROW && !concerned.has(row)) kept.set(row, list);
  }
  return kept;
}

/** Absolute symlinks that were not read again: whether they lead out of ROOT depends on what is in it. */
function linksToJudgeAgain(
  table: NodeTable,
  isKept: (row: number) => boolean,
  { links, provided, root }: SelectionContext,
): Map<number, Warning | undefined> {
  const judged = new Map<number, Warning | undefined>();
  if (links.preserve || links.roots.includes("/")) return judged;
  for (let row = 1; row < table.count; row++) {
    if (table.bodyLength[row] === 0 || table.bytes[table.bodyStart[row] as number] !== 0x2f || !isKept(row)) continue;
    judged.set(row, undefined);
    let body: string;
    try {
      body = readlinkSync(hostPath({ table, rootHost: root.host } as Tree, row), "latin1");
    } catch {
      // It is gone already: the next look will say so.
      continue;
    }
    const { guest } = resolveLink(guestText(table, table.parent[row] as number), body, links);
    if (guest !== undefined || provided.some((at) => isWithin(body, at))) continue;
    judged.set(row, { code: "symlink-leaves-root", path: guestPath(table, row), detail: asText(body) });
  }
  return judged;
}
