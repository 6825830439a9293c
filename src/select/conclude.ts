/** The last part of every selection: checks of the whole, extended attributes, and the warnings in their order. */

import { fail, ok, type Result } from "../errors.js";
import { type NodeTable, ROW, type Tree, type Warning, type Xattr } from "../model.js";
import { guestPath } from "../tree/paths.js";
import type { RowWarning } from "./assemble.js";
import type { SelectionContext } from "./context.js";
import { literalText } from "./glob.js";
import { asText, normalize, toBytes, toLatin1 } from "./paths.js";
import type { Rule } from "./rules.js";
import { findSecrets } from "./secrets.js";
import { countFiles, hiddenFiles, isNothingSelected, stalePyc, tooLongName } from "./settle.js";
import { type Ancestor, keepTargets, unselectedTargets } from "./unselected-targets.js";
import { readXattrs } from "./xattrs.js";

/** A table whose rows stand, and what is known of it from before. */
export interface Draft {
  readonly table: NodeTable;
  /** Of single rows, in order of rows. */
  readonly warnings: readonly RowWarning[];
  /** Rows that may be selected and were not before, ascending; absent: any. */
  readonly newRows?: readonly number[];
  /** Rows whose extended attributes must be read if they are selected, ascending; absent: all. */
  readonly rowsToRead?: readonly number[];
  /** Selected names that are no directories, where their number is known. */
  readonly fileCount?: number;
  readonly keptXattrs: ReadonlyMap<number, readonly Xattr[]>;
  readonly keptXattrWarnings: readonly RowWarning[];
  /** Rows that are known as secrets. */
  readonly keptSecrets: readonly number[];
  readonly ancestor?: Ancestor;
  /** `symlink-target-unselected` warnings, where they are known to be as the ancestor's. */
  readonly keptTargets?: readonly Warning[];
}

/** Errors: `name-too-long`, `pattern-unmatched` (strict), `nothing-selected`, `secrets-selected`, those of `readXattrs`. */
export function conclude(context: SelectionContext, draft: Draft): Result<Tree> {
  const { options, rules, root, declarations } = context;
  const { table } = draft;
  const tooLong = tooLongName(table, draft.newRows, root.host);
  if (tooLong !== undefined) return { ok: false, error: tooLong };
  const unmatched = rules.unmatchedPatterns();
  const [first] = unmatched;
  if (options.strict === true && first !== undefined) return fail("pattern-unmatched", { detail: asText(first) });
  if (isNothingSelected(table)) {
    const patterns = unmatched.length === 0 ? {} : { detail: unmatched.map(asText).join(", ") };
    return fail("nothing-selected", { path: toBytes(root.host || "/"), ...patterns });
  }
  const secrets = allSecrets(context, draft);
  const [secret] = secrets;
  if (secret !== undefined && options.secrets !== "warn") {
    return fail("secrets-selected", { path: secret, detail: String(secrets.length), paths: secrets });
  }
  const patterns = options.xattrs ?? [];
  const xattrs = readXattrs(
    table,
    patterns.length === 0 ? [] : selectedRows(table, draft.rowsToRead),
    root.host,
    patterns,
  );
  if (!xattrs.ok) return xattrs;
  const mtime = options.mtime ?? { kind: "keep" };
  const whole = { ...table, xattrs: merged(draft.keptXattrs, xattrs.value.lists) };
  if (draft.keptTargets !== undefined && draft.ancestor !== undefined) keepTargets(draft.ancestor.table, whole);
  return ok({
    table: whole,
    rootHost: root.host,
    owner: options.owner ?? "keep",
    mtime,
    declarations,
    fileCount: draft.fileCount ?? countFiles(table),
    warnings: [
      ...unmatched.map((pattern): Warning => ({ code: "pattern-unmatched", detail: asText(pattern) })),
      ...draft.warnings.map(({ warning }) => warning),
      ...inOrder([...draft.keptXattrWarnings, ...xattrs.value.warnings]).map(({ warning }) => warning),
      ...secrets.map((path): Warning => ({ code: "secrets-selected", path })),
      ...stalePyc(table, mtime),
      ...hiddenFiles(table, context),
      ...(draft.keptTargets ?? unselectedTargets(whole, context.links, context.provided, draft.ancestor)),
    ],
  });
}

/** Guest paths in path order. */
function allSecrets({ options }: SelectionContext, { table, newRows, keptSecrets }: Draft): Buffer[] {
  const found = findSecrets(table, newRows, literalIncludes(options.rules ?? []), options.allowSecrets ?? []);
  // Of a directory that is known already, nothing beneath is named.
  const others = found.filter((row) => !keptSecrets.some((top) => row > top && row < (table.end[top] as number)));
  return [...keptSecrets, ...others].sort((a, b) => a - b).map((row) => guestPath(table, row));
}

function selectedRows({ count, flags }: NodeTable, rows: readonly number[] | undefined): number[] {
  const isSelected = (row: number): boolean => ((flags[row] as number) & ROW.selected) !== 0;
  if (rows !== undefined) return rows.filter(isSelected);
  const selected: number[] = [];
  for (let row = 0; row < count; row++) if (isSelected(row)) selected.push(row);
  return selected;
}

const merged = <Key, Value>(a: ReadonlyMap<Key, Value>, b: ReadonlyMap<Key, Value>): ReadonlyMap<Key, Value> =>
  b.size === 0 ? a : new Map([...a, ...b]);

export const inOrder = (warnings: readonly RowWarning[]): RowWarning[] =>
  [...warnings].sort((one, other) => one.row - other.row);

/** Guest paths of includes without wildcards. */
function literalIncludes(rules: readonly Rule[]): Set<string> {
  const includes = rules.filter(({ kind }) => kind === "include");
  const texts = includes.map(({ pattern }) => literalText(toLatin1(pattern)));
  return new Set(texts.flatMap((text) => (text === undefined ? [] : [normalize(text).path])));
}
