/** Encodes a node's extended attributes as EROFS keeps them inline, right after the inode. */

import type { Xattr } from "../model.js";
import { roundUp, XATTR_ENTRY_BYTES, XATTR_HEADER_BYTES } from "./constants.js";

/** EROFS_XATTR_INDEX_*: the whole names first, since no prefix of theirs stands here. */
const PREFIXES: readonly (readonly [prefix: string, index: number])[] = [
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["user.", 1],
  ["trusted.", 4],
  ["security.", 6],
];

/** `i_xattr_icount` is a u16 that counts 4-byte units after the header, plus one. */
export const XATTR_AREA_MAX = XATTR_HEADER_BYTES + (0xffff - 1) * 4;

/** The name index and the rest of the name, or undefined for a name that EROFS cannot express. */
export function splitXattrName(name: Buffer): { readonly index: number; readonly suffix: Buffer } | undefined {
  const text = name.toString("latin1");
  for (const [prefix, index] of PREFIXES) {
    const whole = !prefix.endsWith(".");
    if (whole ? text === prefix : text.startsWith(prefix) && text.length > prefix.length) {
      return { index, suffix: name.subarray(prefix.length) };
    }
  }
  return undefined;
}

const entryBytes = (suffix: Buffer, value: Buffer): number =>
  roundUp(XATTR_ENTRY_BYTES + suffix.length + value.length, 4);

/** Bytes between the inode and what follows it; 0 without attributes. Names must be expressible. */
export function xattrAreaBytes(xattrs: readonly Xattr[] | undefined): number {
  if (xattrs === undefined || xattrs.length === 0) return 0;
  let bytes = XATTR_HEADER_BYTES;
  for (const { name, value } of xattrs) bytes += entryBytes(splitXattrName(name)?.suffix ?? name, value);
  return bytes;
}

/** The value of `i_xattr_icount` for an area of `areaBytes`. */
export const xattrIcount = (areaBytes: number): number =>
  areaBytes === 0 ? 0 : (areaBytes - XATTR_HEADER_BYTES) / 4 + 1;

/** Writes the area at `offset` of zero-filled `out`; returns its size in bytes. */
export function encodeXattrs(xattrs: readonly Xattr[] | undefined, out: Buffer, offset: number): number {
  if (xattrs === undefined || xattrs.length === 0) return 0;
  let at = offset + XATTR_HEADER_BYTES;
  for (const { name, value } of xattrs) {
    const split = splitXattrName(name) ?? { index: 0, suffix: name };
    out.writeUInt8(split.suffix.length, at);
    out.writeUInt8(split.index, at + 1);
    out.writeUInt16LE(value.length, at + 2);
    split.suffix.copy(out, at + XATTR_ENTRY_BYTES);
    value.copy(out, at + XATTR_ENTRY_BYTES + split.suffix.length);
    at += entryBytes(split.suffix, value);
  }
  return at - offset;
}
