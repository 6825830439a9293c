/** Turns declared paths into the ordinals before which packs end. */

import type { NodeTable } from "../model.js";
import { rowFormat, S_IFDIR } from "../tree/row.js";
import type { Inventory } from "./inventory.js";
import { lowerBound } from "./shapes.js";

const SLASH = 0x2f;

/** @returns ordinals, ascending, without repetition: of each path the first inode that is not before it in path order */
export function cutOrdinals({ tree, row, count }: Inventory, cuts: readonly Buffer[]): number[] {
  const ordinals = new Set<number>();
  for (const cut of cuts) ordinals.add(lowerBound(row, firstRowFrom(tree.table, cut)));
  return [...ordinals].filter((ordinal) => ordinal > 0 && ordinal < count).sort((a, b) => a - b);
}

/** The first row whose path is not less than `path`, component by component. */
function firstRowFrom(table: NodeTable, path: Buffer): number {
  let directory = 0;
  for (let start = 0; start < path.length; ) {
    if (path[start] === SLASH) {
      start++;
      continue;
    }
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    const subtreeEnd = table.end[directory] as number;
    if (rowFormat(table, directory) !== S_IFDIR) return subtreeEnd;
    let child = directory + 1;
    let order = 1;
    for (; child < subtreeEnd; child = table.end[child] as number) {
      const name = table.nameStart[child] as number;
      order = table.bytes.compare(path, start, end, name, name + (table.nameLength[child] as number));
      if (order >= 0) break;
    }
    if (child >= subtreeEnd) return subtreeEnd;
    if (order > 0) return child;
    directory = child;
    start = end;
  }
  return directory;
}
