/** Numbers a tree's inodes in path order and counts what their encoding needs: names, links, sizes. */

import { INODE_BYTES } from "../image/constants.js";
import { directoryBytes } from "../image/encode-directory.js";
import { xattrAreaBytes } from "../image/encode-xattrs.js";
import type { TreeEntry, TreeNode } from "../model.js";

/** Columns by ordinal: the position of an inode's first path in component-wise byte order; the root is 0. */
export interface Inventory {
  readonly nodes: readonly TreeNode[];
  /** A directory's parent; the root is its own. */
  readonly parent: Uint32Array;
  readonly nlink: Uint32Array;
  /** Bytes of content: of a directory, its dirents. */
  readonly contentBytes: Float64Array;
  /** Bytes of inode and xattrs. */
  readonly headBytes: Uint32Array;
  /** Child k of directory d is `entryOrdinal[entryStart[d] + k]`. */
  readonly entryStart: Uint32Array;
  readonly entryOrdinal: Uint32Array;
  /** 1 where content may be mapped into memory, so must lie at block boundaries to its end. */
  readonly mappable: Uint8Array;
}

/** Larger files are mapped often enough (archives, class data, models) that whole blocks are worth their padding. */
const INLINE_FILE_LIMIT_BYTES = 1_048_576;

/** Programs and libraries are mapped by loaders; names and modes are all that a plan knows of contents. */
function isMappable(name: Buffer, node: TreeNode): boolean {
  if (node.type !== "file") return false;
  if (node.sizeBytes >= INLINE_FILE_LIMIT_BYTES) return true;
  return /\.so(\.|$)/.test(name.toString("latin1"));
}

/** Depth-first, children in their order; explicit stack, since trees may be deeper than the call stack. */
export function takeInventory(root: TreeNode): Inventory {
  const nodes: TreeNode[] = [root];
  const ordinals = new Map<TreeNode, number>([[root, 0]]);
  const parent: number[] = [0];
  const nlink: number[] = [2];
  const mappable: number[] = [0];
  const entryStart: number[] = [0];
  const entryOrdinal: number[] = [];
  interface Frame {
    readonly ordinal: number;
    readonly children: readonly TreeEntry[];
    readonly start: number;
    next: number;
  }
  const enter = (ordinal: number, node: TreeNode): Frame => {
    const children = node.children ?? [];
    const start = entryOrdinal.length;
    entryStart[ordinal] = start;
    for (let index = 0; index < children.length; index++) entryOrdinal.push(0);
    return { ordinal, children, start, next: 0 };
  };
  const stack: Frame[] = [enter(0, root)];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const entry = frame.children[frame.next];
    if (entry === undefined) {
      stack.pop();
      continue;
    }
    const { name, node } = entry;
    let ordinal = ordinals.get(node);
    if (ordinal === undefined) {
      ordinal = nodes.length;
      ordinals.set(node, ordinal);
      nodes.push(node);
      nlink.push(node.type === "directory" ? 2 : 0);
      parent.push(frame.ordinal);
      mappable.push(0);
      entryStart.push(0);
    }
    entryOrdinal[frame.start + frame.next++] = ordinal;
    if (isMappable(name, node)) mappable[ordinal] = 1;
    if (node.type === "directory") {
      nlink[frame.ordinal] = (nlink[frame.ordinal] as number) + 1;
      stack.push(enter(ordinal, node));
    } else {
      nlink[ordinal] = (nlink[ordinal] as number) + 1;
    }
  }
  return {
    nodes,
    parent: Uint32Array.from(parent),
    nlink: Uint32Array.from(nlink),
    contentBytes: Float64Array.from(nodes, contentBytesOf),
    headBytes: Uint32Array.from(nodes, (node) => INODE_BYTES + xattrAreaBytes(node.xattrs)),
    entryStart: Uint32Array.from(entryStart),
    entryOrdinal: Uint32Array.from(entryOrdinal),
    mappable: Uint8Array.from(mappable),
  };
}

function contentBytesOf(node: TreeNode): number {
  if (node.type === "directory") return directoryBytes(node.children ?? []);
  return node.type === "file" || node.type === "symlink" ? node.sizeBytes : 0;
}
