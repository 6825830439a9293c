/** Other names of inodes that changed, of which hints do not speak. */

import { type NodeTable, STAT, STAT_WORDS, type Tree } from "../model.js";
import { hostPath } from "../tree/paths.js";
import { rowFormat, S_IFDIR } from "../tree/row.js";
import { type Edit, isDirectory, isEqualRecord, isSameNode, statIfThere } from "./edits.js";
import type { Block, Listing } from "./listing.js";

/** Identities of inodes with several names that the edits and new listings speak of. */
export function changedInodes(table: NodeTable, edits: readonly Edit[], seeds: readonly Listing[]): Set<string> {
  const keys = new Set<string>();
  const add = (words: Uint32Array, at: number): void => {
    if ((words[at + STAT.nlink] as number) > 1 && !isDirectory(words, at)) keys.add(inodeKey(words, at));
  };
  const addBlock = ({ words, statAt, count }: Block): void => {
    for (let entry = 0; entry < count; entry++) add(words, statAt + entry * STAT_WORDS);
  };
  const addListing = (listing: Listing): void => {
    addBlock(listing.block as Block);
    for (const directory of listing.directories) if ("guest" in directory) addListing(directory);
  };
  for (const edit of edits) {
    if (edit.kind === "insert") add(edit.block.words, edit.block.statAt + edit.entry * STAT_WORDS);
    if (edit.kind === "stat") add(edit.words, edit.at);
    if (edit.kind !== "stat" && edit.kind !== "remove") continue;
    const last = edit.kind === "stat" ? edit.row + 1 : (table.end[edit.row] as number);
    for (let row = edit.row; row < last; row++) add(table.stats, row * STAT_WORDS);
  }
  for (const seed of seeds) addListing(seed);
  return keys;
}

/**
 * Hard links change together: names elsewhere of inodes that edits speak of get their stat records again.
 * @param changed identities (`inodeKey`) of those inodes, from `changedInodes`
 */
export function lookAtOtherNames(tree: Tree, changed: ReadonlySet<string>, known: ReadonlySet<number>): Edit[] {
  const { table } = tree;
  const edits: Edit[] = [];
  if (changed.size === 0) return edits;
  const startedMs = Date.now();
  // Tells nearly all rows apart without their keys: all files of a tree may have several names.
  const mayBeChanged = new Uint8Array(65_536);
  for (const key of changed) mayBeChanged[Number(key.split(":")[1]) & 0xffff] = 1;
  for (let row = 1; row < table.count; row++) {
    const at = row * STAT_WORDS;
    if (mayBeChanged[(table.stats[at + STAT.ino] as number) & 0xffff] === 0) continue;
    if ((table.stats[at + STAT.nlink] as number) < 2 || known.has(row) || rowFormat(table, row) === S_IFDIR) continue;
    if (!changed.has(inodeKey(table.stats, at))) continue;
    const words = statIfThere(hostPath(tree, row));
    if (words === undefined || !isSameNode(table.stats, at, words, 0)) continue;
    if (isEqualRecord(table.stats, at, words, 0)) continue;
    edits.push({ kind: "stat", row, depth: table.depth[row] as number, words, at: 0, startedMs });
  }
  return edits;
}

const inodeKey = (stats: Uint32Array, at: number): string =>
  `${stats[at + STAT.dev]}:${stats[at + STAT.ino]}:${stats[at + STAT.ino + 1]}`;
