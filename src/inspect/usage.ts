/** Bytes that directories and files take, hard links counted once. */

import { ok, type Result } from "../errors.js";
import type { ImageView } from "../image/decode.js";
import { type PathInode, walk } from "./walk.js";

export interface Usage {
  readonly path: Buffer;
  readonly isDirectory: boolean;
  /** Levels below the start, which is 0. */
  readonly depth: number;
  /** Bytes of content of everything beneath; a hard link counts where it comes first. */
  sizeBytes: number;
  /** Inodes, itself included. */
  nodes: number;
}

const SLASH = 0x2f;

/** One entry a path, in byte order of the paths. */
export function usageOf(view: ImageView, start: PathInode): Result<Usage[]> {
  const usages: Usage[] = [];
  const directories = new Map<string, Usage>();
  const seen = new Set<number>();
  for (const step of walk(view, start)) {
    if (!step.ok) return step;
    const { path, inode } = step.value;
    const isFirst = !seen.has(inode.nid);
    seen.add(inode.nid);
    const hasContent = inode.type === "file" || inode.type === "symlink";
    const sizeBytes = isFirst && hasContent ? inode.sizeBytes : 0;
    const above = ancestorsOf(path, start.path.length).flatMap((key) => directories.get(key) ?? []);
    const isDirectory = inode.type === "directory";
    const usage = { path, isDirectory, depth: above.length, sizeBytes, nodes: isFirst ? 1 : 0 };
    usages.push(usage);
    for (const directory of above) {
      directory.sizeBytes += usage.sizeBytes;
      directory.nodes += usage.nodes;
    }
    if (isDirectory) directories.set(path.toString("latin1"), usage);
  }
  return ok(usages);
}

/** The directories above PATH, from the start downwards, as keys. */
function ancestorsOf(path: Buffer, startBytes: number): string[] {
  const text = path.toString("latin1");
  if (text.length <= startBytes) return [];
  const keys = [text.slice(0, startBytes)];
  for (let at = text.indexOf("/", startBytes + 1); at > 0; at = text.indexOf("/", at + 1)) keys.push(text.slice(0, at));
  return startBytes === 1 || path[startBytes] === SLASH ? keys : [];
}
