/** A tree's selected rows as nested objects, for assertions that read well. */

import { type InodeAttributes, ROW, STAT, STAT_WORDS, type Tree, type Xattr } from "../../src/model.js";
import { attributesOf } from "../../src/tree/attributes.js";
import { bodyOf, nameOf, rowSize } from "../../src/tree/row.js";

export interface NestedNode extends InodeAttributes {
  readonly row: number;
  readonly sizeBytes: number;
  /** Device and inode number. */
  readonly inode: string;
  readonly target?: Buffer;
  readonly xattrs?: readonly Xattr[];
  readonly children?: { readonly name: Buffer; readonly node: NestedNode }[];
}

export function nested(tree: Tree, row = 0): NestedNode {
  const { table } = tree;
  const at = row * STAT_WORDS;
  const attributes = attributesOf(tree, row);
  const xattrs = table.xattrs.get(row);
  const children: { name: Buffer; node: NestedNode }[] = [];
  for (let child = row + 1; child < (table.end[row] as number); child = table.end[child] as number) {
    if (((table.flags[child] as number) & ROW.selected) === 0) continue;
    children.push({ name: nameOf(table, child), node: nested(tree, child) });
  }
  return {
    row,
    ...attributes,
    sizeBytes: rowSize(table, row),
    inode: [...table.stats.subarray(at + STAT.dev, at + STAT.ino + 2)].join(":"),
    ...(attributes.type === "symlink" && { target: bodyOf(table, row) }),
    ...(xattrs !== undefined && { xattrs }),
    ...(attributes.type === "directory" && { children }),
  };
}

/** Guest paths of selected names in tree order, latin1; directories end with a slash. */
export function selectedPaths(tree: Tree): string[] {
  const found: string[] = [];
  const visit = ({ children = [] }: NestedNode, path: string): void => {
    for (const { name, node } of children) {
      const childPath = `${path}/${name.toString("latin1")}`;
      found.push(node.type === "directory" ? `${childPath}/` : childPath);
      visit(node, childPath);
    }
  };
  visit(nested(tree), "");
  return found;
}

export function nodeAt(tree: Tree, path: string): NestedNode {
  let node = nested(tree);
  for (const part of path.split("/").filter(Boolean)) {
    const entry = node.children?.find(({ name }) => name.toString("latin1") === part);
    if (entry === undefined) throw new Error(`no ${path}`);
    node = entry.node;
  }
  return node;
}
