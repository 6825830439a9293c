/** A decoder's bytes out of an open file, through a cache of pages. */

import { readSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { type ByteSource, isInside, outside } from "../image/decode-source.js";

/** One page holds many inodes; the cache makes a walk cost a few system calls instead of one a node. */
const PAGE_BYTES = 65_536;
const CACHED_PAGES = 256;

/**
 * The window [start, start + sizeBytes) of an open file.
 * @param fd stays the caller's
 */
export function fileSource(fd: number, start: number, sizeBytes: number): ByteSource {
  const pages = new Map<number, Buffer>();
  const page = (index: number): Result<Buffer> => {
    const cached = pages.get(index);
    if (cached !== undefined) return ok(cached);
    const offset = index * PAGE_BYTES;
    const fresh = readExactly(fd, start + offset, Math.min(PAGE_BYTES, sizeBytes - offset));
    if (!fresh.ok) return fresh;
    const oldest = pages.size >= CACHED_PAGES ? pages.keys().next().value : undefined;
    if (oldest !== undefined) pages.delete(oldest);
    pages.set(index, fresh.value);
    return fresh;
  };
  return {
    sizeBytes,
    read: (offset, size) => {
      if (!isInside(offset, size, sizeBytes)) return outside(offset);
      const index = Math.floor(offset / PAGE_BYTES);
      const within = offset - index * PAGE_BYTES;
      if (size === 0 || within + size > PAGE_BYTES) return readExactly(fd, start + offset, size);
      const found = page(index);
      return found.ok ? ok(found.value.subarray(within, within + size)) : found;
    },
  };
}

function readExactly(fd: number, offset: number, size: number): Result<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  try {
    while (done < size) {
      const count = readSync(fd, bytes, done, size - done, offset + done);
      if (count === 0) return fail("library-truncated", { detail: `end of file at byte ${offset + done}` });
      done += count;
    }
  } catch (cause) {
    return fail("io", { detail: cause instanceof Error ? cause.message : "read", cause });
  }
  return ok(bytes);
}
