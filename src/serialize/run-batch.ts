/** Carries out a batch: makes its bytes, hashes its segments, writes what must be written. The serial reference and the threads both run this. */

import { type BinaryfsError, ok, type Result } from "../errors.js";
import { SEGMENT_BYTES } from "../image/constants.js";
import { BITMAP_BYTES, HASH_BYTES, leafHashOf, zeroLeafHash } from "../image/merkle.js";
import { addon } from "../native/addon.js";
import type { Batch, BatchOutcome, Earlier } from "./batch-format.js";
import { allBlocks, forEachRun, writeChanged } from "./block-masks.js";
import { readBytes, readErrno, type Target, writeErrno } from "./target.js";

/** Shorter stretches of zeros are written: a hole costs the file system an extent. */
const HOLE_MIN_BLOCKS = 4;
const NO_PARTS = new Float64Array(0);

/** Two buffers a thread, grown to the largest batch. */
let imageScratch = Buffer.alloc(0);
let earlierScratch = Buffer.alloc(0);

const enough = (buffer: Buffer<ArrayBuffer>, sizeBytes: number): Buffer<ArrayBuffer> =>
  buffer.length < sizeBytes ? Buffer.allocUnsafeSlow(sizeBytes) : buffer;

/** Errors: `input-changed` (a file is not what selection saw), `unreadable`, `no-space`, `io` */
export function runBatch(batch: Batch, target: Target): Result<BatchOutcome> {
  imageScratch = enough(imageScratch, batch.sizeBytes);
  const image = imageScratch.subarray(0, batch.sizeBytes);
  return batch.earlier === undefined ? runNew(batch, image, target) : runOver(batch, batch.earlier, image, target);
}

const maskFor = (batch: Batch): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Math.ceil(batch.sizeBytes / SEGMENT_BYTES) * BITMAP_BYTES);

/** Blocks of which the batch says nothing are never touched, nor hashed or written: they hold what another batch left. */
function runNew(batch: Batch, image: Buffer, target: Target): Result<BatchOutcome> {
  const { zeros, metadata, stretches, reads, sizeBytes } = batch;
  const filled = maskFor(batch);
  addon.markBlocks(filled, sizeBytes, stretches, reads.parts);
  addon.placeBytes(image, filled, zeros, metadata, stretches);
  const unread = readFiles(batch, image);
  if (unread !== undefined) return { ok: false, error: unread };
  addon.clearZeroBlocks(filled, image);
  return writeNew(batch, image, filled, target);
}

function readFiles({ reads }: Batch, image: Buffer): BinaryfsError | undefined {
  const { paths, pathEnd, stats, parts } = reads;
  if (pathEnd.length === 0) return undefined;
  const failure = addon.readFiles(paths, pathEnd, stats, parts, image);
  if (failure === undefined) return undefined;
  const { index, errno } = failure;
  return readErrno(paths.subarray(index === 0 ? 0 : pathEnd[index - 1], pathEnd[index]), errno);
}

/** A segment at a time, so that the second look at its bytes finds them in the processor's cache. */
function writeNew(
  { firstSegment, sizeBytes }: Batch,
  image: Buffer,
  filled: Uint8Array,
  target: Target,
): Result<BatchOutcome> {
  const leaves = new Uint8Array((filled.length / BITMAP_BYTES) * HASH_BYTES);
  for (let segment = 0; segment * SEGMENT_BYTES < sizeBytes; segment++) {
    const bytes = image.subarray(segment * SEGMENT_BYTES, (segment + 1) * SEGMENT_BYTES);
    const bitmap = bitmapOf(filled, segment);
    const isZero = bitmap.every((byte) => byte === 0);
    leaves.set(isZero ? zeroLeafHash(bytes.length) : leafHashOf(bytes, bitmap), segment * HASH_BYTES);
    // The target has zeros already.
    if (isZero) continue;
    const position = target.offset + (firstSegment + segment) * SEGMENT_BYTES;
    const errno = addon.writeMasked(target.fd, position, bytes, bitmap, HOLE_MIN_BLOCKS);
    if (errno !== 0) return { ok: false, error: writeErrno(errno) };
  }
  return ok({ firstSegment, leaves });
}

const bitmapOf = (mask: Uint8Array, segment: number): Uint8Array =>
  mask.subarray(segment * BITMAP_BYTES, (segment + 1) * BITMAP_BYTES);

function runOver(batch: Batch, earlier: Earlier, image: Buffer, target: Target): Result<BatchOutcome> {
  const { firstSegment, sizeBytes, zeros, metadata, stretches, reads } = batch;
  earlierScratch = enough(earlierScratch, sizeBytes);
  const before = earlierScratch.subarray(0, sizeBytes);
  const isKept = earlier.use === "keep";
  const read = readEarlier(batch, earlier, isKept ? image : before);
  if (!read.ok) return read;
  const changed = maskFor(batch);
  if (isKept) {
    addon.markBlocks(changed, sizeBytes, stretches, reads.parts);
    addon.markBlocks(changed, sizeBytes, zeros, NO_PARTS);
    forEachRun(changed, (start, end) => void image.copy(before, start, start, end));
  } else {
    allBlocks(changed, sizeBytes);
  }
  addon.placeBytes(image, changed, zeros, metadata, stretches);
  const unread = readFiles(batch, image);
  if (unread !== undefined) return { ok: false, error: unread };
  addon.clearSameBlocks(changed, before, image);
  const filled = allBlocks(maskFor(batch), sizeBytes);
  addon.clearZeroBlocks(filled, image);
  const leaves = new Uint8Array((filled.length / BITMAP_BYTES) * HASH_BYTES);
  for (let segment = 0; segment * SEGMENT_BYTES < sizeBytes; segment++) {
    const bytes = image.subarray(segment * SEGMENT_BYTES, (segment + 1) * SEGMENT_BYTES);
    leaves.set(leafHashOf(bytes, bitmapOf(filled, segment)), segment * HASH_BYTES);
  }
  const written = writeChanged(image, changed, filled, firstSegment * SEGMENT_BYTES, target);
  return written.ok ? ok({ firstSegment, leaves, changed, punchedBlocks: written.value }) : written;
}

/** The earlier image's bytes of the batch, zeros after its end. */
function readEarlier({ firstSegment, sizeBytes }: Batch, earlier: Earlier, out: Buffer): Result<void> {
  const start = firstSegment * SEGMENT_BYTES;
  const there = Math.min(sizeBytes, Math.max(0, earlier.sizeBytes - start));
  const read = readBytes(out.subarray(0, there), start, earlier);
  if (read.ok) out.fill(0, there);
  return read;
}
