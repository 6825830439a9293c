/** Resolves a path inside an image, symlinks included, as a process inside it would. */

import { fail, ok, type Result } from "../errors.js";
import type { ImageView } from "../image/decode.js";
import type { Inode } from "../image/decode-inode.js";
import { joinPath, type PathInode } from "./walk.js";

/** Linux's own limit of symlinks on one path. */
const MAX_SYMLINKS = 40;
const SLASH = 0x2f;

/**
 * @param path absolute or relative to the image's root
 * @param followLast whether a symlink at the end is followed (cat) or meant itself (stat)
 * @returns the node and its path without symlinks; `path-not-found` with detail ENOENT, ENOTDIR or ELOOP
 */
export function lookup(view: ImageView, path: Buffer, followLast: boolean): Result<PathInode> {
  const missing = (detail: string) => fail("path-not-found", { path, detail });
  const root = view.root();
  if (!root.ok) return root;
  const ancestors: PathInode[] = [{ path: Buffer.from("/"), inode: root.value }];
  const pending = components(path).reverse();
  const mustBeDirectory = path.at(-1) === SLASH;
  let symlinks = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const here = ancestors.at(-1) as PathInode;
    if (here.inode.type !== "directory") return missing("ENOTDIR");
    const text = name.toString("latin1");
    if (text === ".") continue;
    if (text === "..") {
      if (ancestors.length > 1) ancestors.pop();
      continue;
    }
    const child = childOf(view, here.inode, name);
    if (!child.ok) return child;
    if (child.value === undefined) return missing("ENOENT");
    if (child.value.type === "symlink" && (pending.length > 0 || followLast || mustBeDirectory)) {
      if (++symlinks > MAX_SYMLINKS) return missing("ELOOP");
      const target = view.target(child.value);
      if (!target.ok) return target;
      if (target.value[0] === SLASH) ancestors.length = 1;
      pending.push(...components(target.value).reverse());
      continue;
    }
    ancestors.push({ path: joinPath(here.path, name), inode: child.value });
  }
  const found = ancestors.at(-1) as PathInode;
  return mustBeDirectory && found.inode.type !== "directory" ? missing("ENOTDIR") : ok(found);
}

function childOf(view: ImageView, directory: Inode, name: Buffer): Result<Inode | undefined> {
  const entries = view.entries(directory);
  if (!entries.ok) return entries;
  const entry = entries.value.find((candidate) => candidate.name.equals(name));
  return entry === undefined ? ok(undefined) : view.inode(entry.nid);
}

function components(path: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < path.length; ) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) parts.push(path.subarray(start, end));
    start = end + 1;
  }
  return parts;
}
