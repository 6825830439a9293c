/** Encodes one extended EROFS inode (`struct erofs_inode_extended`, 64 bytes). */

import type { InodeAttributes } from "../model.js";
import { FILE_TYPE, INODE_BYTES } from "./constants.js";

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

/** One inode, and the same bytes as words: quicker to fill than a Buffer at any offset. Little-endian, as all machines that this runs on. */
const words = new Uint32Array(INODE_BYTES / 4);
const inode = new Uint8Array(words.buffer);
const U32 = 0x1_0000_0000;

/** Writes 64 bytes at `offset` of `out`. */
export function encodeInode(attributes: InodeAttributes, place: InodePlace, out: Buffer, offset: number): void {
  const { sizeBytes } = place;
  const { mtimeSeconds } = attributes;
  words[0] = 1 | (place.dataLayout << 1) | (place.xattrIcount << 16);
  words[1] = FILE_TYPE[attributes.type].mode | attributes.mode;
  words[2] = sizeBytes % U32;
  words[3] = Math.floor(sizeBytes / U32);
  words[4] = place.union;
  words[5] = place.ino;
  words[6] = attributes.uid;
  words[7] = attributes.gid;
  // From −2⁵³ + 1 to 2⁵³ − 1: storing takes the value modulo 2³².
  words[8] = mtimeSeconds;
  words[9] = Math.floor(mtimeSeconds / U32);
  words[10] = attributes.mtimeNsec;
  words[11] = place.nlink;
  out.set(inode, offset);
}

/** Writes the block map of a chunk-based inode: a u32 a chunk, right after inode and xattrs. */
export function encodeChunkMap(blocks: Uint32Array, out: Buffer, offset: number): void {
  for (let index = 0; index < blocks.length; index++) out.writeUInt32LE(blocks[index] as number, offset + 4 * index);
}

/** @param value an integer from 0 to 2⁵³ − 1 */
export function writeUint64(out: Buffer, value: number, offset: number): void {
  out.writeUInt32LE(value % 0x1_0000_0000, offset);
  out.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}
