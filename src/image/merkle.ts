/** The Merkle tree over an image's segments (docs/format.md 1.3); after a change only the paths to changed leaves are hashed again. */

import { createHash } from "node:crypto";
import { BLOCK_BYTES, SEGMENT_BYTES } from "./constants.js";

export const HASH_BYTES = 32;
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const ROOT = Buffer.from([2]);

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);
/** Of the bitmap that says which of a segment's blocks are not all zero. */
export const BITMAP_BYTES = SEGMENT_BYTES / BLOCK_BYTES / 8;

/**
 * One segment's leaf: SHA-256 over which of its blocks are not zero, and those blocks. What is empty costs no hashing.
 * @param segment at most 1 MiB; of segment 0 with UUID and checksum zero
 */
export const leafHash = (segment: Uint8Array): Buffer => leafHashOf(segment, filledBlocks(segment));

/**
 * As leafHash, where it is known which blocks are not all zero; others are not looked at.
 * @param filled `BITMAP_BYTES`: bit k & 7 of byte k >> 3 is set for block k
 */
export function leafHashOf(segment: Uint8Array, filled: Uint8Array): Buffer {
  const hash = createHash("sha256").update(LEAF).update(filled);
  const blocks = Math.ceil(segment.length / BLOCK_BYTES);
  for (let block = 0; block < blocks; block++) {
    const first = block;
    while (block < blocks && (((filled[block >> 3] as number) >> (block & 7)) & 1) === 1) block++;
    if (block > first) hash.update(segment.subarray(first * BLOCK_BYTES, block * BLOCK_BYTES));
  }
  return hash.digest();
}

function filledBlocks(segment: Uint8Array): Uint8Array {
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength);
  const bitmap = new Uint8Array(BITMAP_BYTES);
  for (let at = 0, block = 0; at < bytes.length; at += BLOCK_BYTES, block++) {
    if (isZero(bytes, at, Math.min(at + BLOCK_BYTES, bytes.length))) continue;
    bitmap[block >> 3] = (bitmap[block >> 3] as number) | (1 << (block & 7));
  }
  return bitmap;
}

/** Most blocks show at their first bytes that they are not. */
const isZero = (bytes: Buffer, start: number, end: number): boolean =>
  ((bytes[start] as number) | (bytes[start + 1] ?? 0) | (bytes[start + 2] ?? 0)) === 0 &&
  bytes.compare(ZERO_BLOCK, 0, end - start, start, end) === 0;

let zeroLeaf: Buffer | undefined;

/** The leaf of a segment of zeros, hashed once where it is a whole one. */
export function zeroLeafHash(sizeBytes: number): Buffer {
  if (sizeBytes !== SEGMENT_BYTES) return leafHash(Buffer.alloc(sizeBytes));
  zeroLeaf ??= leafHash(Buffer.alloc(SEGMENT_BYTES));
  return zeroLeaf;
}

/** Nodes a level, from the leaves to the top. */
function levelCounts(leafCount: number): number[] {
  const counts = [leafCount];
  for (let count = leafCount; count > 1; ) {
    count = Math.ceil(count / 2);
    counts.push(count);
  }
  return counts;
}

export class MerkleTree {
  readonly #levels: readonly Buffer[];
  readonly #dirty = new Set<number>();

  /** @param leafCount number of segments, at least 1; every leaf must be set before `root` means anything */
  constructor(leafCount: number) {
    this.#levels = levelCounts(leafCount).map((count) => Buffer.alloc(count * HASH_BYTES));
  }

  get leafCount(): number {
    return (this.#levels[0] as Buffer).length / HASH_BYTES;
  }

  setLeaf(index: number, hash: Uint8Array): void {
    (this.#levels[0] as Buffer).set(hash, index * HASH_BYTES);
    this.#dirty.add(index);
  }

  /** A tree of `leafCount` leaves that begins with this one's; leaves beyond it must be set. This one stays as it is. */
  resized(leafCount: number): MerkleTree {
    const copy = new MerkleTree(leafCount);
    for (const [level, bytes] of copy.#levels.entries()) this.#levels[level]?.copy(bytes);
    for (const index of this.#dirty) if (index < leafCount) copy.#dirty.add(index);
    // Nodes above the old end cover other leaves now, and the last may have lost or got a right neighbour.
    if (leafCount !== this.leafCount) copy.#dirty.add(Math.min(leafCount, this.leafCount) - 1).add(leafCount - 1);
    return copy;
  }

  /** @param imageBytes size of the image, which the root covers too */
  root(imageBytes: number): Buffer {
    this.#settle();
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(imageBytes));
    return createHash("sha256")
      .update(ROOT)
      .update(size)
      .update(this.#levels.at(-1) as Buffer)
      .digest();
  }

  /** All levels, for `fromBytes`. */
  toBytes(): Buffer {
    this.#settle();
    return Buffer.concat(this.#levels);
  }

  /** @returns undefined where the bytes are not those of a tree with so many leaves; whether the hashes are right is not looked at */
  static fromBytes(bytes: Uint8Array, leafCount: number): MerkleTree | undefined {
    if (!Number.isSafeInteger(leafCount) || leafCount < 1) return undefined;
    const tree = new MerkleTree(leafCount);
    if (bytes.length !== tree.#levels.reduce((sum, level) => sum + level.length, 0)) return undefined;
    let at = 0;
    for (const level of tree.#levels) {
      level.set(bytes.subarray(at, at + level.length));
      at += level.length;
    }
    return tree;
  }

  #settle(): void {
    let dirty: Set<number> = new Set(this.#dirty);
    this.#dirty.clear();
    for (let level = 1; level < this.#levels.length; level++) {
      const parents = new Set<number>();
      for (const index of dirty) parents.add(index >>> 1);
      for (const parent of parents) this.#rehash(level, parent);
      dirty = parents;
    }
  }

  #rehash(level: number, index: number): void {
    const below = this.#levels[level - 1] as Buffer;
    const left = 2 * index * HASH_BYTES;
    const pair = below.subarray(left, left + 2 * HASH_BYTES);
    // A node without a right neighbour moves up unchanged.
    const hash = pair.length === HASH_BYTES ? pair : createHash("sha256").update(NODE).update(pair).digest();
    (this.#levels[level] as Buffer).set(hash, index * HASH_BYTES);
  }
}
