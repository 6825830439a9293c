/** Symlinks that dangle only because what they lead to, though in ROOT, was not selected. */

import type { TreeNode, Warning } from "../model.js";
import { asText, componentsOf, isWithin, toBytes } from "./paths.js";
import type { WalkedNode } from "./walk.js";

/** As the kernel limits a path's resolution (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * @param root the selected tree
 * @param existsInRoot whether a guest path exists in ROOT, selected or not
 * @param provided guest paths that the runtime or a door answers
 * @returns a `symlink-target-unselected` a link, `detail` what it leads to
 */
export function unselectedTargets(
  root: TreeNode,
  nodes: readonly WalkedNode[],
  existsInRoot: (guest: string) => boolean,
  provided: readonly string[],
): Warning[] {
  const tree = new TreeLookup(root);
  const warnings: Warning[] = [];
  for (const { guest, leadsTo } of nodes) {
    if (leadsTo === undefined || provided.some((path) => isWithin(leadsTo, path))) continue;
    if (tree.has(leadsTo) || !existsInRoot(leadsTo)) continue;
    warnings.push({ code: "symlink-target-unselected", path: toBytes(guest), detail: asText(leadsTo) });
  }
  return warnings;
}

class TreeLookup {
  readonly #root: TreeNode;
  readonly #names = new Map<TreeNode, ReadonlyMap<string, TreeNode>>();

  constructor(root: TreeNode) {
    this.#root = root;
  }

  /** Whether a path resolves in the tree as far as a link at its end, which is judged by itself. */
  has(path: string): boolean {
    const pending = componentsOf(path).reverse();
    const above: TreeNode[] = [];
    let here = this.#root;
    let links = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === "..") {
        here = above.pop() ?? this.#root;
        continue;
      }
      const child = this.#children(here).get(part);
      if (child === undefined) return false;
      if (child.type !== "symlink" || pending.length === 0) {
        above.push(here);
        here = child;
        continue;
      }
      if (++links > MAX_LINKS) return false;
      const body = child.target?.toString("latin1") ?? "";
      if (body.startsWith("/")) {
        above.length = 0;
        here = this.#root;
      }
      pending.push(...componentsOf(body).reverse());
    }
    return true;
  }

  #children(directory: TreeNode): ReadonlyMap<string, TreeNode> {
    const known = this.#names.get(directory);
    if (known !== undefined) return known;
    const names = new Map(directory.children?.map(({ name, node }) => [name.toString("latin1"), node]));
    this.#names.set(directory, names);
    return names;
  }
}
