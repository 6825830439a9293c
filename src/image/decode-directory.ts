/** Decodes a directory's entries. */

import { fail, ok, type Result } from "../errors.js";
import { BLOCK_BYTES, DIRENT_BYTES, NAME_MAX } from "./constants.js";
import { wholeContent } from "./decode-data.js";
import type { Inode } from "./decode-inode.js";
import type { ByteSource } from "./decode-source.js";

export interface DirectoryEntry {
  /** 1–255 bytes without `/` and NUL. */
  readonly name: Buffer;
  readonly nid: number;
  /** `EROFS_FT_*`. */
  readonly fileType: number;
}

const SLASH = 0x2f;

/** The entries of a directory as they stand, `.` and `..` among them; `bad-image` for any that is malformed. */
export function decodeDirectory(source: ByteSource, directory: Inode): Result<DirectoryEntry[]> {
  const content = wholeContent(source, directory, source.sizeBytes);
  if (!content.ok) return content;
  const entries: DirectoryEntry[] = [];
  for (let start = 0; start < content.value.length; start += BLOCK_BYTES) {
    const detail = decodeBlock(content.value.subarray(start, start + BLOCK_BYTES), entries);
    if (detail !== undefined) return fail("bad-image", { detail: `directory ${directory.nid}: ${detail}` });
  }
  return ok(entries);
}

/** Appends a block's entries; returns what is wrong with it. */
function decodeBlock(block: Buffer, entries: DirectoryEntry[]): string | undefined {
  if (block.length < DIRENT_BYTES) return "block too short";
  const namesAt = block.readUInt16LE(8);
  if (namesAt === 0 || namesAt % DIRENT_BYTES !== 0 || namesAt >= block.length) return `names at byte ${namesAt}`;
  for (let at = 0; at < namesAt; at += DIRENT_BYTES) {
    const isLast = at + DIRENT_BYTES === namesAt;
    const start = block.readUInt16LE(at + 8);
    const limit = isLast ? block.length : block.readUInt16LE(at + DIRENT_BYTES + 8);
    if (start < namesAt || limit > block.length || start >= limit) return `name at byte ${start}`;
    let name = block.subarray(start, limit);
    // Only the last name may be followed by slack.
    const nul = name.indexOf(0);
    if (nul >= 0 && !isLast) return "NUL in a name";
    if (nul >= 0) name = name.subarray(0, nul);
    if (name.length === 0 || name.length > NAME_MAX || name.includes(SLASH)) return "invalid name";
    entries.push({ name, nid: Number(block.readBigUInt64LE(at)), fileType: block[at + 10] ?? 0 });
  }
  return undefined;
}

/** Is this `.` or `..`? */
export const isDotEntry = (name: Buffer): boolean =>
  name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
