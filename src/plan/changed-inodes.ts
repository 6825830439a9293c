/** Which inodes and contents of an image differ from an earlier one's: integer passes over rows and ordinals. */

import { DATA_LAYOUT } from "../image/constants.js";
import { NO_ROW, ROW, STAT, STAT_WORDS, type Tree, type Xattr } from "../model.js";
import { attributesOf } from "../tree/attributes.js";
import { rowFormat, S_IFLNK } from "../tree/row.js";
import { sameBody } from "./hard-links.js";
import { ownIndex } from "./shapes.js";
import type { StablePlan } from "./stable.js";

/** Bits of `InodeChanges.flags`. */
export const CHANGED = {
  /** Inode, xattrs or chunk map. */
  inode: 1,
  content: 2,
  /** Sizes differ: what lay in the inode's place may show where the new content does not reach. Comes with the other two. */
  extent: 4,
} as const;
const ALL = CHANGED.inode | CHANGED.content | CHANGED.extent;

/** Of the ordinals of the new plan. */
export interface InodeChanges {
  /** The ordinal then, `NO_ROW` for what is new. */
  before(ordinal: number): number;
  readonly flags: Uint8Array;
  /** Where else nothing differs: slots after slot 0, ascending, and cells of the directory table. */
  readonly only?: {
    readonly slots: readonly number[];
    /** Ascending; undefined for all. Where it is given, every cell holds the directory that it held. */
    readonly cells: readonly number[] | undefined;
  };
}

interface Columns {
  readonly ordinalThen: Uint32Array;
  readonly flags: Uint8Array;
}

export function changedInodes(
  previous: StablePlan,
  next: StablePlan,
  origin: Uint32Array,
  contentChanged: Uint8Array,
): InodeChanges {
  const { count } = next.inventory;
  const changes = { ordinalThen: new Uint32Array(count), flags: new Uint8Array(count) };
  const { ordinalThen, flags } = changes;
  const comparison = new InodeComparison(previous, next, contentChanged);
  const { row, ordinal } = next.inventory;
  for (let own = 0; own < count; own++) {
    const rowThen = origin[row[own] as number] as number;
    const old = rowThen === NO_ROW ? NO_ROW : (previous.inventory.ordinal[rowThen] as number);
    ordinalThen[own] = old;
    flags[own] = comparison.flagsOf(own, old);
  }
  for (const at of next.inventory.tree.table.xattrs.keys()) {
    const own = ordinal[at] as number;
    if (own === NO_ROW || row[own] !== at || ordinalThen[own] === NO_ROW) continue;
    flags[own] = (flags[own] as number) | comparison.xattrFlags(own, ordinalThen[own] as number);
  }
  compareDirectories(previous, next, origin, changes);
  return { flags, before: (own) => ordinalThen[own] as number };
}

/** Compares one inode with what it was. */
export class InodeComparison {
  readonly samePolicies: boolean;
  readonly #previous: StablePlan;
  readonly #next: StablePlan;
  readonly #contentChanged: Uint8Array;

  constructor(previous: StablePlan, next: StablePlan, contentChanged: Uint8Array) {
    this.#previous = previous;
    this.#next = next;
    this.#contentChanged = contentChanged;
    this.samePolicies = hasSamePolicies(next.inventory.tree, previous.inventory.tree);
  }

  /** Bits of `CHANGED`, without what names in a directory and values of xattrs make of it. @param old its ordinal then, or `NO_ROW` */
  flagsOf(ordinal: number, old: number): number {
    const next = this.#next;
    const previous = this.#previous;
    const now = next.inventory;
    const before = previous.inventory;
    if (
      old === NO_ROW ||
      now.contentBytes[ordinal] !== before.contentBytes[old] ||
      now.headBytes[ordinal] !== before.headBytes[old] ||
      next.dataLayout[ordinal] !== previous.dataLayout[old] ||
      next.inlineBytes[ordinal] !== previous.inlineBytes[old]
    ) {
      return ALL;
    }
    const { table } = now.tree;
    const tableThen = before.tree.table;
    const row = now.row[ordinal] as number;
    const oldRow = before.row[old] as number;
    let flag = this.#contentChanged[row] === 0 ? 0 : CHANGED.content;
    if (rowFormat(table, row) === S_IFLNK && !sameBody(table, row, tableThen, oldRow)) flag = CHANGED.content;
    if (
      next.nid[ordinal] !== previous.nid[old] ||
      next.ino[ordinal] !== previous.ino[old] ||
      next.dataBlock[ordinal] !== previous.dataBlock[old] ||
      now.nlink[ordinal] !== before.nlink[old] ||
      !this.samePolicies ||
      (!sameWords(table.stats, row, tableThen.stats, oldRow) && !sameAttributes(now.tree, row, before.tree, oldRow)) ||
      (next.dataLayout[ordinal] === DATA_LAYOUT.chunkBased && !sameChunks(next, ordinal, previous, old))
    ) {
      flag |= CHANGED.inode;
    }
    return flag;
  }

