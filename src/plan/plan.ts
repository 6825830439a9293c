/** The plan of an image: where every inode, directory and file's bytes lie. Columns are indexed by inode ordinal, from 0 (the root). */

import { BLOCK_BYTES, DATA_LAYOUT } from "../image/constants.js";
import type { LayoutName } from "../model.js";
import type { Inventory } from "./inventory.js";

/** What a stretch of the image holds: inodes with their inline tails, content at block boundaries, or sections. */
export const PIECE = { inodes: 1, content: 2, sections: 3 } as const;

/** Stretches of the image that are not zeros, ascending by offset, none overlapping; everything between them is zero. */
export interface Pieces {
  readonly kind: Uint8Array;
  /** Bytes from the image's start, at a block boundary. */
  readonly offset: Float64Array;
  readonly sizeBytes: Float64Array;
  /** Of `inodes`: the run; of `content`: the inode's ordinal. */
  readonly subject: Uint32Array;
}

/** Frozen once made: writers assert against it. */
export interface Plan {
  readonly layout: LayoutName;
  readonly sizeBytes: number;
  /** Seconds since the epoch. */
  readonly buildTime: number;
  readonly inventory: Inventory;
  /** An inode lies at byte 32 × nid. */
  readonly nid: Float64Array;
  /** One of `DATA_LAYOUT`. */
  readonly dataLayout: Uint8Array;
  /** Block address of the content that is not inline; 0 where there is none. */
  readonly dataBlock: Uint32Array;
  readonly pieces: Pieces;
  /** Run k of inodes is `runOrdinals[runStart[k] … runStart[k + 1]]`, ascending by nid. */
  readonly runStart: Uint32Array;
  readonly runOrdinals: Uint32Array;
  /** `bytes` may be empty; `offset` is then 0. */
  readonly sections: { readonly offset: number; readonly count: number; readonly bytes: Buffer };
}

/** Bytes at the end of an inode's content that follow the inode itself. */
export function inlineBytes(plan: Plan, ordinal: number): number {
  if (plan.dataLayout[ordinal] !== DATA_LAYOUT.flatInline) return 0;
  return (plan.inventory.contentBytes[ordinal] as number) % BLOCK_BYTES;
}
