/** The plan of an image: where every inode, directory and file's bytes lie. Columns are indexed by inode ordinal, from 0 (the root). */

import type { LayoutName } from "../model.js";
import type { Inventory } from "./inventory.js";

/** What a stretch of the image holds: inodes with their inline tails, content at block boundaries, or sections. */
export type PieceKind = "inodes" | "content" | "sections";

/** Of pieces without inodes, and chunks of what is not chunked. */
export const NO_ORDINALS: Uint32Array = new Uint32Array(0);

/** A stretch of the image that is not zeros. */
export interface Piece {
  readonly kind: PieceKind;
  /** Bytes from the image's start, at a block boundary. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of `content`: whose it is, and where in the content the piece begins. */
  readonly ordinal: number;
  readonly contentOffset: number;
  /** Of `inodes`: ordinals in ascending order of their nids; empty for others. */
  readonly ordinals: Uint32Array;
}

/** What both layouts say. Frozen once made: writers assert against it. */
export interface Plan {
  readonly layout: LayoutName;
  readonly sizeBytes: number;
  /** Seconds since the epoch. */
  readonly buildTime: number;
  readonly inventory: Inventory;
  /** An inode lies at byte 32 × nid. */
  readonly nid: Float64Array;
  /** `i_ino`. */
  readonly ino: Uint32Array;
  /** One of `DATA_LAYOUT`. */
  readonly dataLayout: Uint8Array;
  /** Block address of the content that is not inline; 0 where there is none. Of chunk-based inodes see `chunkBlocks`. */
  readonly dataBlock: Uint32Array;
  /** Bytes of content that follow the inode and its xattrs. */
  readonly inlineBytes: Uint16Array;
  /** Block addresses of a chunk-based file's chunks (1 MiB each, the last may be short), in order. */
  chunkBlocks(ordinal: number): Uint32Array;
  /** Pieces of which some byte lies in [start, end), whole, ascending by offset, none overlapping; everything between pieces is zero. */
  piecesIn(start: number, end: number): Piece[];
  /** `bytes` may be empty; `offset` is then 0. */
  readonly sections: { readonly offset: number; readonly count: number; readonly bytes: Buffer };
}
