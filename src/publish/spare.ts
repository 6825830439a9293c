/** The spare: a second file, one generation behind the library, that becomes the next library where the file system shares no blocks. */

import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { ok, type Result } from "../errors.js";
import { addon } from "../native/addon.js";
import { copyStretches, type Stretch } from "./copy.js";
import { type FileIdentity, identityOf, sameIdentity } from "./identity.js";
import { unwritable } from "./output-file.js";
import { outputPlace } from "./output-place.js";
import { canKeepSpare, clearSparePlaces, moveToSparePlace, removeSpareDirectories, sparePath } from "./spare-place.js";
import { temporaryPath, trackTemporary, untrackTemporary } from "./temporaries.js";

export interface Spare {
  readonly path: Buffer;
  readonly identity: FileIdentity;
  /** Stretches of the file in which it differs from the published library; what only one of both files is long enough for does not count. */
  readonly behind: readonly Stretch[];
}

export interface SpareOptions {
  /** Absolute host path of the library. */
  readonly output: Buffer;
  /** What stands there. */
  readonly library: FileIdentity;
  /**
   * Where a spare may be kept, best first: the state directory, `spareDirectoryBeside(output)`. One on another file system is passed over, one that
   * does not exist is made.
   */
  readonly spareDirectories: readonly Buffer[];
  readonly signal?: AbortSignal;
}

/** Permission bits of a library before the umask. */
export const LIBRARY_MODE = 0o755;
// Not waiting for whoever holds a lease, nor for a fifo's writer.
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
export const CREATE_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const REUSE_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes a spare ahead of need, in slices of 8 MiB between which the process attends to other things.
 * @returns undefined where none is needed (the file system shares blocks), none can be kept, or the library is no longer the one that was named.
 * Errors: `interrupted`, `no-space`, `output-unwritable`; nothing is left of the attempt
 */
export async function makeSpare(options: SpareOptions): Promise<Result<Spare | undefined>> {
  const place = outputPlace(options.output);
  if (!place.ok) return place;
  const source = openLibrary(place.value, options.library);
  if (source === undefined) return ok(undefined);
  const temporary = temporaryPath(place.value);
  let target: number | undefined;
  try {
    if (!canKeepSpare(place.value)) return ok(undefined);
    target = openSync(temporary, CREATE_FLAGS, LIBRARY_MODE);
    trackTemporary(temporary);
    if (addon.clone(source, target) === 0) return ok(undefined);
    const copied = await copyStretches(source, target, [[0, fstatSync(source).size]], options.signal);
    if (!copied.ok) return copied;
    if (!sameIdentity(identityOf(place.value), options.library)) return ok(undefined);
    return ok(keepAsSpare(temporary, [], options.spareDirectories, place.value));
  } catch (cause) {
    return unwritable(options.output, cause);
  } finally {
    closeSync(source);
    if (target !== undefined) {
      closeSync(target);
      untrackTemporary(temporary);
      rmSync(temporary, { force: true });
    }
  }
}

/** Removes what is kept for an output: after a build that made the library anew, or one that keeps no state. */
export function removeSpare(output: Buffer, spareDirectories: readonly Buffer[]): void {
  const place = outputPlace(output);
  if (!place.ok) return;
  clearSparePlaces(spareDirectories, place.value);
  removeSpareDirectories(spareDirectories);
}

/** @returns a descriptor for reading, or undefined where something else stands */
export function openLibrary(place: Buffer, expected: FileIdentity): number | undefined {
  let fd: number;
  try {
    fd = openSync(place, READ_FLAGS);
  } catch {
    return undefined;
  }
  if (sameIdentity(identityOf(fd), expected)) return fd;
  closeSync(fd);
  return undefined;
}

/**
 * Takes the spare out of its place, as `temporary`, if it is what was recorded and nobody else has it open or mapped: the write lease stays on the descriptor.
 * Whoever opens it before the lease is released waits.
 */
export function takeSpare(
  spare: Spare,
  directories: readonly Buffer[],
  output: Buffer,
  temporary: Buffer,
): number | undefined {
  const isKnownPlace = directories.some((directory) => sparePath(directory, output).equals(spare.path));
  if (!isKnownPlace || !canKeepSpare(spare.path)) return undefined;
  let fd: number | undefined;
  try {
    fd = openSync(spare.path, REUSE_FLAGS);
    if (addon.lease(fd) === 0 && isUntouched(fd, spare.identity)) {
      renameSync(spare.path, temporary);
      return fd;
    }
  } catch {
    // Gone, not ours to write, or in reach of another file system's names alone.
  }
  if (fd !== undefined) closeSync(fd);
  return undefined;
}

function isUntouched(fd: number, recorded: FileIdentity): boolean {
  const { nlink, uid } = fstatSync(fd);
  return nlink === 1 && uid === process.geteuid?.() && sameIdentity(identityOf(fd), recorded);
}

/** @param file path of a file that this process made or replaced; removed if it cannot be kept */
export function keepAsSpare(
  file: Buffer,
  behind: readonly Stretch[],
  directories: readonly Buffer[],
  output: Buffer,
): Spare | undefined {
  const path = moveToSparePlace(file, directories, output);
  const identity = path && identityOf(path);
  if (path === undefined) rmSync(file, { force: true });
  return path === undefined || identity === undefined ? undefined : { path, identity, behind };
}

/** Without setting it, as `process.umask()` does for a moment, to the harm of other threads. */
export function currentUmask(): number {
  const text = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return text === undefined ? 0o022 : Number.parseInt(text, 8);
}
