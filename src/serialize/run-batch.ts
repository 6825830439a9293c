/** Carries out a batch: makes its bytes, hashes its segments, writes what must be written. The serial reference and the threads both run this. */

import { type BinaryfsError, ok, type Result } from "../errors.js";
import { SEGMENT_BYTES } from "../image/constants.js";
import { HASH_BYTES, leafHash, zeroLeafHash } from "../image/merkle.js";
import { addon } from "../native/addon.js";
import type { Batch, BatchOutcome, Earlier } from "./batch-format.js";
import { changedBlocks, writeChanged } from "./changed-blocks.js";
import { readBytes, readErrno, type Target, writeErrno } from "./target.js";

/** Shorter stretches of zeros are written: a hole costs the file system an extent. */
const HOLE_MIN_BLOCKS = 4;
const ZERO_SEGMENT = Buffer.alloc(SEGMENT_BYTES);

/** Two buffers a thread, grown to the largest batch. */
let imageScratch = Buffer.alloc(0);
let earlierScratch = Buffer.alloc(0);

const enough = (buffer: Buffer<ArrayBuffer>, sizeBytes: number): Buffer<ArrayBuffer> =>
  buffer.length < sizeBytes ? Buffer.allocUnsafeSlow(sizeBytes) : buffer;

/** Errors: `input-changed` (a file is not what selection saw), `unreadable`, `no-space`, `io` */
export function runBatch(batch: Batch, target: Target): Result<BatchOutcome> {
  imageScratch = enough(imageScratch, batch.sizeBytes);
  const image = imageScratch.subarray(0, batch.sizeBytes);
  const before = batch.earlier === undefined ? ok(undefined) : readEarlier(batch, batch.earlier);
  if (!before.ok) return before;
  if (batch.earlier?.use === "keep") before.value?.copy(image);
  fillZeros(batch, image);
  placeMetadata(batch, image);
  const unread = readFiles(batch, image);
  if (unread !== undefined) return { ok: false, error: unread };
  return before.value === undefined ? writeNew(batch, image, target) : writeOver(batch, before.value, image, target);
}

/** The earlier image's bytes of the batch, zeros after its end. */
function readEarlier({ firstSegment, sizeBytes }: Batch, earlier: Earlier): Result<Buffer> {
  earlierScratch = enough(earlierScratch, sizeBytes);
  const start = firstSegment * SEGMENT_BYTES;
  const there = Math.min(sizeBytes, Math.max(0, earlier.sizeBytes - start));
  const read = readBytes(earlierScratch.subarray(0, there), start, earlier);
  return read.ok ? ok(earlierScratch.subarray(0, sizeBytes).fill(0, there)) : read;
}

function fillZeros({ zeros }: Batch, image: Buffer): void {
  for (let row = 0; row < zeros.length; row += 2) {
    const from = zeros[row] as number;
    image.fill(0, from, from + (zeros[row + 1] as number));
  }
}

function placeMetadata({ metadata, stretches }: Batch, image: Buffer): void {
  let from = 0;
  for (let row = 0; row < stretches.length; row += 2) {
    const sizeBytes = stretches[row + 1] as number;
    image.set(metadata.subarray(from, from + sizeBytes), stretches[row] as number);
    from += sizeBytes;
  }
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
function writeNew({ firstSegment, empty }: Batch, image: Buffer, target: Target): Result<BatchOutcome> {
  const leaves = new Uint8Array(empty.length * HASH_BYTES);
  for (let segment = 0; segment < empty.length; segment++) {
    const bytes = image.subarray(segment * SEGMENT_BYTES, (segment + 1) * SEGMENT_BYTES);
    const isZero = empty[segment] === 1 || isZeroSegment(bytes);
    leaves.set(isZero ? zeroLeafHash(bytes.length) : leafHash(bytes), segment * HASH_BYTES);
    if (isZero) continue;
    const position = target.offset + (firstSegment + segment) * SEGMENT_BYTES;
    const errno = addon.writeBlocks(target.fd, position, bytes, HOLE_MIN_BLOCKS);
    if (errno !== 0) return { ok: false, error: writeErrno(errno) };
  }
  return ok({ firstSegment, leaves });
}

/** Large sparse files are mostly segments of zeros. */
const isZeroSegment = (bytes: Buffer): boolean => bytes.compare(ZERO_SEGMENT, 0, bytes.length) === 0;

function writeOver(batch: Batch, before: Buffer, image: Buffer, target: Target): Result<BatchOutcome> {
  const { firstSegment, empty } = batch;
  const leaves = new Uint8Array(empty.length * HASH_BYTES);
  for (let segment = 0; segment < empty.length; segment++) {
    leaves.set(leafHash(image.subarray(segment * SEGMENT_BYTES, (segment + 1) * SEGMENT_BYTES)), segment * HASH_BYTES);
  }
  const changed = changedBlocks(before, image);
  const written = writeChanged(image, changed, firstSegment * SEGMENT_BYTES, target);
  return written.ok ? ok({ firstSegment, leaves, changed, punchedBlocks: written.value }) : written;
}
