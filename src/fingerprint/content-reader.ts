/** Reads a source file piece by piece, and says at the end whether it is still what selection saw. */

import { closeSync, constants, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import { STAT } from "../model.js";
import { addon } from "../native/addon.js";

// Not followed: a symlink put in a file's place is a change. Not blocking: so is a fifo.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const PIECE_BYTES = 1 << 20;
/** Read between two turns of the event loop. */
const TURN_BYTES = 16 << 20;

let scratch: Buffer | undefined;

/**
 * @param path host path
 * @param stat the record (`STAT`) that selection saw
 * @param part what to read of it; default: all
 * @param visit gets pieces of at most 1 MiB, in order, each valid during the call; false ends the reading
 * Errors: `input-changed` (it is not what selection saw, or was not when all had been read), `unreadable`, `io`
 */
export async function readContent(
  path: Buffer,
  stat: Uint32Array,
  visit: (piece: Buffer, offset: number) => boolean,
  part: { readonly offset: number; readonly sizeBytes: number } = { offset: 0, sizeBytes: recordedSize(stat) },
): Promise<Result<void>> {
  const end = part.offset + part.sizeBytes;
  let fd: number | undefined;
  try {
    fd = openSync(path, OPEN_FLAGS);
    for (let at = part.offset; at < end; ) {
      scratch ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
      const got = readSync(fd, scratch, 0, Math.min(PIECE_BYTES, end - at), at);
      if (got === 0) return fail("input-changed", { path });
      if (!visit(scratch.subarray(0, got), at)) break;
      at += got;
      if (at % TURN_BYTES < got) await nextTurn();
    }
    return isAsSeen(addon.statRecord(path), stat) ? ok(undefined) : fail("input-changed", { path });
  } catch (cause) {
    return { ok: false, error: readError(path, cause) };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const recordedSize = (stat: Uint32Array): number =>
  (stat[STAT.size] as number) + (stat[STAT.size + 1] as number) * 2 ** 32;

/** Links say nothing of content and change with other names: nlink, uid and gid are left out, as ctime covers them. */
const isAsSeen = (now: Uint32Array, seen: Uint32Array): boolean =>
  now[STAT.dev] === seen[STAT.dev] &&
  now.subarray(STAT.ino, STAT.mode + 1).every((word, k) => word === seen[STAT.ino + k]);

/** @param cause what opening, reading or looking at a source threw */
export function readError(path: Buffer, cause: unknown): BinaryfsError {
  const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const facts = { path: Buffer.from(path), detail };
  if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ESTALE"].includes(detail)) return fail("input-changed", facts).error;
  if (["EACCES", "EPERM"].includes(detail)) return fail("unreadable", facts).error;
  return fail("io", facts).error;
}
