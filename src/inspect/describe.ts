/** What is known about one node of an image, as `stat` and `ls --json` give it. */

import { createHash } from "node:crypto";
import { ok, type Result } from "../errors.js";
import type { ImageView } from "../image/decode.js";
import { contentOf } from "../image/decode-data.js";
import type { NodeType, Xattr } from "../model.js";
import type { PathInode } from "./walk.js";

export interface NodeDescription {
  readonly path: Buffer;
  readonly type: NodeType;
  /** Permission bits with setuid, setgid, sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** As the kernel gives it: bytes of a file, of a symlink's body, of a directory's blocks; 0 elsewhere. */
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly nlink: number;
  readonly ino: number;
  readonly rdev: number | undefined;
  readonly target: Buffer | undefined;
  /** Lower-case hex, of files. */
  readonly sha256: string | undefined;
  readonly xattrs: readonly Xattr[];
}

const SIZED: ReadonlySet<NodeType> = new Set(["file", "symlink", "directory"]);

/** @param withDigest whether files are read and hashed */
export function describeNode(view: ImageView, node: PathInode, withDigest: boolean): Result<NodeDescription> {
  const { inode, path } = node;
  const target = inode.type === "symlink" ? view.target(inode) : ok(undefined);
  if (!target.ok) return target;
  const xattrs = view.xattrs(inode);
  if (!xattrs.ok) return xattrs;
  const sha256 = withDigest && inode.type === "file" ? contentDigest(view, node) : ok(undefined);
  if (!sha256.ok) return sha256;
  return ok({
    path,
    type: inode.type,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    sizeBytes: SIZED.has(inode.type) ? inode.sizeBytes : 0,
    mtimeNs: inode.mtimeNs,
    nlink: inode.nlink,
    ino: inode.ino,
    rdev: inode.rdev,
    target: target.value,
    sha256: sha256.value,
    xattrs: xattrs.value,
  });
}

/** SHA-256 of a file's content, lower-case hex. */
export function contentDigest(view: ImageView, node: PathInode): Result<string> {
  const hash = createHash("sha256");
  for (const piece of contentOf(view.source, node.inode)) {
    if (!piece.ok) return piece;
    hash.update(piece.value);
  }
  return ok(hash.digest("hex"));
}
