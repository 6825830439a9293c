/** Encodes one extended EROFS inode (`struct erofs_inode_extended`, 64 bytes). */

import type { InodeAttributes } from "../model.js";
import { FILE_TYPE } from "./constants.js";

/** What an inode says that is not of its node but of its place in the image. */
export interface InodePlace {
  /** One of `DATA_LAYOUT`. */
  readonly dataLayout: number;
  readonly xattrIcount: number;
  /** Bytes of content: of a directory, its dirents. */
  readonly sizeBytes: number;
  /** `i_u`: first block, device number or `CHUNK_FORMAT` (u32). */
  readonly union: number;
  /** `i_ino`. */
  readonly ino: number;
  readonly nlink: number;
}

/** Writes 64 bytes at `offset` of zero-filled `out`. */
export function encodeInode(attributes: InodeAttributes, place: InodePlace, out: Buffer, offset: number): void {
  out.writeUInt16LE(1 | (place.dataLayout << 1), offset);
  out.writeUInt16LE(place.xattrIcount, offset + 2);
  out.writeUInt16LE(FILE_TYPE[attributes.type].mode | attributes.mode, offset + 4);
  writeUint64(out, place.sizeBytes, offset + 8);
  out.writeUInt32LE(place.union, offset + 16);
  out.writeUInt32LE(place.ino, offset + 20);
  out.writeUInt32LE(attributes.uid, offset + 24);
  out.writeUInt32LE(attributes.gid, offset + 28);
  writeInt64(out, attributes.mtimeSeconds, offset + 32);
  out.writeUInt32LE(attributes.mtimeNsec, offset + 40);
  out.writeUInt32LE(place.nlink, offset + 44);
}

/** Writes the block map of a chunk-based inode: a u32 a chunk, right after inode and xattrs. */
export function encodeChunkMap(blocks: Uint32Array, out: Buffer, offset: number): void {
  for (let index = 0; index < blocks.length; index++) out.writeUInt32LE(blocks[index] as number, offset + 4 * index);
}

/** @param value an integer from −2⁵³ + 1 to 2⁵³ − 1 */
function writeInt64(out: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  out.writeUInt32LE(value - high * 0x1_0000_0000, offset);
  out.writeInt32LE(high, offset + 4);
}

/** @param value an integer from 0 to 2⁵³ − 1 */
export function writeUint64(out: Buffer, value: number, offset: number): void {
  out.writeUInt32LE(value % 0x1_0000_0000, offset);
  out.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}
