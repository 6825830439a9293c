/** Where the spare of a library is kept, and whether its file system is one that can keep one. */

import { lstatSync, mkdirSync, renameSync, rmdirSync, rmSync, statfsSync } from "node:fs";
import { outputKey } from "./output-key.js";

/**
 * File systems on which a write lease is refused while the file is mapped, and two files can be exchanged (statfs(2), tried on Linux 6.18).
 * On overlayfs the lease is granted though the file is mapped: its mappings refer to the file underneath.
 */
const KEEPING: readonly number[] = [
  0xef53, // ext2, ext3, ext4
  0x5846_5342, // xfs
  0x9123_683e, // btrfs
  0x0102_1994, // tmpfs
];

/** @param path a file or directory of the file system */
export function canKeepSpare(path: Buffer): boolean {
  try {
    return KEEPING.includes(statfsSync(path).type);
  } catch {
    return false;
  }
}

/** The name under which a directory keeps the spare of an output. */
export const sparePath = (directory: Buffer, output: Buffer): Buffer =>
  Buffer.concat([directory, Buffer.from(`/${outputKey(output)}.spare`)]);

/** `.binaryfs-NAME` beside the library: where the state directory is on another file system. Selection knows the form and never packs one. */
export function spareDirectoryBeside(output: Buffer): Buffer {
  const slash = output.lastIndexOf("/") + 1;
  return Buffer.concat([output.subarray(0, slash), Buffer.from(BESIDE), output.subarray(slash)]);
}

const BESIDE = ".binaryfs-";

/**
 * Moves a file into the first directory that takes it. Directories are made where they are missing; those that others own or may write to take nothing.
 * @returns its new path, or undefined where none took it (another file system, no permission)
 */
export function moveToSparePlace(file: Buffer, directories: readonly Buffer[], output: Buffer): Buffer | undefined {
  for (const directory of directories) {
    if (!isOurs(directory)) continue;
    const place = sparePath(directory, output);
    try {
      renameSync(file, place);
      return place;
    } catch {
      removeIfBeside(directory);
    }
  }
  return undefined;
}

function isOurs(directory: Buffer): boolean {
  try {
    const known = lstatSync(directory, { throwIfNoEntry: false });
    if (known === undefined) mkdirSync(directory, { mode: 0o700 });
    const stats = known ?? lstatSync(directory);
    return stats.isDirectory() && stats.uid === process.geteuid?.() && (stats.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Removes what is kept under the output's name. A mapped file may go: its readers keep it. */
export function clearSparePlaces(directories: readonly Buffer[], output: Buffer): void {
  for (const directory of directories) {
    const place = sparePath(directory, output);
    try {
      if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) rmSync(place, { force: true });
    } catch {
      // Tidying up is no reason to fail.
    }
  }
}

/** Removes directories beside a library that keep nothing any more. */
export function removeSpareDirectories(directories: readonly Buffer[]): void {
  for (const directory of directories) removeIfBeside(directory);
}

function removeIfBeside(directory: Buffer): void {
  if (
    !directory
      .subarray(directory.lastIndexOf("/") + 1)
      .toString("latin1")
      .startsWith(BESIDE)
  )
    return;
  try {
    if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) rmdirSync(directory);
  } catch {
    // Not empty, or not ours.
  }
}
