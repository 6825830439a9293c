/** What a change of an image costs: the blocks that it writes. */

import { BLOCK_BYTES, SEGMENT_BYTES } from "../../src/image/constants.js";
import type { SegmentChange } from "../../src/plan/changes.js";
import type { StablePlan } from "../../src/plan/stable.js";

/** Block addresses that a segment's change writes; of a rebuilt segment those that are not zeros. */
export function blocksTouched(plan: StablePlan, change: SegmentChange): Set<number> {
  const blocks = new Set<number>();
  const touch = (start: number, end: number): void => {
    for (let block = Math.floor(start / BLOCK_BYTES); block * BLOCK_BYTES < end; block++) blocks.add(block);
  };
  const start = change.segment * SEGMENT_BYTES;
  const pieces = plan.piecesIn(start, start + SEGMENT_BYTES);
  if (change.segment === 0) touch(0, 1);
  if (change.kind === "rebuild") for (const { offset, sizeBytes } of pieces) touch(offset, offset + sizeBytes);
  for (const [from, to] of change.vacated) touch(from, to);
  for (const ordinal of change.inodes) {
    const at = (plan.nid[ordinal] as number) * 32;
    touch(at, at + (plan.inventory.headBytes[ordinal] as number) + 4 * plan.chunkBlocks(ordinal).length);
  }
  for (const ordinal of change.contents) {
    const at = (plan.nid[ordinal] as number) * 32 + (plan.inventory.headBytes[ordinal] as number);
    if (at >= start && at < start + SEGMENT_BYTES) touch(at, at + (plan.inlineBytes[ordinal] as number));
    for (const { kind, ordinal: whose, offset, sizeBytes } of pieces) {
      if (kind === "content" && whose === ordinal) touch(offset, offset + sizeBytes);
    }
  }
  return blocks;
}

/** Block addresses that an edit writes, and the segments that it changes. */
export function costOf(
  plan: StablePlan,
  changes: readonly SegmentChange[],
): { readonly bytes: number; readonly segments: number } {
  let blocks = 0;
  for (const change of changes) blocks += blocksTouched(plan, change).size;
  return { bytes: blocks * BLOCK_BYTES, segments: changes.length };
}
