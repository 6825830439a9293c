/** Decodes and validates what block 0 says about the whole image: binaryfs header and EROFS superblock (docs/format.md 1). */

import { fail, ok, type Result } from "../errors.js";
import type { LayoutName } from "../model.js";
import {
  BLOCK_BYTES,
  CHECKSUM_OFFSET,
  EROFS_MAGIC,
  FEATURE_INCOMPAT_CHUNKED_FILE,
  HEADER_BYTES,
  HEADER_MAGIC,
  HEADER_VERSION,
  LAYOUT_NUMBER,
  SECTION_ENTRY_BYTES,
  SEGMENT_BYTES,
  SUPER_OFFSET,
  UUID_BYTES,
  UUID_OFFSET,
} from "./constants.js";
import { crc32c } from "./crc32c.js";
import type { ByteSource } from "./decode-source.js";

export interface Superblock {
  readonly layout: LayoutName;
  readonly sizeBytes: number;
  readonly inodeCount: number;
  readonly sectionTableOffset: number;
  readonly sectionCount: number;
  readonly rootNid: number;
  /** Byte that nid 0 stands for. */
  readonly metaOffset: number;
  /** Seconds; the mtime of compact inodes. */
  readonly buildTime: bigint;
  readonly buildTimeNs: number;
  readonly uuid: Buffer;
  readonly checksum: number;
  readonly computedChecksum: number;
}

/** @returns `bad-image` for what is no image of ours or uses EROFS features beyond docs/format.md */
export function decodeSuperblock(source: ByteSource): Result<Superblock> {
  const first = source.read(0, BLOCK_BYTES);
  if (!first.ok) return first;
  const block = first.value;
  const bad = (detail: string) => fail("bad-image", { detail });

  if (block.toString("latin1", 0, 8) !== HEADER_MAGIC) return bad("no binaryfs header");
  if (block.readUInt32LE(8) !== HEADER_VERSION) return bad(`header version ${block.readUInt32LE(8)}`);
  if (block.readUInt32LE(12) !== HEADER_BYTES) return bad("header size");
  const sizeBytes = Number(block.readBigUInt64LE(16));
  if (sizeBytes !== source.sizeBytes) return bad(`header says ${sizeBytes} bytes, the library ${source.sizeBytes}`);
  const sectionCount = block.readUInt32LE(32);
  if (sectionCount > 0 && block.readUInt32LE(36) !== SECTION_ENTRY_BYTES) return bad("section entry size");
  if (block.readUInt32LE(40) !== SEGMENT_BYTES) return bad("segment size");
  const layoutNumber = block.readUInt32LE(44);
  const layout = (["compact", "stable"] as const).find((name) => LAYOUT_NUMBER[name] === layoutNumber);
  if (layout === undefined) return bad(`layout ${layoutNumber}`);

  const at = (offset: number) => SUPER_OFFSET + offset;
  if (block.readUInt32LE(SUPER_OFFSET) !== EROFS_MAGIC) return bad("no EROFS superblock");
  if (1 << (block[at(12)] ?? 0) !== BLOCK_BYTES) return bad("block size");
  if ((block[at(90)] ?? 0) !== 0) return bad("directory block size");
  const incompatible = block.readUInt32LE(at(80)) & ~FEATURE_INCOMPAT_CHUNKED_FILE;
  if (incompatible !== 0) return bad(`EROFS features 0x${(incompatible >>> 0).toString(16)}`);
  if (block.readUInt32LE(at(36)) !== sizeBytes / BLOCK_BYTES) return bad("number of blocks");

  const zeroed = Buffer.from(block.subarray(SUPER_OFFSET));
  zeroed.writeUInt32LE(0, CHECKSUM_OFFSET - SUPER_OFFSET);
  return ok({
    layout,
    sizeBytes,
    inodeCount: Number(block.readBigUInt64LE(48)),
    sectionTableOffset: Number(block.readBigUInt64LE(24)),
    sectionCount,
    rootNid: block.readUInt16LE(at(14)),
    metaOffset: block.readUInt32LE(at(40)) * BLOCK_BYTES,
    buildTime: block.readBigInt64LE(at(24)),
    buildTimeNs: block.readUInt32LE(at(32)),
    uuid: Buffer.from(block.subarray(UUID_OFFSET, UUID_OFFSET + UUID_BYTES)),
    checksum: block.readUInt32LE(CHECKSUM_OFFSET),
    computedChecksum: crc32c(zeroed),
  });
}
