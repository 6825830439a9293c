/** Reads single cells of a table's row. */

import { type NodeTable, type NodeType, STAT, STAT_WORDS } from "../model.js";

/** The type bits of a mode (stat(2), inode(7)). */
export const S_IFMT = 0o170_000;
export const S_IFREG = 0o100_000;
export const S_IFDIR = 0o040_000;
export const S_IFLNK = 0o120_000;

const TYPES = new Map<number, NodeType>([
  [S_IFREG, "file"],
  [S_IFDIR, "directory"],
  [S_IFLNK, "symlink"],
  [0o010_000, "fifo"],
  [0o020_000, "character"],
  [0o060_000, "block"],
]);

/** Of anything else, a name that could not be looked at among them: `socket`. */
export const typeOfMode = (mode: number): NodeType => TYPES.get(mode & S_IFMT) ?? "socket";

export const rowMode = (table: NodeTable, row: number): number => table.stats[row * STAT_WORDS + STAT.mode] as number;

/** The type bits, for comparisons in loops. */
export const rowFormat = (table: NodeTable, row: number): number => rowMode(table, row) & S_IFMT;

export const rowType = (table: NodeTable, row: number): NodeType => typeOfMode(rowMode(table, row));

/** `st_size` in bytes: exact up to 2⁵³. */
export function rowSize({ stats }: NodeTable, row: number): number {
  const at = row * STAT_WORDS + STAT.size;
  return (stats[at] as number) + (stats[at + 1] as number) * 2 ** 32;
}

/** A view of the table's bytes. */
export function nameOf({ bytes, nameStart, nameLength }: NodeTable, row: number): Buffer {
  const start = nameStart[row] as number;
  return bytes.subarray(start, start + (nameLength[row] as number));
}

/** A view of the table's bytes; empty where the row is no selected symlink. */
export function bodyOf({ bytes, bodyStart, bodyLength }: NodeTable, row: number): Buffer {
  const start = bodyStart[row] as number;
  return bytes.subarray(start, start + (bodyLength[row] as number));
}
