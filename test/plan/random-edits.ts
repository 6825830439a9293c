/** Random trees as lists of names, and random edits of them. */

import { directory, file, link, type Made, xattr } from "./tables.js";

type Random = () => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const NAMES = ["a", "b", "lib.so", "libz.so.1", "!x", ".-", ".a", "..b", "c.py", "d.json", "é", "n".repeat(200)];
const newName = (random: Random): string =>
  random() < 0.5 ? pick(random, NAMES) : `f${Math.floor(random() * 10_000)}${pick(random, ["", ".py", ".so"])}`;

function newSize(random: Random): number {
  const kind = random();
  if (kind < 0.7) return Math.floor(random() * 9000);
  if (kind < 0.85)
    return pick(random, [0, 1, 4031, 4032, 4033, 4096, 8192, 1_048_575, 1_048_576, 1_048_577, 3_145_728]);
  return Math.floor(random() ** 3 * 4_000_000);
}

let version = 0;

function newNode(random: Random): Made {
  const kind = random();
  if (kind < 0.15) return directory({}, random() < 0.2 ? { xattrs: [xattr(Math.floor(random() * 300))] } : {});
  if (kind < 0.25) return link(1 + Math.floor(random() * 4090));
  if (kind < 0.3) return { mode: 0o010644, sizeBytes: 0 };
  const more = random() < 0.1 ? { xattrs: [xattr(Math.floor(random() * 20_000))] } : {};
  return file(newSize(random), { version: ++version, ...more });
}

function directoriesOf(root: Made): Made[] {
  const found = [root];
  for (const { children } of found) for (const child of children?.values() ?? []) if (child.children) found.push(child);
  return found;
}

export function randomTree(random: Random, nodes: number): Made {
  const root = directory({ first: file(10, { version: ++version }) });
  const directories = [root];
  for (let index = 0; index < nodes; index++) {
    const node = newNode(random);
    pick(random, directories).children?.set(newName(random), node);
    if (node.children && !directories.includes(node)) directories.push(node);
  }
  return root;
}

/** A copy in which nothing is shared with the original but nodes that no edit changes in place. */
export const copyOf = (node: Made): Made =>
  node.children === undefined
    ? node
    : { ...node, children: new Map([...node.children].map(([name, child]) => [name, copyOf(child)])) };

let nextInode = 1;

/** Changes a tree in place. */
export function edit(random: Random, root: Made): void {
  const directories = directoriesOf(root);
  const { children } = pick(random, directories) as { children: Map<string, Made> };
  const name = pick(random, [...children.keys()]);
  const kind = random();
  if (kind < 0.25 || name === undefined) {
    children.set(newName(random), newNode(random));
    return;
  }
  const node = children.get(name) as Made;
  if (kind < 0.4) {
    if (root.children !== children || children.size > 1) children.delete(name);
  } else if (kind < 0.5) {
    children.set(name, { ...node, mtime: Math.floor(random() * 1e6) });
  } else if (kind < 0.6) {
    children.set(name, { ...node, mode: (node.mode & 0o170000) | Math.floor(random() * 0o777) });
  } else if (kind < 0.65) {
    children.set(name, { ...node, xattrs: [xattr(Math.floor(random() * 200), Math.floor(random() * 255))] });
  } else if (kind < 0.7) {
    if (node.body) children.set(name, { ...link(node.sizeBytes, "u"), mode: node.mode });
  } else if (kind < 0.78) {
    const target = pick(random, directories);
    if (node.children && directoriesOf(node).includes(target)) return;
    if (node.children === undefined || root.children !== children || children.size > 1) {
      children.delete(name);
      target.children?.set(newName(random), node);
    }
  } else if (kind < 0.85 && !node.children) {
    const linked = { ...node, ino: node.ino ?? nextInode++ };
    children.set(name, linked);
    pick(random, directories).children?.set(newName(random), linked);
  } else if ((node.mode & 0o170000) === 0o100000) {
    const sizeBytes = pick(random, [
      node.sizeBytes,
      node.sizeBytes,
      node.sizeBytes + 1,
      node.sizeBytes + 4096,
      newSize(random),
    ]);
    const changed = { ...node, sizeBytes, version: ++version };
    // All names of an inode show the change.
    for (const { children: names } of directories) {
      for (const [other, same] of names ?? [])
        if (same === node || (node.ino !== undefined && same.ino === node.ino)) names?.set(other, changed);
    }
  }
}
