/** Decodes one EROFS inode, compact or extended. */

import { fail, ok, type Result } from "../errors.js";
import type { NodeType } from "../model.js";
import { DATA_LAYOUT, FILE_TYPE, INODE_BYTES, NID_BYTES, XATTR_HEADER_BYTES } from "./constants.js";
import type { ByteSource } from "./decode-source.js";
import type { Superblock } from "./decode-superblock.js";

export interface Inode {
  readonly nid: number;
  readonly ino: number;
  readonly type: NodeType;
  /** Permission bits, setuid, setgid, sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly sizeBytes: number;
  readonly nlink: number;
  /** Linux's 32-bit device number form; of device nodes only. */
  readonly rdev: number | undefined;
  /** One of `DATA_LAYOUT`. */
  readonly dataLayout: number;
  /** `i_u`: first block or chunk format. */
  readonly union: number;
  /** Of the inode in the image, and what follows it before tail or chunk map. */
  readonly offset: number;
  readonly inodeBytes: number;
  readonly xattrBytes: number;
}

const COMPACT_BYTES = 32;
const TYPES = Object.entries(FILE_TYPE) as [NodeType, { dirent: number; mode: number }][];

/** @param nid from a dirent or the superblock, unchecked; `bad-image` where no valid inode stands there */
export function decodeInode(source: ByteSource, superblock: Superblock, nid: number): Result<Inode> {
  const bad = (detail: string) => fail("bad-image", { detail: `inode ${nid}: ${detail}` });
  const offset = superblock.metaOffset + nid * NID_BYTES;
  const start = source.read(offset, COMPACT_BYTES);
  if (!start.ok) return start;
  const format = start.value.readUInt16LE(0);
  const isExtended = (format & 1) === 1;
  const inodeBytes = isExtended ? INODE_BYTES : COMPACT_BYTES;
  const whole = source.read(offset, inodeBytes);
  if (!whole.ok) return whole;
  const bytes = whole.value;

  const dataLayout = (format >> 1) & 7;
  if (!(Object.values(DATA_LAYOUT) as number[]).includes(dataLayout)) return bad(`data layout ${dataLayout}`);
  const fullMode = bytes.readUInt16LE(4);
  const type = TYPES.find(([, { mode }]) => mode === (fullMode & 0o170000))?.[0];
  if (type === undefined) return bad(`mode 0${fullMode.toString(8)}`);
  const sizeBytes = isExtended ? Number(bytes.readBigUInt64LE(8)) : bytes.readUInt32LE(8);
  if (!Number.isSafeInteger(sizeBytes)) return bad("size");
  const icount = bytes.readUInt16LE(2);
  const union = bytes.readUInt32LE(16);
  const isDevice = type === "character" || type === "block";
  return ok({
    nid,
    ino: bytes.readUInt32LE(20),
    type,
    mode: fullMode & 0o7777,
    uid: isExtended ? bytes.readUInt32LE(24) : bytes.readUInt16LE(24),
    gid: isExtended ? bytes.readUInt32LE(28) : bytes.readUInt16LE(26),
    mtimeNs: isExtended
      ? bytes.readBigInt64LE(32) * 1_000_000_000n + BigInt(bytes.readUInt32LE(40))
      : superblock.buildTime * 1_000_000_000n + BigInt(superblock.buildTimeNs),
    sizeBytes,
    nlink: isExtended ? bytes.readUInt32LE(44) : bytes.readUInt16LE(6),
    rdev: isDevice ? union : undefined,
    dataLayout,
    union,
    offset,
    inodeBytes,
    xattrBytes: icount === 0 ? 0 : XATTR_HEADER_BYTES + (icount - 1) * 4,
  });
}
