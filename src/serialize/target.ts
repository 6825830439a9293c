/** Where an image goes, and what becomes of failed system calls. */

import { readSync } from "node:fs";
import { type BinaryfsError, fail, ok, type Result } from "../errors.js";
import { addon, errnoName } from "../native/addon.js";

/** An open descriptor (for reading and writing) and the image's first byte in it. */
export interface Target {
  readonly fd: number;
  readonly offset: number;
}

/** Writes all bytes, which are whole blocks or the last of a file. Errors: `no-space`, `io`. */
export function writeBytes(bytes: Uint8Array, imageOffset: number, target: Target): Result<void> {
  const errno = addon.writeBlocks(target.fd, target.offset + imageOffset, bytes, 0);
  return errno === 0 ? ok(undefined) : { ok: false, error: writeErrno(errno) };
}

/** Fills `out` from `imageOffset` on. Errors: `io`, also where the file ends too early. */
export function readBytes(out: Uint8Array, imageOffset: number, { fd, offset }: Target): Result<void> {
  try {
    for (let done = 0; done < out.length; ) {
      const got = readSync(fd, out, done, out.length - done, offset + imageOffset + done);
      if (got === 0) return fail("io", { detail: "ENODATA" });
      done += got;
    }
    return ok(undefined);
  } catch (cause) {
    return { ok: false, error: writeError(cause) };
  }
}

const NO_SPACE: readonly string[] = ["ENOSPC", "EDQUOT", "EFBIG"];

/** @param cause what a file system call threw */
export function writeError(cause: unknown): BinaryfsError {
  const detail = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return fail(NO_SPACE.includes(detail) ? "no-space" : "io", { detail, cause }).error;
}

export function writeErrno(errno: number): BinaryfsError {
  const detail = errnoName(errno);
  return fail(NO_SPACE.includes(detail) ? "no-space" : "io", { detail }).error;
}

/** @param errno 0 where the file was read, but is not what selection saw */
export function readErrno(path: Uint8Array, errno: number): BinaryfsError {
  const facts = { path: Buffer.from(path) };
  if (errno === 0) return fail("input-changed", facts).error;
  const detail = errnoName(errno);
  if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ESTALE"].includes(detail))
    return fail("input-changed", { ...facts, detail }).error;
  if (["EACCES", "EPERM"].includes(detail)) return fail("unreadable", { ...facts, detail }).error;
  return fail("io", { ...facts, detail }).error;
}
