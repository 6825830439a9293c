/** Where a decoder's bytes come from: an interface, and its form over bytes in memory. */

import { fail, ok, type Result } from "../errors.js";

/** Random access to an image's bytes. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `size` bytes, not to be written to; `bad-image` where they are not all inside, `io` where they cannot be read. */
  read(offset: number, size: number): Result<Buffer>;
}

/** Bytes in memory. */
export function bufferSource(bytes: Buffer): ByteSource {
  return {
    sizeBytes: bytes.length,
    read: (offset, size) =>
      isInside(offset, size, bytes.length) ? ok(bytes.subarray(offset, offset + size)) : outside(offset),
  };
}

/** Whether [offset, offset + size) lies within `limit` bytes. */
export const isInside = (offset: number, size: number, limit: number): boolean =>
  Number.isSafeInteger(offset) && offset >= 0 && offset <= limit && size >= 0 && size <= limit - offset;

/** The failure of a read that does not. */
export const outside = (offset: number) =>
  fail("bad-image", { detail: `reference outside the image, to byte ${offset}` });
