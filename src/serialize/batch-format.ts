/** A batch: everything needed to write a few consecutive segments, cheap to hand to a thread. */

/** Files to read, as columns; positions are bytes from the batch's start. */
export interface Reads {
  readonly paths: Uint8Array;
  /** Path k is `paths[pathEnd[k - 1] … pathEnd[k]]`. */
  readonly pathEnd: Uint32Array;
  /** Six values a file, in the order of `STAT_KEY_FIELDS`. */
  readonly statKeys: BigInt64Array;
  /** Six values a file: two parts, each an offset in the file, a size and a position; a part of size 0 is absent. */
  readonly parts: Float64Array;
}

export const STAT_KEY_FIELDS = ["dev", "ino", "sizeBytes", "mtimeNs", "ctimeNs", "mode"] as const;

export interface Batch {
  readonly firstSegment: number;
  /** Bytes of the image from the first segment's start. */
  readonly sizeBytes: number;
  /** Metadata, one stretch after another. */
  readonly metadata: Uint8Array;
  /** Two values a stretch: its position and its size. */
  readonly stretches: Float64Array;
  readonly reads: Reads;
}
