/** Opens a shard for the link: its index, and which file it is. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fail, ok, type Result } from "../errors.js";
import { addon } from "../native/addon.js";
import { decodeIndex, indexPlace, SHARD_HEADER_BYTES, type ShardEntry } from "./shard-format.js";

export interface Shard {
  /** Without symlinks, since content is read from it with none followed. */
  readonly path: Buffer;
  readonly stat: Uint32Array;
  readonly entries: readonly ShardEntry[];
  /** Bodies of the selected symlinks among them, by guest path; latin1 text both. */
  readonly links: ReadonlyMap<string, string>;
}

/** PATH_MAX without the NUL. */
const BODY_MAX_BYTES = 4095;

/**
 * @param path absolute host path without symlinks
 * @param known what it holds, if an earlier reading of the same bytes told: the index is not read again
 * Errors: `input-missing`, `unreadable`, `bad-shard`
 */
export function readShard(path: Buffer, known?: Pick<Shard, "entries" | "links">): Result<Shard> {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = addon.statRecord(path);
    const stats = fstatSync(fd);
    if (!stats.isFile()) return fail("bad-shard", { path, detail: "it is no file" });
    if (known !== undefined) return ok({ path, stat, ...known });
    const { size } = stats;
    const header = readAt(fd, 0, Math.min(size, SHARD_HEADER_BYTES));
    const place = indexPlace(header, size);
    if (!place.ok) return at(path, place);
    const { offset, sizeBytes } = place.value;
    const entries = decodeIndex(header, readAt(fd, offset, sizeBytes), offset);
    if (!entries.ok) return at(path, entries);
    const links = new Map<string, string>();
    for (const entry of entries.value) {
      if (!entry.isLink || !entry.isSelected) continue;
      const body = entry.sizeBytes > BODY_MAX_BYTES ? "" : readAt(fd, entry.offset, entry.sizeBytes).toString("latin1");
      if (body === "" || body.includes("\0")) return fail("bad-shard", { path, detail: "a symlink in it" });
      links.set(entry.path, body);
    }
    return ok({ path, stat, entries: entries.value, links });
  } catch (cause) {
    const detail = (cause as NodeJS.ErrnoException).code ?? "";
    return fail(detail === "ENOENT" ? "input-missing" : "unreadable", { path, detail, cause });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const at = (path: Buffer, failure: Result<never> & { ok: false }): Result<never> => ({
  ok: false,
  error: { ...failure.error, path },
});

function readAt(fd: number, position: number, sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let done = 0;
  while (done < sizeBytes) {
    const got = readSync(fd, bytes, done, sizeBytes - done, position + done);
    if (got === 0) return bytes.subarray(0, done);
    done += got;
  }
  return bytes;
}
