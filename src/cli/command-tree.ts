/** `binaryfs tree LIB [PATH]`: the tree, drawn. */

import { fail, ok, type Result } from "../errors.js";
import type { ImageView } from "../image/decode.js";
import { isDotEntry } from "../image/decode-directory.js";
import { lookup } from "../inspect/lookup.js";
import { joinPath, type PathInode } from "../inspect/walk.js";
import type { Command } from "./command.js";
import { TREE_OPTIONS } from "./options.js";
import { escapePath, type StandardOutput } from "./output.js";
import { lastOf } from "./parse-options.js";
import { withImage } from "./with-image.js";

/** Deeper than any tree that a path can name through; ends a hostile image's loop. */
const MAX_DEPTH = 2048;

export const treeCommand: Command = {
  name: "tree",
  operands: "LIB [PATH]",
  summary: "draw what an image holds as a tree",
  options: TREE_OPTIONS,
  examples: ["binaryfs tree app.so", "binaryfs tree -L 2 app.so /usr"],
  run: ({ parsed, out }) =>
    withImage(parsed, async ({ view }, path) => {
      const depth = Number(lastOf(parsed, "depth") ?? MAX_DEPTH);
      if (!Number.isInteger(depth) || depth < 1) return fail("usage", { detail: "--depth takes a number from 1" });
      const start = lookup(view, path, true);
      if (!start.ok) return start;
      await out.line(escapePath(start.value.path));
      const counts = { directories: 0, others: 0 };
      const drawn = await draw(view, out, start.value, "", Math.min(depth, MAX_DEPTH), new Set(), counts);
      if (!drawn.ok) return drawn;
      await out.line(`\n${counts.directories} directories, ${counts.others} files`);
      return ok(0);
    }),
};

async function draw(
  view: ImageView,
  out: StandardOutput,
  directory: PathInode,
  indent: string,
  depth: number,
  visited: Set<number>,
  counts: { directories: number; others: number },
): Promise<Result<void>> {
  if (directory.inode.type !== "directory" || depth === 0) return ok(undefined);
  if (visited.has(directory.inode.nid))
    return fail("bad-image", { path: directory.path, detail: "directory in two places" });
  visited.add(directory.inode.nid);
  const entries = view.entries(directory.inode);
  if (!entries.ok) return entries;
  const named = entries.value.filter(({ name }) => !isDotEntry(name));
  for (const [index, { name, nid }] of named.entries()) {
    const isLast = index === named.length - 1;
    const inode = view.inode(nid);
    if (!inode.ok) return inode;
    const target = inode.value.type === "symlink" ? view.target(inode.value) : ok(undefined);
    if (!target.ok) return target;
    const arrow = target.value === undefined ? "" : ` -> ${escapePath(target.value)}`;
    await out.line(`${indent}${isLast ? "└── " : "├── "}${escapePath(name)}${arrow}`);
    if (inode.value.type === "directory") counts.directories++;
    else counts.others++;
    const child = { path: joinPath(directory.path, name), inode: inode.value };
    const below = await draw(view, out, child, indent + (isLast ? "    " : "│   "), depth - 1, visited, counts);
    if (!below.ok) return below;
  }
  return ok(undefined);
}
