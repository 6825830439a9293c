/** Recomputes everything that a library claims about itself. */

import { ok, type Result } from "../errors.js";
import { CHECKSUM_OFFSET, SEGMENT_BYTES, UUID_BYTES, UUID_OFFSET } from "../image/constants.js";
import type { ByteSource } from "../image/decode-source.js";
import { leafHash, MerkleTree } from "../image/merkle.js";
import { libraryDigest } from "./library-digest.js";
import type { OpenImage } from "./open-image.js";
import { type Problem, verifyStructure } from "./verify-structure.js";

export interface Verification {
  /** Library digest over the recomputed Merkle root, 64 hex digits. */
  readonly digest: string;
  readonly merkleRoot: Buffer;
  readonly segments: number;
  readonly inodes: number;
  readonly entries: number;
  /** Empty: the library is what it says. */
  readonly problems: readonly Problem[];
}

/** @param onProgress segments hashed so far, of all */
export function verify(image: OpenImage, onProgress?: (done: number, total: number) => void): Result<Verification> {
  const { library, view } = image;
  const problems: Problem[] = [];
  const root = computeMerkleRoot(view.source, onProgress);
  if (!root.ok) return root;
  const { superblock } = view;
  if (!root.value.equals(library.merkleRoot)) {
    problems.push({
      detail: `Merkle root is ${root.value.toString("hex")}, the note says ${library.merkleRoot.toString("hex")}`,
    });
  }
  if (!root.value.subarray(0, UUID_BYTES).equals(superblock.uuid))
    problems.push({ detail: "UUID does not come from the Merkle root" });
  if (superblock.checksum !== superblock.computedChecksum) problems.push({ detail: "superblock checksum" });
  const structure = verifyStructure(view);
  if (!structure.ok) return structure;
  const digest = libraryDigest(library, root.value);
  if (!digest.ok) return digest;
  return ok({
    digest: digest.value,
    merkleRoot: root.value,
    segments: Math.ceil(view.source.sizeBytes / SEGMENT_BYTES),
    inodes: structure.value.inodes,
    entries: structure.value.entries,
    problems: [...problems, ...structure.value.problems],
  });
}

/** docs/format.md 1.3, from the bytes alone. */
export function computeMerkleRoot(
  source: ByteSource,
  onProgress?: (done: number, total: number) => void,
): Result<Buffer> {
  const total = Math.ceil(source.sizeBytes / SEGMENT_BYTES);
  const tree = new MerkleTree(total);
  for (let index = 0; index < total; index++) {
    const start = index * SEGMENT_BYTES;
    const segment = source.read(start, Math.min(SEGMENT_BYTES, source.sizeBytes - start));
    if (!segment.ok) return segment;
    tree.setLeaf(index, leafHash(index === 0 ? withoutSeal(segment.value) : segment.value));
    onProgress?.(index + 1, total);
  }
  return ok(tree.root(source.sizeBytes));
}

/** The two fields that follow from the root read as zeros. */
function withoutSeal(segment: Buffer): Buffer {
  const copy = Buffer.from(segment);
  copy.fill(0, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
  copy.fill(0, UUID_OFFSET, UUID_OFFSET + UUID_BYTES);
  return copy;
}
