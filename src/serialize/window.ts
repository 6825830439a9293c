/** Finds what of a plan lies in a stretch of the image. */

import { NID_BYTES } from "../image/constants.js";
import type { Pieces, Plan } from "../plan/plan.js";

/** Bytes [start, end) of the image. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** Least index from `low` below `high` for which `holds` is true, where it stays true from there on; else `high`. */
function firstIndex(low: number, high: number, holds: (index: number) => boolean): number {
  let from = low;
  for (let to = high; from < to; ) {
    const middle = (from + to) >>> 1;
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The first piece that ends after `start`. */
export const firstPieceIn = ({ offset, sizeBytes }: Pieces, start: number): number =>
  firstIndex(0, offset.length, (index) => (offset[index] as number) + (sizeBytes[index] as number) > start);

/** Ordinals of a run's inodes of which some byte may lie in the window: heads longer than a block reach over several. */
export function inodesIn(plan: Plan, run: number, window: Window): Uint32Array {
  const { runStart, runOrdinals, nid, inventory } = plan;
  const start = runStart[run] as number;
  const end = runStart[run + 1] as number;
  const offset = (index: number): number => (nid[runOrdinals[index] as number] as number) * NID_BYTES;
  let from = firstIndex(start, end, (index) => offset(index) >= window.start);
  // At most one head that began before reaches into the window, since its blocks hold nothing else.
  const before = from > start ? (runOrdinals[from - 1] as number) : undefined;
  if (before !== undefined && offset(from - 1) + (inventory.headBytes[before] as number) > window.start) from--;
  return runOrdinals.subarray(
    from,
    firstIndex(from, end, (index) => offset(index) >= window.end),
  );
}
