/** What of an image differs from an earlier one; pure. */

import { SEGMENT_BYTES } from "../image/constants.js";
import { changedInodes } from "./changed-inodes.js";
import { changedNear } from "./changed-near.js";
import { SlotComparison, wholly } from "./changed-slots.js";
import type { RowDelta } from "./row-delta.js";
import type { StablePlan } from "./stable.js";

/** A segment whose bytes differ (or may differ) from the earlier image's segment of the same number. Absent segments are equal. */
export interface SegmentChange {
  readonly segment: number;
  /**
   * `zero`: nothing lies there any more. `rebuild`: everything is made anew from the plan.
   * `patch`: the earlier image's segment with the stretches below replaced.
   */
  readonly kind: "zero" | "rebuild" | "patch";
  /** Of `patch`: inodes to encode again at their nids (head and xattrs, and the inline tail where it is not a file's). */
  readonly inodes: readonly number[];
  /** Of `patch`: ordinals whose content in this segment is to be written again: files (blocks and inline tail), directories, symlinks. */
  readonly contents: readonly number[];
  /** Of `patch`: stretches [start, end) of the image, in bytes, that hold nothing any more. Zeroed before anything else is written. */
  readonly vacated: readonly (readonly [start: number, end: number])[];
}

/**
 * @param origin by row of `next`'s table: the row of the same path and type in `previous`'s, or `NO_ROW`
 * @param contentChanged by row of `next`'s table: not 0 where a file's bytes differ from those of its origin
 * @param delta saves looking at what is as it was
 * @returns changes that turn the image of `previous` into that of `next`, ascending by segment; segments beyond `next`'s end are not among them.
 * Segment 0 is, unless nothing changed: its header and UUID follow from all else
 */
export function changesBetween(
  previous: StablePlan,
  next: StablePlan,
  origin: Uint32Array,
  contentChanged: Uint8Array,
  delta?: RowDelta,
): SegmentChange[] {
  const inodes =
    (delta && changedNear(previous, next, origin, contentChanged, delta)) ??
    changedInodes(previous, next, origin, contentChanged);
  const comparison = new SlotComparison(previous, next, inodes);
  const header = comparison.change(0);
  const changes: SegmentChange[] = [];
  const add = (slot: number): void => {
    const change = comparison.change(slot);
    if (change !== undefined) changes.push(change);
  };
  if (inodes.only !== undefined) for (const slot of inodes.only.slots) add(slot);
  else for (let slot = 1; slot < next.slotCount; slot++) add(slot);
  if (!sameSections(previous, next)) {
    const segments = Math.ceil(next.sizeBytes / SEGMENT_BYTES);
    for (let segment = next.slotCount; segment < segments; segment++) changes.push(wholly("rebuild", segment));
  }
  if (header !== undefined) changes.unshift(header);
  else if (changes.length > 0 || !sameHeader(previous, next)) changes.unshift(wholly("patch", 0));
  return changes;
}

function sameSections({ sections: one }: StablePlan, { sections: other }: StablePlan): boolean {
  return one.offset === other.offset && one.bytes.equals(other.bytes);
}

function sameHeader(previous: StablePlan, next: StablePlan): boolean {
  return (
    previous.sizeBytes === next.sizeBytes &&
    previous.buildTime === next.buildTime &&
    previous.inventory.count === next.inventory.count &&
    sameSections(previous, next)
  );
}