  /** As `flagsOf`, of the xattrs alone. */
  xattrFlags(ordinal: number, old: number): number {
    const now = this.#next.inventory;
    const before = this.#previous.inventory;
    const xattrs = now.tree.table.xattrs.get(now.row[ordinal] as number);
    const then = before.tree.table.xattrs.get(before.row[old] as number);
    return xattrs === undefined || sameXattrs(xattrs, then) ? 0 : CHANGED.inode;
  }
}

function hasSamePolicies(one: Tree, other: Tree): boolean {
  if (one.owner !== other.owner || one.mtime.kind !== other.mtime.kind) return false;
  return (
    one.mtime.kind === "keep" || other.mtime.kind === "keep" || one.mtime.epochSeconds === other.mtime.epochSeconds
  );
}

/** Of the words that an inode is made from, besides the size. */
function sameWords(stats: Uint32Array, row: number, statsThen: Uint32Array, rowThen: number): boolean {
  const at = row * STAT_WORDS;
  const old = rowThen * STAT_WORDS;
  return (
    stats[at + STAT.mode] === statsThen[old + STAT.mode] &&
    stats[at + STAT.mtime] === statsThen[old + STAT.mtime] &&
    stats[at + STAT.mtime + 1] === statsThen[old + STAT.mtime + 1] &&
    stats[at + STAT.mtimeNsec] === statsThen[old + STAT.mtimeNsec] &&
    stats[at + STAT.uid] === statsThen[old + STAT.uid] &&
    stats[at + STAT.gid] === statsThen[old + STAT.gid] &&
    stats[at + STAT.rdev] === statsThen[old + STAT.rdev]
  );
}

/** What a policy sets makes no difference. */
function sameAttributes(tree: Tree, row: number, treeThen: Tree, rowThen: number): boolean {
  const now = attributesOf(tree, row);
  const then = attributesOf(treeThen, rowThen);
  return (Object.keys(now) as (keyof typeof now)[]).every((name) => now[name] === then[name]);
}

/** Whether all chunks that are objects of their own lie where they did; sizes are equal. */
function sameChunks(next: StablePlan, ordinal: number, previous: StablePlan, old: number): boolean {
  const index = ownIndex(next.shapes, ordinal);
  const indexThen = ownIndex(previous.shapes, old);
  const first = next.shapes.ownFirst[index] as number;
  const shift = next.packs.count + first;
  const shiftThen = previous.packs.count + (previous.shapes.ownFirst[indexThen] as number);
  const owned = (next.shapes.ownFirst[index + 1] as number) - first;
  for (let own = 0; own < owned; own++) {
    if (next.objectPlace[shift + own] !== previous.objectPlace[shiftThen + own]) return false;
  }
  return true;
}

function sameXattrs(one: readonly Xattr[], other: readonly Xattr[] | undefined): boolean {
  if (one === other) return true;
  if (one.length !== other?.length) return false;
  return one.every(({ name, value }, index) => {
    const then = other[index] as Xattr;
    return name.equals(then.name) && value.equals(then.value);
  });
}

/** A directory's dirents say where it, its parent and its children lie, and what these are called. */
function compareDirectories(
  previous: StablePlan,
  next: StablePlan,
  origin: Uint32Array,
  { ordinalThen, flags }: Columns,
): void {
  const now = next.inventory;
  const before = previous.inventory;
  const names = namesByDirectory(next);
  const namesThen = namesByDirectory(previous);
  const { table } = now.tree;
  for (let row = 1; row < table.count; row++) {
    const ordinal = now.ordinal[row] as number;
    if (ordinal === NO_ROW) continue;
    const rowThen = origin[row] as number;
    const old = rowThen === NO_ROW ? NO_ROW : (before.ordinal[rowThen] as number);
    if (old !== NO_ROW && next.nid[ordinal] === previous.nid[old]) continue;
    const directory = now.ordinal[table.parent[row] as number] as number;
    flags[directory] = (flags[directory] as number) | CHANGED.content;
  }
  for (let ordinal = 0; ordinal < now.count; ordinal++) {
    if (now.isDirectory[ordinal] === 0) continue;
    const old = ordinalThen[ordinal] as number;
    if (old === NO_ROW) continue;
    const parent = now.parent[ordinal] as number;
    if (
      names[ordinal] !== namesThen[old] ||
      next.nid[ordinal] !== previous.nid[old] ||
      next.nid[parent] !== previous.nid[before.parent[old] as number]
    ) {
      flags[ordinal] = (flags[ordinal] as number) | CHANGED.content;
    }
  }
}

/** Number of selected names in each directory: where all of today's names were there and there are as many, none is gone. */
function namesByDirectory({ inventory }: StablePlan): Uint32Array {
  const { tree, ordinal, count } = inventory;
  const { table } = tree;
  const names = new Uint32Array(count);
  for (let row = 1; row < table.count; row++) {
    if (((table.flags[row] as number) & ROW.selected) === 0) continue;
    const directory = ordinal[table.parent[row] as number] as number;
    names[directory] = (names[directory] as number) + 1;
  }
  return names;
}
