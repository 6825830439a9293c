/** What publishing leaves in the times of the output's directory, taken back: a directory inside ROOT is as it was, but for the library. */

import { STAT } from "../model.js";
import { addon } from "../native/addon.js";

const MTIME_WORDS = [STAT.mtime, STAT.mtime + 1, STAT.mtimeNsec] as const;

/**
 * Runs `action`, and gives the directory the mtime back that it had before: otherwise a library inside ROOT would change the tree that it is made of, and no build
 * would ever be up to date. Where that is not allowed, it stays as it is.
 * @param directory host path; undefined: one that is not in ROOT
 */
export async function withoutTraces<T>(directory: Buffer | undefined, action: () => Promise<T>): Promise<T> {
  const before = directory === undefined ? undefined : recordOf(directory);
  try {
    return await action();
  } finally {
    if (directory !== undefined && before !== undefined) restore(directory, before);
  }
}

function restore(directory: Buffer, before: Uint32Array): void {
  const now = recordOf(directory);
  if (now === undefined || MTIME_WORDS.every((word) => now[word] === before[word])) return;
  addon.setMtime(directory, before);
}

function recordOf(path: Buffer): Uint32Array | undefined {
  try {
    return addon.statRecord(path);
  } catch {
    return undefined;
  }
}
