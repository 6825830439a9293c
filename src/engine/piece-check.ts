/** Whether a piece of a library is what the plan says: everything but files' content, byte by byte. */

import { ok, type Result } from "../errors.js";
import { BLOCK_BYTES, CHECKSUM_OFFSET, SEGMENT_BYTES, UUID_BYTES, UUID_OFFSET } from "../image/constants.js";
import { BITMAP_BYTES, leafHashOf, type MerkleTree, zeroLeafHash } from "../image/merkle.js";
import { NATIVE_HEAD_BYTES } from "../link/native.js";
import { addon } from "../native/addon.js";
import type { Plan } from "../plan/plan.js";
import { makeBatch } from "../serialize/batch.js";
import { allBlocks } from "../serialize/block-masks.js";
import { MetadataEncoder } from "../serialize/encode-metadata.js";
import { type Target, writeErrno } from "../serialize/target.js";

/** As the serializer: a hole costs the file system an extent. */
const HOLE_MIN_BLOCKS = 4;
const PART_NUMBERS = 3;

export class PieceCheck {
  readonly #encoder: MetadataEncoder;
  readonly #merkle: MerkleTree;
  readonly #library: Target;
  /** Of one piece after the other: memory that is new each time costs more than the comparison. */
  #scratch: Buffer<ArrayBuffer> = Buffer.alloc(0);

  /**
   * @param library the file, new and of its full size, from its beginning
   * @param merkle receives the leaves
   */
  constructor(plan: Plan, library: Target, merkle: MerkleTree) {
    this.#encoder = new MetadataEncoder(plan);
    this.#library = library;
    this.#merkle = merkle;
  }

  /**
   * Writes a piece where it belongs, if it is right.
   * @param offset of the piece in the library, a multiple of a segment
   * @param bytes of the piece; holes may stay holes. The head, which needs the Merkle root, is not looked at
   * @returns false where something is not as planned: nothing was written. Errors: `no-space`, `io`
   */
  take(offset: number, bytes: Buffer): Result<boolean> {
    const start = Math.max(0, offset - NATIVE_HEAD_BYTES);
    const image = bytes.subarray(Math.max(0, NATIVE_HEAD_BYTES - offset));
    if (!this.#isAsPlanned(start, image)) return ok(false);
    for (let at = 0; at < image.length; at += SEGMENT_BYTES) {
      this.#setLeaf((start + at) / SEGMENT_BYTES, image.subarray(at, at + SEGMENT_BYTES));
    }
    const errno = addon.writeBlocks(this.#library.fd, this.#library.offset + offset, bytes, HOLE_MIN_BLOCKS);
    return errno === 0 ? ok(true) : { ok: false, error: writeErrno(errno) };
  }

  #isAsPlanned(start: number, image: Buffer): boolean {
    if (image.length === 0) return true;
    const { plan } = this.#encoder;
    const end = start + image.length;
    const { zeros, metadata, stretches, reads } = makeBatch(this.#encoder, start, end, plan.piecesIn(start, end)).batch;
    if (this.#scratch.length < image.length) this.#scratch = Buffer.allocUnsafeSlow(image.length);
    const expected = this.#scratch.subarray(0, image.length);
    image.copy(expected);
    const mask = allBlocks(maskFor(image), image.length);
    addon.placeBytes(expected, mask, zeros, metadata, stretches);
    // Files' content is another check's matter.
    for (let at = 0; at < reads.parts.length; at += PART_NUMBERS) {
      const size = reads.parts[at + 1] as number;
      const position = reads.parts[at + 2] as number;
      image.copy(expected, position, position, position + size);
    }
    if (start > 0) return expected.equals(image);
    // UUID and checksum, which are zero in what is expected, follow from the root: another check's matter, too.
    return expected.equals(unsealed(image));
  }

  #setLeaf(segment: number, bytes: Buffer): void {
    const open = segment === 0 ? unsealed(bytes) : bytes;
    const filled = allBlocks(maskFor(open), open.length);
    addon.clearZeroBlocks(filled, open);
    const isZero = filled.every((byte) => byte === 0);
    this.#merkle.setLeaf(segment, isZero ? zeroLeafHash(open.length) : leafHashOf(open, filled));
  }
}

const maskFor = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(Math.ceil(bytes.length / SEGMENT_BYTES) * BITMAP_BYTES);

/** A copy with UUID and checksum zero, as the Merkle tree has them (docs/format.md 1.3). @param bytes of block 0 at least */
function unsealed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length < BLOCK_BYTES) return copy;
  copy.fill(0, UUID_OFFSET, UUID_OFFSET + UUID_BYTES);
  copy.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
  return copy;
}
