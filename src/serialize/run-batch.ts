/** Carries out a batch: reads its files, hashes its segments, writes what is not zero. The serial reference and the threads both run this. */

import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, SEGMENT_BYTES } from "../image/constants.js";
import { leafHash } from "../image/merkle.js";
import { type Batch, type Reads, STAT_KEY_FIELDS } from "./batch-format.js";

/** Where the image goes: an open descriptor (for reading and writing) and the image's first byte in it. */
export interface Target {
  readonly fd: number;
  readonly offset: number;
}

// Not followed: a symlink put in a file's place is a change. Not blocking: so is a fifo.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const HASH_BYTES = 32;
/** Shorter stretches of zeros are written: a hole costs the file system an extent. */
const HOLE_MIN_BLOCKS = 4;
/**
 * One block a write: a larger one makes the kernel cache it in a large folio, contiguous memory that a virtual machine may have given back to its host. Measured for 830 MB,
 * two threads: 1.7–1.8 s with 4 KiB, 1.7–4.1 s with 16 KiB to 128 KiB; the calls themselves cost 0.2 s.
 */
const WRITE_BYTES = BLOCK_BYTES;
const ZERO_SEGMENT = Buffer.alloc(SEGMENT_BYTES);
const ZERO_BLOCK = ZERO_SEGMENT.subarray(0, BLOCK_BYTES);

/** One buffer a thread, grown to the largest batch. */
let scratch = Buffer.alloc(0);

/**
 * @returns 32 bytes a segment, the Merkle leaves
 * Errors: `input-changed` (a file is not what selection saw), `unreadable`, `no-space`, `io`
 */
export function runBatch(batch: Batch, target: Target): Result<Uint8Array<ArrayBuffer>> {
  if (scratch.length < batch.sizeBytes) scratch = Buffer.allocUnsafeSlow(batch.sizeBytes);
  const image = scratch.subarray(0, batch.sizeBytes).fill(0);
  placeMetadata(batch, image);
  const error = readFiles(batch.reads, image) ?? writeSegments(image, batch.firstSegment * SEGMENT_BYTES, target);
  if (error !== undefined) return { ok: false, error };
  const segments = Math.ceil(image.length / SEGMENT_BYTES);
  const leaves = new Uint8Array(segments * HASH_BYTES);
  for (let segment = 0; segment < segments; segment++) {
    const bytes = image.subarray(segment * SEGMENT_BYTES, (segment + 1) * SEGMENT_BYTES);
    leaves.set(hashSegment(bytes), segment * HASH_BYTES);
  }
  return ok(leaves);
}

let zeroLeaf: Buffer | undefined;

/** Large sparse files are mostly segments of zeros: these are hashed once. */
function hashSegment(bytes: Buffer): Buffer {
  if (!bytes.equals(ZERO_SEGMENT)) return leafHash(bytes);
  zeroLeaf ??= leafHash(ZERO_SEGMENT);
  return zeroLeaf;
}

function placeMetadata({ metadata, stretches }: Batch, image: Buffer): void {
  let from = 0;
  for (let row = 0; row < stretches.length; row += 2) {
    const sizeBytes = stretches[row + 1] as number;
    image.set(metadata.subarray(from, from + sizeBytes), stretches[row] as number);
    from += sizeBytes;
  }
}

function readFiles({ paths, pathEnd, statKeys, parts }: Reads, image: Buffer): BinaryfsError | undefined {
  const pathBytes = Buffer.from(paths.buffer, paths.byteOffset, paths.byteLength);
  const keyFields = STAT_KEY_FIELDS.length;
  let start = 0;
  for (let row = 0; row < pathEnd.length; row++) {
    const end = pathEnd[row] as number;
    const path = pathBytes.subarray(start, end);
    start = end;
    const key = statKeys.subarray(row * keyFields, (row + 1) * keyFields);
    const error = readFile(path, parts.subarray(row * 6, row * 6 + 6), key, image);
    if (error !== undefined) return error;
  }
  return undefined;
}

/**
 * The stat key is compared after reading: it is the one that selection saw, so nothing changed in between (as far as
 * timestamps tell).
 */
function readFile(path: Buffer, parts: Float64Array, key: BigInt64Array, image: Buffer): BinaryfsError | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, OPEN_FLAGS);
    const complete = readPart(fd, parts, 0, image) && readPart(fd, parts, 3, image);
    const { dev, ino, size, mtimeNs, ctimeNs, mode } = fstatSync(fd, { bigint: true });
    const unchanged =
      asKey(dev) === key[0] &&
      asKey(ino) === key[1] &&
      size === key[2] &&
      mtimeNs === key[3] &&
      ctimeNs === key[4] &&
      mode === key[5];
    return complete && unchanged ? undefined : fail("input-changed", { path: Buffer.from(path) }).error;
  } catch (cause) {
    return readError(path, cause);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Device and inode numbers are unsigned; the column is not. */
const asKey = (value: bigint): bigint => BigInt.asIntN(64, value);

/** False when the file ends too early. */
function readPart(fd: number, parts: Float64Array, first: number, image: Buffer): boolean {
  let from = parts[first] as number;
  let rest = parts[first + 1] as number;
  let position = parts[first + 2] as number;
  while (rest > 0) {
    const got = readSync(fd, image, position, rest, from);
    if (got === 0) return false;
    from += got;
    rest -= got;
    position += got;
  }
  return true;
}

function readError(path: Buffer, cause: unknown): BinaryfsError {
  const errno = errnoOf(cause);
  const facts = { path: Buffer.from(path), detail: errno };
  if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ESTALE"].includes(errno)) return fail("input-changed", facts).error;
  if (["EACCES", "EPERM"].includes(errno)) return fail("unreadable", facts).error;
  return fail("io", facts).error;
}

const errnoOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? String(cause);

/** Writes everything but longer stretches of zero blocks, which stay holes of the target. */
function writeSegments(image: Buffer, imageOffset: number, target: Target): BinaryfsError | undefined {
  const isZero = (start: number): boolean => {
    const end = Math.min(start + BLOCK_BYTES, image.length);
    return image.compare(ZERO_BLOCK, 0, end - start, start, end) === 0;
  };
  try {
    let start = 0;
    let zeros = 0;
    for (let at = 0; at < image.length; at += BLOCK_BYTES) {
      if (isZero(at)) {
        zeros++;
        continue;
      }
      if (zeros >= HOLE_MIN_BLOCKS) {
        writeFully(image.subarray(start, at - zeros * BLOCK_BYTES), imageOffset + start, target);
        start = at;
      }
      zeros = 0;
    }
    writeFully(image.subarray(start, image.length - zeros * BLOCK_BYTES), imageOffset + start, target);
    return undefined;
  } catch (cause) {
    return writeError(cause);
  }
}

/** Writes all bytes. Errors: `no-space`, `io`. */
export function writeBytes(bytes: Uint8Array, imageOffset: number, target: Target): Result<void> {
  try {
    return ok(writeFully(bytes, imageOffset, target));
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
}

function writeFully(bytes: Uint8Array, imageOffset: number, target: Target): void {
  for (let done = 0; done < bytes.length; ) {
    const size = Math.min(bytes.length - done, WRITE_BYTES);
    done += writeSync(target.fd, bytes, done, size, target.offset + imageOffset + done);
  }
}

export function writeError(cause: unknown): BinaryfsError {
  const detail = errnoOf(cause);
  return fail(["ENOSPC", "EDQUOT", "EFBIG"].includes(detail) ? "no-space" : "io", { detail, cause }).error;
}
