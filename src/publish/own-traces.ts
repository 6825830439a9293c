/** What publishing leaves in the times of the output's directory, taken back: a directory inside ROOT is as it was, but for the library. */

import { readdirSync } from "node:fs";
import { STAT } from "../model.js";
import { addon } from "../native/addon.js";

const MTIME_WORDS = [STAT.mtime, STAT.mtime + 1, STAT.mtimeNsec] as const;

/**
 * Runs `action`, and gives the output's directory the mtime back that it had before: otherwise a library inside ROOT would change the tree that it is made of, and no build
 * would ever be up to date. Where that is not allowed, or other names came or went meanwhile, it stays as it is.
 * @param output host path; undefined: one that is not in ROOT
 */
export async function withoutTraces<T>(output: Buffer | undefined, action: () => Promise<T>): Promise<T> {
  if (output === undefined) return action();
  const slash = output.lastIndexOf("/");
  const directory = output.subarray(0, Math.max(1, slash));
  const name = output.toString("latin1", slash + 1);
  const before = recordOf(directory);
  const names = othersIn(directory, name);
  try {
    return await action();
  } finally {
    if (before !== undefined && names === othersIn(directory, name)) restore(directory, before);
  }
}

/** Names that are not the output's, its temporaries' or its spare's, as one text. */
function othersIn(directory: Buffer, output: string): string {
  const isOwn = (name: string): boolean =>
    name === output || name === `.binaryfs-${output}` || name.startsWith(`.${output}.binaryfs-`);
  try {
    return readdirSync(directory, "latin1")
      .filter((name) => !isOwn(name))
      .sort()
      .join("/");
  } catch {
    return "";
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
