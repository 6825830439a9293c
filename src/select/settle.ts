/** Passes over a whole table once its rows stand: which directories are selected, and what the rest of the warnings says. */

import { type BinaryfsError, fail } from "../errors.js";
import { NAME_MAX } from "../image/constants.js";
import { type MtimePolicy, type NodeTable, ROW, STAT, STAT_WORDS, type Warning } from "../model.js";
import { mtimeSeconds, mtimeUnder } from "../tree/attributes.js";
import { guestPath, lookup } from "../tree/paths.js";
import { nameOf, rowFormat, S_IFDIR, S_IFREG } from "../tree/row.js";
import type { SelectionContext } from "./context.js";
import { toBytes } from "./paths.js";
import type { RuleSet } from "./rules.js";

/** A directory is selected by itself or for what is selected beneath; ROOT always. */
export function settleDirectories(table: NodeTable, rules: RuleSet): void {
  settleWithin(table, rules, 1, table.count);
  for (let row = table.count - 1; row > 0; row--) {
    if (isSelected(table, row)) select(table, table.parent[row] as number);
  }
  select(table, 0);
}

/**
 * The same where a settled table got new rows and lost others.
 * @param fresh pairs (first row, row after the last) of whole subtrees that are new
 * @param touched directories in which rows came or went
 * @returns rows of directories, the new ones left out, that are selected now and were not, or the other way round
 */
export function settleAgain(
  table: NodeTable,
  rules: RuleSet,
  fresh: readonly number[],
  touched: Iterable<number>,
): number[] {
  for (let at = 0; at < fresh.length; at += 2) {
    const start = fresh[at] as number;
    const end = fresh[at + 1] as number;
    settleWithin(table, rules, start, end);
    for (let row = end - 1; row >= start; row--) {
      const above = table.parent[row] as number;
      if (above >= start && isSelected(table, row)) select(table, above);
    }
  }
  const above = new Set<number>();
  for (let row of touched) {
    for (; row !== 0 && !above.has(row); row = table.parent[row] as number) above.add(row);
  }
  const turned: number[] = [];
  for (const row of [...above].sort((a, b) => b - a)) {
    if (!isListed(table, row)) continue;
    const selected = rules.selects(table.match[row] as number) || holdsSelected(table, row);
    if (selected === isSelected(table, row)) continue;
    table.flags[row] = selected ? ROW.selected : 0;
    turned.push(row);
  }
  return turned;
}

/** Directories of rows [start, end) by themselves alone. */
function settleWithin(table: NodeTable, rules: RuleSet, start: number, end: number): void {
  for (let row = start; row < end; row++) {
    if (rowFormat(table, row) !== S_IFDIR || !isListed(table, row)) continue;
    table.flags[row] = rules.selects(table.match[row] as number) ? ROW.selected : 0;
  }
}

function holdsSelected(table: NodeTable, directory: number): boolean {
  const last = table.end[directory] as number;
  for (let row = directory + 1; row < last; row = table.end[row] as number) if (isSelected(table, row)) return true;
  return false;
}

const isSelected = ({ flags }: NodeTable, row: number): boolean => ((flags[row] as number) & ROW.selected) !== 0;

const isListed = ({ flags }: NodeTable, row: number): boolean => ((flags[row] as number) & ROW.unlisted) === 0;

const select = ({ flags }: NodeTable, row: number): void => {
  flags[row] = (flags[row] as number) | ROW.selected;
};

/**
 * Names of selected rows that no image can hold. Errors: `name-too-long`
 * @param rows to be looked at, ascending; absent: all
 */
export function tooLongName(
  table: NodeTable,
  rows: readonly number[] | undefined,
  rootHost: string,
): BinaryfsError | undefined {
  for (let index = 0; index < (rows?.length ?? table.count); index++) {
    const row = rows === undefined ? index : (rows[index] as number);
    if ((table.nameLength[row] as number) <= NAME_MAX || ((table.flags[row] as number) & ROW.selected) === 0) continue;
    return fail("name-too-long", { path: Buffer.concat([toBytes(rootHost), guestPath(table, row)]) }).error;
  }
  return undefined;
}

export function isNothingSelected({ flags, end }: NodeTable): boolean {
  const last = end[0] as number;
  for (let row = 1; row < last; row = end[row] as number)
    if (((flags[row] as number) & ROW.selected) !== 0) return false;
  return true;
}

/** Selected names that are no directories, among the rows. @param rows absent: all */
export function countFiles(table: NodeTable, rows?: Iterable<number>): number {
  let files = 0;
  if (rows === undefined) for (let row = 1; row < table.count; row++) files += isSelectedFile(table, row);
  else for (const row of rows) files += isSelectedFile(table, row);
  return files;
}

const isSelectedFile = (table: NodeTable, row: number): number =>
  ((table.flags[row] as number) & ROW.selected) !== 0 && rowFormat(table, row) !== S_IFDIR ? 1 : 0;

/** Python compares a source's mtime with the one in its `.pyc`: one that the policy changed makes it compile at every start. */
export function stalePyc(table: NodeTable, policy: MtimePolicy): Warning[] {
  if (policy.kind === "keep") return [];
  let changed = false;
  let compiled: number | undefined;
  for (let row = 1; row < table.count && !(changed && compiled !== undefined); row++) {
    if (((table.flags[row] as number) & ROW.selected) === 0) continue;
    if (endsWith(table, row, ".pyc")) compiled ??= row;
    else if (!changed && rowFormat(table, row) === S_IFREG && endsWith(table, row, ".py")) {
      const seconds = mtimeSeconds(table.stats, row);
      const nsec = table.stats[row * STAT_WORDS + STAT.mtimeNsec] as number;
      const given = mtimeUnder(policy, seconds, nsec);
      changed = given.seconds !== seconds || given.nsec !== nsec;
    }
  }
  if (!changed || compiled === undefined) return [];
  return [{ code: "mtime-makes-pyc-stale", path: guestPath(table, compiled) }];
}

function endsWith({ bytes, nameStart, nameLength }: NodeTable, row: number, suffix: string): boolean {
  const length = nameLength[row] as number;
  const start = (nameStart[row] as number) + length - suffix.length;
  if (length < suffix.length) return false;
  for (let at = suffix.length - 1; at >= 0; at--) if (bytes[start + at] !== suffix.charCodeAt(at)) return false;
  return true;
}

/** What is packed at a door or beneath it can never be seen: the host's is there instead. */
export function hiddenFiles(table: NodeTable, { doors }: SelectionContext): Warning[] {
  return doors.flatMap((door): Warning[] => {
    const top = lookup(table, door);
    if (top === undefined) return [];
    let count = 0;
    for (let row = top; row < (table.end[top] as number); row++) {
      if (((table.flags[row] as number) & ROW.selected) !== 0 && rowFormat(table, row) !== S_IFDIR) count++;
    }
    return count === 0 ? [] : [{ code: "door-hides-files", path: toBytes(door), detail: String(count) }];
  });
}

/** Guest paths of all rows but ROOT, as latin1 text. */
export function* allPaths(table: NodeTable): Iterable<string> {
  const open: string[] = [""];
  for (let row = 1; row < table.count; row++) {
    const depth = table.depth[row] as number;
    const path = `${open[depth - 1]}/${nameOf(table, row).toString("latin1")}`;
    open[depth] = path;
    yield path;
  }
}
