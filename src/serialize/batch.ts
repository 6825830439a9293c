/** Makes batches from the plan alone. */

import { NID_BYTES } from "../image/constants.js";
import type { Piece } from "../plan/plan.js";
import { BatchBuilder, type Provided } from "./batch-builder.js";
import type { Batch, Earlier } from "./batch-format.js";
import type { MetadataEncoder } from "./encode-metadata.js";

/** Mostly enough for the inodes and names of a batch of files. */
const METADATA_BYTES = 16_384;

export interface MadeBatch {
  readonly batch: Batch;
  /** Content that it reads from files. */
  readonly sourceBytes: number;
}

export interface BatchSource {
  readonly earlier?: Earlier;
  readonly provided?: Provided;
}

/**
 * All that the plan says of a stretch.
 * @param start a segment's first byte
 * @param end a segment's or the image's end
 * @param pieces those that `piecesIn` gives for it
 */
export function makeBatch(
  encoder: MetadataEncoder,
  start: number,
  end: number,
  pieces: readonly Piece[],
  { earlier, provided }: BatchSource = {},
): MadeBatch {
  const builder = new BatchBuilder(encoder, start, end, METADATA_BYTES, provided);
  let done = start;
  for (const piece of pieces) {
    const from = Math.max(piece.offset, start);
    builder.zero(done, from);
    done = Math.min(piece.offset + piece.sizeBytes, end);
    addPiece(encoder, builder, piece, from, done);
  }
  builder.zero(done, end);
  if (start === 0) builder.put(encoder.superblock(), 0);
  return { batch: builder.finish(earlier), sourceBytes: builder.sourceBytes };
}

/** The part of a piece that lies in [from, to). */
export function addPiece(
  encoder: MetadataEncoder,
  builder: BatchBuilder,
  piece: Piece,
  from: number,
  to: number,
): void {
  const { kind, offset, ordinal, contentOffset } = piece;
  if (kind === "inodes") {
    addInodes(encoder, builder, piece.ordinals, from, to);
  } else if (kind === "sections") {
    const { sections } = encoder.plan;
    builder.put(sections.bytes.subarray(from - sections.offset, to - sections.offset), from);
  } else if (encoder.isFile(ordinal)) {
    builder.read(ordinal, contentOffset + from - offset, to - from, from);
  } else {
    const first = contentOffset + from - offset;
    builder.put(encoder.content(ordinal).subarray(first, first + to - from), from);
  }
}

function addInodes(
  encoder: MetadataEncoder,
  builder: BatchBuilder,
  ordinals: Uint32Array,
  from: number,
  to: number,
): void {
  const { nid, inlineBytes, inventory } = encoder.plan;
  // What lies between heads and tails.
  builder.zero(from, to);
  for (let index = firstInodeIn(encoder, ordinals, from); index < ordinals.length; index++) {
    const ordinal = ordinals[index] as number;
    const at = (nid[ordinal] as number) * NID_BYTES;
    if (at >= to) break;
    const headEnd = at + encoder.headBytes(ordinal);
    if (at >= from && headEnd <= to) {
      const offset = builder.reserve(at, headEnd);
      encoder.writeHead(ordinal, builder.bytes, offset);
    } else if (headEnd > from) {
      builder.put(encoder.head(ordinal), at);
    }
    const tailBytes = inlineBytes[ordinal] as number;
    if (tailBytes === 0 || headEnd < from || headEnd >= to) continue;
    if (encoder.isFile(ordinal)) {
      builder.read(ordinal, (inventory.contentBytes[ordinal] as number) - tailBytes, tailBytes, headEnd);
    } else {
      const offset = builder.reserve(headEnd, headEnd + tailBytes);
      encoder.writeTail(ordinal, builder.bytes, offset);
    }
  }
}

/** The index of the first inode of which some byte of the head may lie at or after `from`. */
function firstInodeIn(encoder: MetadataEncoder, ordinals: Uint32Array, from: number): number {
  let low = 0;
  for (let high = ordinals.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (encoder.inodeAt(ordinals[middle] as number) >= from) high = middle;
    else low = middle + 1;
  }
  // At most one head that began before reaches that far, since its blocks hold nothing else before its end.
  return Math.max(0, low - 1);
}
