/** Encodes one extended EROFS inode (`struct erofs_inode_extended`, 64 bytes). */

import type { TreeNode } from "../model.js";
import { FILE_TYPE } from "./constants.js";

/** What an inode says that its `TreeNode` does not know. */
export interface InodePlace {
  /** One of `DATA_LAYOUT`. */
  readonly dataLayout: number;
  readonly xattrIcount: number;
  /** Bytes of content: of a directory, its dirents. */
  readonly sizeBytes: number;
  /** `i_u`: first block, device number or chunk format (u32). */
  readonly union: number;
  /** Ordinal from 1. */
  readonly ino: number;
  readonly nlink: number;
}

const SECOND_NS = 1_000_000_000n;

/** Writes 64 bytes at `offset` of zero-filled `out`. */
export function encodeInode(node: TreeNode, place: InodePlace, out: Buffer, offset: number): void {
  // Rounded towards −∞: nanoseconds are never negative, also before 1970.
  const nsec = ((node.mtimeNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
  const seconds = (node.mtimeNs - nsec) / SECOND_NS;
  out.writeUInt16LE(1 | (place.dataLayout << 1), offset);
  out.writeUInt16LE(place.xattrIcount, offset + 2);
  out.writeUInt16LE(FILE_TYPE[node.type].mode | node.mode, offset + 4);
  writeUint64(out, place.sizeBytes, offset + 8);
  out.writeUInt32LE(place.union, offset + 16);
  out.writeUInt32LE(place.ino, offset + 20);
  out.writeUInt32LE(node.uid, offset + 24);
  out.writeUInt32LE(node.gid, offset + 28);
  out.writeBigInt64LE(seconds, offset + 32);
  out.writeUInt32LE(Number(nsec), offset + 40);
  out.writeUInt32LE(place.nlink, offset + 44);
}

/** @param value an integer from 0 to 2⁵³ − 1 */
export function writeUint64(out: Buffer, value: number, offset: number): void {
  out.writeUInt32LE(value % 0x1_0000_0000, offset);
  out.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}
