/** The columns that follow from depths: parents and ends of subtrees. */

import { unfilledU32 } from "./unfilled.js";

/** As many as a depth can say. */
const DEPTHS = 65_536;

/** @param depth of rows in depth-first order, row 0 alone at depth 0 */
export function deriveParents(count: number, depth: Uint16Array): { parent: Uint32Array; end: Uint32Array } {
  const parent = unfilledU32(count);
  const end = unfilledU32(count);
  /** The rows from the root to the last one seen, by depth. */
  const open = new Uint32Array(DEPTHS);
  let deepest = -1;
  for (let row = 0; row < count; row++) {
    const level = depth[row] as number;
    for (; deepest >= level; deepest--) end[open[deepest] as number] = row;
    parent[row] = level === 0 ? row : (open[level - 1] as number);
    open[level] = row;
    deepest = level;
  }
  for (; deepest >= 0; deepest--) end[open[deepest] as number] = count;
  return { parent, end };
}
