/** Walks an image's tree in byte order of the full paths, whatever a hostile image holds: no loop, no endless path. */

import { fail, ok, type Result } from "../errors.js";
import { DIRENT_BYTES } from "../image/constants.js";
import type { ImageView } from "../image/decode.js";
import { isDotEntry } from "../image/decode-directory.js";
import type { Inode } from "../image/decode-inode.js";

export interface PathInode {
  /** Absolute in the image. */
  readonly path: Buffer;
  readonly inode: Inode;
}

/** 200 levels of 255-byte names are 51,200 bytes; a hostile image could ask for terabytes. */
const PATH_LIMIT_BYTES = 1 << 20;
const SLASH = Buffer.from("/");

/** A step within one directory: the node itself, or everything below it. */
interface Step extends PathInode {
  readonly key: Buffer;
  readonly descends: boolean;
}

/**
 * Yields `start`, then everything below it. Ends after the first failure.
 *
 * A directory gives two steps, sorted among its siblings as NAME and NAME/, because in byte order `a-b` comes between `a` and `a/x`.
 */
export function* walk(view: ImageView, start: PathInode): Generator<Result<PathInode>> {
  yield ok(start);
  if (start.inode.type !== "directory") return;
  const visited = new Set<number>();
  let entryBudget = view.source.sizeBytes / DIRENT_BYTES;
  const stack: Iterator<Step>[] = [[{ ...start, key: SLASH, descends: true }].values()];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    const { path, inode, descends } = next.value;
    if (!descends) {
      yield ok({ path, inode });
      continue;
    }
    if (visited.has(inode.nid)) return yield bad(path, "directory in two places");
    visited.add(inode.nid);
    const steps = stepsOf(view, path, inode, entryBudget);
    if (!steps.ok) return yield steps;
    entryBudget -= steps.value.length / 2;
    stack.push(steps.value.values());
  }
}

function stepsOf(view: ImageView, path: Buffer, directory: Inode, budget: number): Result<Step[]> {
  const entries = view.entries(directory);
  if (!entries.ok) return entries;
  if (entries.value.length > budget) return bad(path, "more entries than the image has room for");
  const steps: Step[] = [];
  for (const { name, nid } of entries.value) {
    if (isDotEntry(name)) continue;
    const inode = view.inode(nid);
    if (!inode.ok) return inode;
    const childPath = joinPath(path, name);
    if (childPath.length > PATH_LIMIT_BYTES) return bad(path.subarray(0, 4096), "path too long");
    steps.push({ key: name, path: childPath, inode: inode.value, descends: false });
    if (inode.value.type === "directory") {
      steps.push({ key: Buffer.concat([name, SLASH]), path: childPath, inode: inode.value, descends: true });
    }
  }
  return ok(steps.sort((a, b) => Buffer.compare(a.key, b.key)));
}

const bad = (path: Buffer, detail: string) => fail("bad-image", { path, detail });

/** `/` + NAME, or DIRECTORY/NAME. */
export const joinPath = (directory: Buffer, name: Buffer): Buffer =>
  directory.length === 1 ? Buffer.concat([SLASH, name]) : Buffer.concat([directory, SLASH, name]);
