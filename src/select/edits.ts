/** What became of recorded rows: found by comparing directories' listings and single stat records with the table. */

import type { BinaryfsError } from "../errors.js";
import { type NodeTable, STAT, STAT_WORDS, type Tree } from "../model.js";
import { addon } from "../native/addon.js";
import { hostPath } from "../tree/paths.js";
import { S_IFDIR, S_IFMT } from "../tree/row.js";
import { type Block, failureOfErrno, latin1, nameLengthIn } from "./listing.js";
import type { OwnOutputIn } from "./own-output.js";

interface AnyEdit {
  /** Row of the earlier table: the one concerned, or the one that an insertion comes before. */
  readonly row: number;
  /** Depth of the row concerned. */
  readonly depth: number;
}

/** The stat record at `words[at …]` is the row's new one. */
export interface StatEdit extends AnyEdit {
  readonly kind: "stat";
  readonly words: Uint32Array;
  readonly at: number;
  readonly startedMs: number;
}

/** The row and its subtree are gone. */
interface RemoveEdit extends AnyEdit {
  readonly kind: "remove";
}

/** Entry `entry` of a listing of `directory` (row of the earlier table) is new; its name is at `bytes[start … end]` of the block. */
export interface InsertEdit extends AnyEdit {
  readonly kind: "insert";
  readonly directory: number;
  readonly block: Block;
  readonly entry: number;
  readonly start: number;
  readonly end: number;
}

/** The row's directory could not be listed. */
interface FailEdit extends AnyEdit {
  readonly kind: "fail";
  readonly error: BinaryfsError;
}

export type Edit = StatEdit | RemoveEdit | InsertEdit | FailEdit;

export const isDirectory = (words: Uint32Array, at: number): boolean =>
  ((words[at + STAT.mode] as number) & S_IFMT) === S_IFDIR;

/** Whether two records are of the same kind of node, and of the same directory if they are of one: else the old row goes and a new one comes. */
export function isSameNode(a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean {
  if ((((a[atA + STAT.mode] as number) ^ (b[atB + STAT.mode] as number)) & S_IFMT) !== 0) return false;
  return !isDirectory(a, atA) || (a[atA + STAT.dev] === b[atB + STAT.dev] && isSameInode(a, atA, b, atB));
}

const isSameInode = (a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean =>
  a[atA + STAT.ino] === b[atB + STAT.ino] && a[atA + STAT.ino + 1] === b[atB + STAT.ino + 1];

export function isEqualRecord(a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean {
  for (let word = 0; word < STAT_WORDS; word++) if (a[atA + word] !== b[atB + word]) return false;
  return true;
}

/** Adds what differs between the directory's rows and its listing. */
export function compareListing(
  { table, ...tree }: Tree,
  directory: number,
  block: Block,
  ownOutputIn: OwnOutputIn,
  edits: Edit[],
): void {
  const depth = (table.depth[directory] as number) + 1;
  if (block.errno !== 0) {
    const error = failureOfErrno(hostPath({ table, ...tree }, directory), block.errno);
    edits.push({ kind: "fail", row: directory, depth: depth - 1, error });
    return;
  }
  const { words, bytes } = block;
  const isOwnOutput = ownOutputIn(table.stats, directory * STAT_WORDS);
  const last = table.end[directory] as number;
  let child = directory + 1;
  let end = block.nameAt;
  for (let entry = 0; entry < block.count; entry++) {
    const start = end;
    end += nameLengthIn(block, entry);
    if (isOwnOutput?.(latin1(bytes, start, end)) === true) continue;
    let order = 1;
    while (child < last) {
      order = compareName(table, child, bytes, start, end);
      if (order >= 0) break;
      edits.push({ kind: "remove", row: child, depth });
      child = table.end[child] as number;
      order = 1;
    }
    const at = block.statAt + entry * STAT_WORDS;
    const isThere = order === 0;
    if (!isThere || !isEqualRecord(table.stats, child * STAT_WORDS, words, at)) {
      if (isThere && isSameNode(table.stats, child * STAT_WORDS, words, at)) {
        edits.push({ kind: "stat", row: child, depth, words, at, startedMs: block.startedMs });
      } else {
        edits.push({ kind: "insert", row: child, depth, directory, block, entry, start, end });
        if (isThere) edits.push({ kind: "remove", row: child, depth });
      }
    }
    if (!isThere) continue;
    child = table.end[child] as number;
  }
  for (; child < last; child = table.end[child] as number) edits.push({ kind: "remove", row: child, depth });
}

/** Order of the row's name and `bytes[start … end]`. */
function compareName(table: NodeTable, row: number, bytes: Uint8Array, start: number, end: number): number {
  const own = table.bytes;
  const length = table.nameLength[row] as number;
  const at = table.nameStart[row] as number;
  const common = Math.min(length, end - start);
  for (let index = 0; index < common; index++) {
    const difference = (own[at + index] as number) - (bytes[start + index] as number);
    if (difference !== 0) return difference;
  }
  return length - (end - start);
}

/** The stat record of a path; undefined where nothing is, or nothing that may be looked at. */
export function statIfThere(path: Buffer): Uint32Array | undefined {
  try {
    return addon.statRecord(path);
  } catch {
    return undefined;
  }
}

const KIND_ORDER = { insert: 0, remove: 1, stat: 2, fail: 3 } as const;

/** Larger than any depth. */
const DEPTHS = 65_536;

/** In order of rows; at one row, ends of deeper directories first. Without what lies in removed subtrees. */
export function inRowOrder(edits: readonly Edit[], table: NodeTable): Edit[] {
  // What is inserted at a row comes before it, and at the ends of the directories that end there, the deepest first.
  const place = ({ kind, row, depth }: Edit): number =>
    row * (DEPTHS * 2) + (kind === "insert" ? DEPTHS - depth : DEPTHS + KIND_ORDER[kind]);
  const sorted = [...edits].sort((a, b) => place(a) - place(b));
  let goneUntil = 0;
  let goneDepth = DEPTHS;
  return sorted.filter((edit) => {
    const { kind, row, depth } = edit;
    if (row < goneUntil || (row === goneUntil && kind === "insert" && depth > goneDepth)) return false;
    if (row > goneUntil || kind !== "insert") goneDepth = DEPTHS;
    if (kind === "remove") {
      goneUntil = table.end[row] as number;
      goneDepth = depth;
    }
    return true;
  });
}
