/** Encodes block 0's fixed part: the binaryfs header (docs/format.md 1.1) and the EROFS superblock; seals it once the root is known. */

import type { LayoutName } from "../model.js";
import {
  BLOCK_BYTES,
  CHECKSUM_OFFSET,
  EROFS_MAGIC,
  FEATURE_COMPAT_MTIME,
  FEATURE_COMPAT_SB_CHKSUM,
  FEATURE_INCOMPAT_CHUNKED_FILE,
  HEADER_BYTES,
  HEADER_MAGIC,
  HEADER_VERSION,
  LAYOUT_NUMBER,
  ROOT_NID,
  ROOT_OFFSET,
  SECTION_ENTRY_BYTES,
  SEGMENT_BYTES,
  SUPER_OFFSET,
  UUID_BYTES,
  UUID_OFFSET,
} from "./constants.js";
import { crc32c } from "./crc32c.js";
import { writeUint64 } from "./encode-inode.js";

export interface ImageFacts {
  readonly layout: LayoutName;
  readonly sizeBytes: number;
  readonly inodeCount: number;
  readonly sectionTableOffset: number;
  readonly sectionCount: number;
  readonly hasChunkedFiles: boolean;
  /** Seconds since the epoch: SOURCE_DATE_EPOCH or 0. */
  readonly buildTime: number;
}

/** Bytes 0–1151 of an image, UUID and checksum zero. */
export function encodeSuperblock(facts: ImageFacts): Buffer {
  const out = Buffer.alloc(ROOT_OFFSET);
  out.write(HEADER_MAGIC, 0, "latin1");
  out.writeUInt32LE(HEADER_VERSION, 8);
  out.writeUInt32LE(HEADER_BYTES, 12);
  writeUint64(out, facts.sizeBytes, 16);
  writeUint64(out, facts.sectionTableOffset, 24);
  out.writeUInt32LE(facts.sectionCount, 32);
  out.writeUInt32LE(SECTION_ENTRY_BYTES, 36);
  out.writeUInt32LE(SEGMENT_BYTES, 40);
  out.writeUInt32LE(LAYOUT_NUMBER[facts.layout], 44);
  writeUint64(out, facts.inodeCount, 48);

  out.writeUInt32LE(EROFS_MAGIC, SUPER_OFFSET);
  out.writeUInt32LE(FEATURE_COMPAT_SB_CHKSUM | FEATURE_COMPAT_MTIME, SUPER_OFFSET + 8);
  out.writeUInt8(Math.log2(BLOCK_BYTES), SUPER_OFFSET + 12);
  out.writeUInt16LE(ROOT_NID, SUPER_OFFSET + 14);
  writeUint64(out, facts.inodeCount, SUPER_OFFSET + 16);
  writeUint64(out, facts.buildTime, SUPER_OFFSET + 24);
  out.writeUInt32LE(facts.sizeBytes / BLOCK_BYTES, SUPER_OFFSET + 36);
  out.writeUInt32LE(facts.hasChunkedFiles ? FEATURE_INCOMPAT_CHUNKED_FILE : 0, SUPER_OFFSET + 80);
  return out;
}

/** Puts UUID and checksum into a complete block 0 (4,096 bytes), in place. */
export function sealBlockZero(block: Buffer, merkleRoot: Buffer): void {
  merkleRoot.copy(block, UUID_OFFSET, 0, UUID_BYTES);
  block.writeUInt32LE(0, CHECKSUM_OFFSET);
  block.writeUInt32LE(crc32c(block.subarray(SUPER_OFFSET, BLOCK_BYTES)), CHECKSUM_OFFSET);
}
