/** Symlinks that dangle only because what they lead to, though in ROOT, was not selected. */

import { NO_ROW, type NodeTable, ROW, type Warning } from "../model.js";
import { rowWithOrigin } from "../tree/delta.js";
import { hashName } from "../tree/hash-name.js";
import { childNamed, guestPath } from "../tree/paths.js";
import { bodyOf, nameOf, rowFormat, S_IFLNK } from "../tree/row.js";
import type { LinkContext } from "./links.js";
import { asText, componentsOf, isWithin, joinPath, normalize } from "./paths.js";

/** As the kernel limits a path's resolution (path_resolution(7)). */
const MAX_LINKS = 40;

/** Links that lead to a selected name straight on, and the rows of those names. Links ascending. */
interface KnownTargets {
  readonly links: Uint32Array;
  readonly targets: Uint32Array;
}

/** By the tables of trees that selection gave out. */
const knownTargets = new WeakMap<NodeTable, KnownTargets>();

/** A table that the new one came out of by changes of a few rows. */
export interface Ancestor {
  readonly table: NodeTable;
  readonly origin: Uint32Array;
  readonly ranges: Uint32Array;
  /** Rows that may differ from their origin. */
  readonly concerned: ReadonlySet<number>;
}

/** For a table with the same links and names. */
export function keepTargets(from: NodeTable, to: NodeTable): void {
  const known = knownTargets.get(from);
  if (known !== undefined) knownTargets.set(to, known);
}

/**
 * @param provided guest paths that the runtime or a door answers
 * @param ancestor spares looking again where links lead that are as they were
 * @returns a `symlink-target-unselected` a link, `detail` what it leads to
 */
export function unselectedTargets(
  table: NodeTable,
  links: LinkContext,
  provided: readonly string[],
  ancestor?: Ancestor,
): Warning[] {
  const names = new SelectedNames(table);
  const before = ancestor && targetsBefore(table, ancestor);
  const climbs = links.preserve || links.roots.includes("/");
  const warnings: Warning[] = [];
  const known: number[] = [];
  const targets: number[] = [];
  for (let row = 1; row < table.count; row++) {
    if (table.bodyLength[row] === 0 || !isSelected(table, row)) continue;
    const target = before?.(row) ?? names.targetOf(row);
    if (target !== undefined) {
      if (target === NO_ROW) continue;
      known.push(row);
      targets.push(target);
      continue;
    }
    const body = bodyOf(table, row).toString("latin1");
    const isAbsolute = body.startsWith("/");
    const directory = isAbsolute ? "" : guestPath(table, table.parent[row] as number).toString("latin1");
    const { path, climbed } = normalize(isAbsolute ? body : joinPath(directory, body));
    // A relative way out of ROOT that selection let stand leads nowhere in it.
    if (climbed && !climbs && !isAbsolute) continue;
    if (provided.some((at) => isWithin(path, at)) || names.has(path) || !links.exists(path)) continue;
    warnings.push({ code: "symlink-target-unselected", path: guestPath(table, row), detail: asText(path) });
  }
  knownTargets.set(table, { links: Uint32Array.from(known), targets: Uint32Array.from(targets) });
  return warnings;
}

/** Finds the target that a link (asked for ascending) had before and still has: as long as both names are there, so is the way. */
function targetsBefore(
  table: NodeTable,
  { table: earlier, origin, ranges, concerned }: Ancestor,
): ((row: number) => number | undefined) | undefined {
  const known = knownTargets.get(earlier);
  if (known === undefined) return undefined;
  const { links, targets } = known;
  let at = 0;
  return (row) => {
    const old = origin[row] as number;
    if (old === NO_ROW || concerned.has(row)) return undefined;
    while (at < links.length && (links[at] as number) < old) at++;
    if (links[at] !== old) return undefined;
    const target = rowWithOrigin(ranges, targets[at] as number);
    return target !== NO_ROW && isSelected(table, target) ? target : undefined;
  };
}

const isSelected = ({ flags }: NodeTable, row: number): boolean => ((flags[row] as number) & ROW.selected) !== 0;

const SLASH = 0x2f;
const DOT = 0x2e;

/** A directory in which more names than these are sought gets an index. */
const INDEX_AFTER = 8;

/** Selected names, found by their bytes. */
class SelectedNames {
  readonly #table: NodeTable;
  /** By directory: rows by the hash of their name, or how many names were sought. */
  readonly #indexes = new Map<number, ReadonlyMap<number, number> | number>();

  constructor(table: NodeTable) {
    this.#table = table;
  }

  /**
   * The row of the selected name that a link's body leads to with no other link on the way, as nearly all do; `NO_ROW` for such a name on a
   * way that goes down and up again, and so depends on more names than those of both ends.
   */
  targetOf(row: number): number | undefined {
    const table = this.#table;
    const { bytes } = table;
    let start = table.bodyStart[row] as number;
    const last = start + (table.bodyLength[row] as number);
    let here = bytes[start] === SLASH ? 0 : (table.parent[row] as number);
    let goesDown = false;
    let turns = false;
    for (; start < last; start++) {
      let end = start;
      while (end < last && bytes[end] !== SLASH) end++;
      const isDot = bytes[start] === DOT;
      if (isDot && end === start + 2 && bytes[start + 1] === DOT) {
        here = table.parent[here] as number;
        turns ||= goesDown;
      } else if (end > start && !(isDot && end === start + 1)) {
        // Beneath anything but a directory there are no rows.
        const child = this.#child(here, bytes, start, end);
        if (child === undefined) return undefined;
        here = child;
        goesDown = true;
      }
      start = end;
    }
    return turns ? NO_ROW : here;
  }

  /** Whether a path resolves in the tree as far as a link at its end, which is judged by itself. */
  has(path: string): boolean {
    const table = this.#table;
    const pending = componentsOf(path).reverse();
    let here = 0;
    let links = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === "..") {
        here = table.parent[here] as number;
        continue;
      }
      const name = Buffer.from(part, "latin1");
      const child = this.#child(here, name, 0, name.length);
      if (child === undefined) return false;
      if (rowFormat(table, child) !== S_IFLNK || pending.length === 0) {
        here = child;
        continue;
      }
      if (++links > MAX_LINKS) return false;
      const body = bodyOf(table, child).toString("latin1");
      if (body.startsWith("/")) here = 0;
      pending.push(...componentsOf(body).reverse());
    }
    return true;
  }

  #child(directory: number, bytes: Buffer, start: number, end: number): number | undefined {
    const table = this.#table;
    const known = this.#indexes.get(directory) ?? 0;
    if (typeof known === "number")
      this.#indexes.set(directory, known < INDEX_AFTER ? known + 1 : this.#index(directory));
    const guess = typeof known === "number" ? undefined : known.get(hashName(bytes, start, end));
    if (typeof known !== "number" && guess === undefined) return undefined;
    const child =
      guess !== undefined && nameOf(table, guess).compare(bytes, start, end) === 0
        ? guess
        : childNamed(table, directory, bytes, start, end);
    return child !== undefined && isSelected(table, child) ? child : undefined;
  }

  #index(directory: number): ReadonlyMap<number, number> {
    const { end, nameHash } = this.#table;
    const rows = new Map<number, number>();
    const last = end[directory] as number;
    for (let row = directory + 1; row < last; row = end[row] as number) rows.set(nameHash[row] as number, row);
    return rows;
  }
}
