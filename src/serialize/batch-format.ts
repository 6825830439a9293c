/** A batch: everything needed to write a few consecutive segments, cheap to hand to a thread. */

import type { Target } from "./target.js";

/** Files to read, as columns; positions are bytes from the batch's start. */
export interface Reads {
  readonly paths: Uint8Array<ArrayBuffer>;
  /** Path k is `paths[pathEnd[k - 1] … pathEnd[k]]`. */
  readonly pathEnd: Uint32Array<ArrayBuffer>;
  /** `STAT_WORDS` words a file: what selection saw. */
  readonly stats: Uint32Array<ArrayBuffer>;
  /** Six values a file: two parts, each an offset in the file, a size and a position; a part of size 0 is absent. */
  readonly parts: Float64Array<ArrayBuffer>;
}

/** The earlier image of a batch that changes one. */
export interface Earlier extends Target {
  readonly sizeBytes: number;
  /** `keep`: the batch replaces parts of the earlier bytes. `replace`: it says all of them. */
  readonly use: "keep" | "replace";
}

/** Made in this order: zeros (or the earlier bytes), `zeros`, `stretches`, `reads`. */
export interface Batch {
  readonly firstSegment: number;
  /** Bytes of the image from the first segment's start. */
  readonly sizeBytes: number;
  /** Two values a stretch of zeros: its position and its size. Without an earlier image they cover all that nothing else fills. */
  readonly zeros: Float64Array<ArrayBuffer>;
  /** Metadata, one stretch after another. */
  readonly metadata: Uint8Array<ArrayBuffer>;
  /** Two values a stretch: its position and its size. */
  readonly stretches: Float64Array<ArrayBuffer>;
  readonly reads: Reads;
  /** Present: only blocks that differ from it are written. */
  readonly earlier?: Earlier;
}

export interface BatchOutcome {
  readonly firstSegment: number;
  /** 32 bytes a segment, the Merkle leaves. */
  readonly leaves: Uint8Array<ArrayBuffer>;
  /** With an earlier image: bit k of byte k >> 3 is set where block k differs from it, so was written or punched. */
  readonly changed?: Uint8Array<ArrayBuffer>;
  /** Blocks of those that were punched. */
  readonly punchedBlocks?: number;
}
