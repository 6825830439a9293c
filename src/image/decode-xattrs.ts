/** Decodes an inode's inline extended attributes. */

import { fail, ok, type Result } from "../errors.js";
import type { Xattr } from "../model.js";
import { roundUp, XATTR_ENTRY_BYTES, XATTR_HEADER_BYTES } from "./constants.js";
import type { Inode } from "./decode-inode.js";
import type { ByteSource } from "./decode-source.js";

/** EROFS_XATTR_INDEX_*. */
const PREFIXES = new Map([
  [1, "user."],
  [2, "system.posix_acl_access"],
  [3, "system.posix_acl_default"],
  [4, "trusted."],
  [6, "security."],
]);

/** In the order in which they stand. Shared attributes are beyond docs/format.md: `bad-image`. */
export function decodeXattrs(source: ByteSource, inode: Inode): Result<Xattr[]> {
  if (inode.xattrBytes === 0) return ok([]);
  const area = source.read(inode.offset + inode.inodeBytes, inode.xattrBytes);
  if (!area.ok) return area;
  const bytes = area.value;
  const bad = (detail: string) => fail("bad-image", { detail: `inode ${inode.nid}: xattr: ${detail}` });
  if (bytes[4] !== 0) return bad("shared");
  const xattrs: Xattr[] = [];
  let at = XATTR_HEADER_BYTES;
  while (at < bytes.length) {
    if (bytes.length - at < XATTR_ENTRY_BYTES) return bad("entry too short");
    const nameBytes = bytes[at] as number;
    const prefix = PREFIXES.get(bytes[at + 1] as number);
    const valueBytes = bytes.readUInt16LE(at + 2);
    if (prefix === undefined) return bad(`name index ${bytes[at + 1]}`);
    const nameAt = at + XATTR_ENTRY_BYTES;
    if (nameBytes + valueBytes > bytes.length - nameAt) return bad("entry outside its area");
    xattrs.push({
      name: Buffer.concat([Buffer.from(prefix, "latin1"), bytes.subarray(nameAt, nameAt + nameBytes)]),
      value: Buffer.from(bytes.subarray(nameAt + nameBytes, nameAt + nameBytes + valueBytes)),
    });
    at = roundUp(nameAt + nameBytes + valueBytes, 4);
  }
  return ok(xattrs);
}
