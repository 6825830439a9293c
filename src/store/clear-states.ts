/** Removes what builds keep of their outputs: states, and spares, which are as large as the libraries. */

import { closeSync, constants, lstatSync, openSync, readdirSync, rmSync } from "node:fs";
import { addon } from "../native/addon.js";

const KEPT = /^[0-9a-f]{32}\.(state|spare)$/;
const LOCK_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Directories in which a build is under way are left alone.
 * @param base a state directory that was named, or the one that holds those of all outputs
 * @returns allocated bytes that were removed
 */
export function clearStates(base: Buffer): number {
  let bytes = clearIn(base);
  const outputs = Buffer.concat([base, Buffer.from("/outputs")]);
  for (const name of namesIn(outputs)) bytes += clearIn(Buffer.concat([outputs, Buffer.from(`/${name}`, "latin1")]));
  return bytes;
}

function clearIn(directory: Buffer): number {
  const kept = namesIn(directory).filter((name) => KEPT.test(name));
  if (kept.length === 0) return 0;
  let fd: number | undefined;
  let bytes = 0;
  try {
    fd = openSync(Buffer.concat([directory, Buffer.from("/lock")]), LOCK_FLAGS);
    if (!addon.tryLock(fd)) return 0;
    for (const name of kept) {
      const path = Buffer.concat([directory, Buffer.from(`/${name}`, "latin1")]);
      const stats = lstatSync(path);
      if (!stats.isFile()) continue;
      rmSync(path);
      bytes += stats.blocks * 512;
    }
  } catch {
    // What cannot be removed stays.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return bytes;
}

function namesIn(directory: Buffer): string[] {
  try {
    return readdirSync(directory, "latin1");
  } catch {
    return [];
  }
}
