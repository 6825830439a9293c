/** Encodes one inode's metadata at the place that the plan gave it. */

import { BLOCK_BYTES, DATA_LAYOUT, FILE_TYPE, INODE_BYTES, NID_BYTES } from "../image/constants.js";
import { type Dirent, directoryOrder, encodeDirectory, PARENT, SELF } from "../image/encode-directory.js";
import { encodeInode } from "../image/encode-inode.js";
import { encodeSuperblock } from "../image/encode-superblock.js";
import { encodeXattrs, xattrIcount } from "../image/encode-xattrs.js";
import type { TreeNode } from "../model.js";
import { inlineBytes, type Plan } from "../plan/plan.js";
import type { Window } from "./window.js";

/** Bytes 0–1151 of the image. */
export const superblockOf = (plan: Plan): Buffer =>
  encodeSuperblock({
    layout: plan.layout,
    sizeBytes: plan.sizeBytes,
    inodeCount: plan.inventory.nodes.length,
    sectionTableOffset: plan.sections.offset,
    sectionCount: plan.sections.count,
    hasChunkedFiles: plan.dataLayout.includes(DATA_LAYOUT.chunkBased),
    buildTime: plan.buildTime,
  });

const nodeOf = (plan: Plan, ordinal: number): TreeNode => plan.inventory.nodes[ordinal] as TreeNode;

/**
 * Writes inode and xattrs into `out`, which stands for the window; what lies outside is cut off.
 * @returns where the inode's inline tail begins in the image
 */
export function encodeInodeHead(plan: Plan, ordinal: number, out: Buffer, window: Window): number {
  const { inventory } = plan;
  const node = nodeOf(plan, ordinal);
  const at = (plan.nid[ordinal] as number) * NID_BYTES;
  const headBytes = inventory.headBytes[ordinal] as number;
  const fits = at >= window.start && at + headBytes <= window.end;
  const target = fits ? out : Buffer.alloc(headBytes);
  const offset = fits ? at - window.start : 0;
  const place = {
    dataLayout: plan.dataLayout[ordinal] as number,
    xattrIcount: xattrIcount(headBytes - INODE_BYTES),
    sizeBytes: inventory.contentBytes[ordinal] as number,
    union: node.rdev ?? (plan.dataBlock[ordinal] as number),
    ino: ordinal + 1,
    nlink: inventory.nlink[ordinal] as number,
  };
  encodeInode(node, place, target, offset);
  encodeXattrs(node.xattrs, target, offset + INODE_BYTES);
  if (!fits) {
    const skipped = Math.max(0, window.start - at);
    target.copy(out, at + skipped - window.start, skipped);
  }
  return at + headBytes;
}

/** Where a file's inline tail is to be read from. */
export interface FileTail {
  readonly fileOffset: number;
  readonly sizeBytes: number;
}

/** The content that follows the inode: bytes, a part of a file, or undefined for none. */
export function encodeTail(plan: Plan, ordinal: number): Buffer | FileTail | undefined {
  const sizeBytes = inlineBytes(plan, ordinal);
  if (sizeBytes === 0) return undefined;
  const contentBytes = plan.inventory.contentBytes[ordinal] as number;
  if (nodeOf(plan, ordinal).type === "file") return { fileOffset: contentBytes - sizeBytes, sizeBytes };
  return encodeContent(plan, ordinal).subarray(contentBytes - sizeBytes);
}

/** A symlink's body or a directory's dirents, whole. */
export function encodeContent(plan: Plan, ordinal: number): Buffer {
  const node = nodeOf(plan, ordinal);
  return node.type === "symlink" ? (node.target as Buffer) : encodeDirents(plan, ordinal, node);
}

/** A large directory is asked for once a batch and once for its tail: the last result is kept. */
const lastDirectory = new WeakMap<Plan, { readonly ordinal: number; readonly bytes: Buffer }>();

function encodeDirents(plan: Plan, ordinal: number, node: TreeNode): Buffer {
  const last = lastDirectory.get(plan);
  if (last?.ordinal === ordinal) return last.bytes;
  const { inventory, nid } = plan;
  const start = inventory.entryStart[ordinal] as number;
  const dirents = directoryOrder(node.children ?? []).map(({ name, index }): Dirent => {
    let target = ordinal;
    if (index === PARENT) target = inventory.parent[ordinal] as number;
    else if (index !== SELF) target = inventory.entryOrdinal[start + index] as number;
    return { name, nid: nid[target] as number, fileType: FILE_TYPE[nodeOf(plan, target).type].dirent };
  });
  const bytes = encodeDirectory(dirents, inventory.contentBytes[ordinal] as number);
  if (bytes.length > BLOCK_BYTES) lastDirectory.set(plan, { ordinal, bytes });
  return bytes;
}
