/** Makes the batch that patches a segment of the earlier image. */

import { BLOCK_BYTES, roundUp, SEGMENT_BYTES } from "../image/constants.js";
import type { SegmentChange } from "../plan/changes.js";
import { addPiece, type BatchSource, type MadeBatch } from "./batch.js";
import { BatchBuilder } from "./batch-builder.js";
import type { MetadataEncoder } from "./encode-metadata.js";

/** Enough for a few inodes. */
const METADATA_BYTES = 8192;

export function makePatch(
  encoder: MetadataEncoder,
  change: SegmentChange,
  { earlier, provided }: BatchSource,
): MadeBatch {
  const { plan } = encoder;
  const start = change.segment * SEGMENT_BYTES;
  const end = Math.min(start + SEGMENT_BYTES, plan.sizeBytes);
  const builder = new BatchBuilder(encoder, start, end, METADATA_BYTES, provided);
  for (const [from, to] of change.vacated) builder.zero(from, to);
  for (const ordinal of change.inodes) {
    builder.put(encoder.head(ordinal), encoder.inodeAt(ordinal));
    if (!encoder.isFile(ordinal)) addTail(encoder, builder, ordinal);
  }
  addContents(encoder, builder, new Set(change.contents));
  if (start === 0) builder.put(encoder.superblock(), 0);
  return { batch: builder.finish(earlier), sourceBytes: builder.sourceBytes };
}

function addContents(encoder: MetadataEncoder, builder: BatchBuilder, contents: ReadonlySet<number>): void {
  if (contents.size === 0) return;
  for (const ordinal of contents) addTail(encoder, builder, ordinal);
  const { start, end } = builder;
  for (const piece of encoder.plan.piecesIn(start, end)) {
    if (piece.kind !== "content" || !contents.has(piece.ordinal)) continue;
    const pieceEnd = piece.offset + piece.sizeBytes;
    const to = Math.min(pieceEnd, end);
    addPiece(encoder, builder, piece, Math.max(piece.offset, start), to);
    // What was longer ended in the same block.
    builder.zero(to, Math.min(roundUp(to, BLOCK_BYTES), end));
  }
}

/** The inline tail, where it lies in the batch: a tail never straddles a block. */
function addTail(encoder: MetadataEncoder, builder: BatchBuilder, ordinal: number): void {
  const { inlineBytes, inventory } = encoder.plan;
  const bytes = inlineBytes[ordinal] as number;
  const at = encoder.inodeAt(ordinal) + encoder.headBytes(ordinal);
  if (bytes === 0 || at < builder.start || at >= builder.end) return;
  if (encoder.isFile(ordinal)) {
    builder.read(ordinal, (inventory.contentBytes[ordinal] as number) - bytes, bytes, at);
    return;
  }
  const tail = Buffer.alloc(bytes);
  encoder.writeTail(ordinal, tail, 0);
  builder.put(tail, at);
}
