/** The Merkle tree over an image's segments (docs/format.md 1.3); after a change only the paths to changed leaves are hashed again. */

import { createHash } from "node:crypto";

const HASH_BYTES = 32;
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const ROOT = Buffer.from([2]);

/** SHA-256 of one segment's bytes as a leaf; of segment 0 with UUID and checksum zero. */
export const leafHash = (segment: Uint8Array): Buffer => createHash("sha256").update(LEAF).update(segment).digest();

export class MerkleTree {
  readonly #levels: Buffer[] = [];
  readonly #dirty = new Set<number>();

  /** @param leafCount number of segments, at least 1; every leaf must be set before `root` means anything */
  constructor(leafCount: number) {
    for (let count = leafCount; ; count = Math.ceil(count / 2)) {
      this.#levels.push(Buffer.alloc(count * HASH_BYTES));
      if (count <= 1) break;
    }
  }

  setLeaf(index: number, hash: Uint8Array): void {
    (this.#levels[0] as Buffer).set(hash, index * HASH_BYTES);
    this.#dirty.add(index);
  }

  /** @param imageBytes size of the image, which the root covers too */
  root(imageBytes: number): Buffer {
    let dirty: Set<number> = new Set(this.#dirty);
    this.#dirty.clear();
    for (let level = 1; level < this.#levels.length; level++) {
      const parents = new Set<number>();
      for (const index of dirty) parents.add(index >>> 1);
      for (const parent of parents) this.#rehash(level, parent);
      dirty = parents;
    }
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(imageBytes));
    return createHash("sha256")
      .update(ROOT)
      .update(size)
      .update(this.#levels.at(-1) as Buffer)
      .digest();
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
