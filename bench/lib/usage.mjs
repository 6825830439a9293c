/** What files occupy on the disk. */
import { lstatSync, readdirSync } from "node:fs";

/** @typedef {{ allocated: number, apparent: number }} Usage bytes: blocks that hold something, and length with holes */

/** @param {string} path of a file @returns {Usage} */
export function usageOf(path) {
  const { blocks, size } = lstatSync(path);
  return { allocated: blocks * 512, apparent: size };
}

/**
 * All regular files below DIRECTORY, by what they are; a file with several names counts once.
 * @param {string} directory
 * @param {(path: string) => string} kindOf
 * @returns {Map<string, Usage>}
 */
export function usageBelow(directory, kindOf) {
  /** @type {Map<string, Usage>} */
  const kinds = new Map();
  const seen = new Set();
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const { ino } = lstatSync(path);
    if (seen.has(ino)) continue;
    seen.add(ino);
    const kind = kindOf(path);
    const sum = kinds.get(kind) ?? { allocated: 0, apparent: 0 };
    const own = usageOf(path);
    kinds.set(kind, { allocated: sum.allocated + own.allocated, apparent: sum.apparent + own.apparent });
  }
  return kinds;
}
