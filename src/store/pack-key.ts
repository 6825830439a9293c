/** Identity of a pack: several contents that are stored as one. */

import { createHash } from "node:crypto";

const TAG = "binaryfs pack 1\0";

/**
 * The pack's blob is the members' contents, one after another.
 * @param members sizes in bytes, and SHA-256 of each content
 * @returns 32 bytes
 */
export function packKey(members: readonly { readonly sizeBytes: number; readonly sha256: Buffer }[]): Buffer {
  const hash = createHash("sha256").update(TAG);
  const size = Buffer.alloc(8);
  for (const { sizeBytes, sha256 } of members) {
    size.writeBigUInt64LE(BigInt(sizeBytes));
    hash.update(size).update(sha256);
  }
  return hash.digest();
}
