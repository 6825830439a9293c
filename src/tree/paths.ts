/** From rows to paths and back. */

import type { NodeTable, Tree } from "../model.js";
import { hashName } from "./hash-name.js";

const SLASH = 0x2f;

/** Absolute, as seen from ROOT; `/` for row 0. */
export const guestPath = (table: NodeTable, row: number): Buffer =>
  row === 0 ? Buffer.from("/") : pathBeneath(table, row, "");

/** Absolute path on this machine. */
export const hostPath = ({ table, rootHost }: Tree, row: number): Buffer =>
  row === 0 ? Buffer.from(rootHost || "/", "latin1") : pathBeneath(table, row, rootHost);

function pathBeneath({ parent, nameStart, nameLength, bytes }: NodeTable, row: number, prefix: string): Buffer {
  let size = prefix.length;
  for (let at = row; at !== 0; at = parent[at] as number) size += 1 + (nameLength[at] as number);
  const path = Buffer.allocUnsafe(size);
  let end = size;
  for (let at = row; at !== 0; at = parent[at] as number) {
    const start = nameStart[at] as number;
    const length = nameLength[at] as number;
    bytes.copy(path, end - length, start, start + length);
    end -= length + 1;
    path[end] = SLASH;
  }
  path.write(prefix, 0, "latin1");
  return path;
}

/**
 * The row of an absolute guest path, selected or not; no link is followed. A string is latin1 text of the bytes. `.` and `..` are names like
 * others; repeated slashes count once. Takes time in proportion to the names of the directories on the way.
 */
export function lookup(table: NodeTable, guest: Buffer | string): number | undefined {
  const path = typeof guest === "string" ? Buffer.from(guest, "latin1") : guest;
  let row = 0;
  for (let start = 0; start < path.length; ) {
    if (path[start] === SLASH) {
      start++;
      continue;
    }
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    const child = childNamed(table, row, path, start, end);
    if (child === undefined) return undefined;
    row = child;
    start = end;
  }
  return row;
}

/** The row of the name `path[start … end]` in a directory. */
export function childNamed(
  table: NodeTable,
  directory: number,
  path: Uint8Array,
  start: number,
  end: number,
): number | undefined {
  const { nameHash, nameLength, nameStart, bytes } = table;
  const hash = hashName(path, start, end);
  const last = table.end[directory] as number;
  for (let row = directory + 1; row < last; row = table.end[row] as number) {
    if (nameHash[row] !== hash || nameLength[row] !== end - start) continue;
    const at = nameStart[row] as number;
    if (bytes.compare(path, start, end, at, at + end - start) === 0) return row;
  }
  return undefined;
}
